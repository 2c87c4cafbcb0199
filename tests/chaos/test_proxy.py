"""The proxy of the chaos runs passes everything on, and nothing while its route is cut or closed."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from benchmarks.chaos.supply.proxy import Proxy, Route
from tests.ports import free_ports

PATIENCE_S = 5.0


class Ends:
    """A route with a client at the front and the server's end behind it."""

    def __init__(self, proxy: Proxy) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.route: Route = proxy.add(free_ports(1)[0], self._listener.getsockname()[1])
        self.client = socket.create_connection(("127.0.0.1", self.route.port), PATIENCE_S)
        self.server, _ = self._listener.accept()
        for end in (self.client, self.server):
            end.settimeout(PATIENCE_S)

    def close(self) -> None:
        for one in (self.client, self.server, self._listener):
            one.close()


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy() as proxy:
        yield proxy


@pytest.fixture
def ends(proxy: Proxy) -> Iterator[Ends]:
    ends = Ends(proxy)
    yield ends
    ends.close()


def test_both_directions_pass(ends: Ends) -> None:
    ends.client.sendall(b"question")
    assert ends.server.recv(100) == b"question"
    ends.server.sendall(b"answer")
    assert ends.client.recv(100) == b"answer"


def test_the_end_of_one_side_reaches_the_other(ends: Ends) -> None:
    ends.server.close()
    assert ends.client.recv(100) == b""


def test_what_was_sent_into_a_cut_comes_through_when_it_is_healed(proxy: Proxy, ends: Ends) -> None:
    proxy.cut(ends.route)
    ends.client.sendall(b"question")
    ends.server.settimeout(0.2)
    with pytest.raises(TimeoutError):
        ends.server.recv(100)
    proxy.heal(ends.route)
    ends.server.settimeout(PATIENCE_S)
    assert ends.server.recv(100) == b"question"


def test_a_closed_route_ends_its_connections_and_new_ones(proxy: Proxy, ends: Ends) -> None:
    proxy.close(ends.route)
    assert ends.client.recv(100) == b""
    again = socket.create_connection(("127.0.0.1", ends.route.port), PATIENCE_S)
    with again:
        assert again.recv(100) == b""


def test_a_slow_route_delays_each_direction(proxy: Proxy, ends: Ends) -> None:
    proxy.slow(ends.route, 0.1)
    began_s = time.monotonic()
    ends.client.sendall(b"question")
    ends.server.recv(100)
    ends.server.sendall(b"answer")
    ends.client.recv(100)
    assert time.monotonic() - began_s >= 0.2
