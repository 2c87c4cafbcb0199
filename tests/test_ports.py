"""Ports for servers are none that an outgoing connection may take meanwhile."""

from __future__ import annotations

import socket

from tests.ports import EPHEMERAL, answers, free_port, free_ports


def test_ports_are_free_distinct_and_not_for_outgoing_connections() -> None:
    ports = free_ports(50)
    assert len(set(ports)) == 50
    assert max(ports) < int(EPHEMERAL.read_text().split()[0])
    for port in ports:
        socket.create_server(("127.0.0.1", port)).close()


def test_a_port_answers_while_somebody_listens() -> None:
    port = free_port()
    assert not answers(port)
    with socket.create_server(("127.0.0.1", port)):
        assert answers(port)
    assert not answers(port)
