"""Ports of this machine for servers that the tests start, and whether one listens."""

from __future__ import annotations

import random
import socket
from pathlib import Path

EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
LOWEST = 10_000
TRIES = 1000


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on now.

    None that the system gives to outgoing connections: one of those could take the port before its server listens,
    or while the server is away to be started again.
    """
    choice = random.SystemRandom()
    highest = _first_ephemeral() - 1
    found: list[int] = []
    for _ in range(TRIES):
        port = choice.randint(LOWEST, highest)
        if port not in found and _is_free(port):
            found.append(port)
        if len(found) == count:
            return found
    raise RuntimeError(f"{count} free ports between {LOWEST} and {highest}: {len(found)} found")


def free_port() -> int:
    """One of `free_ports`."""
    return free_ports(1)[0]


def answers(port: int) -> bool:
    """Whether somebody listens on a port of this machine."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _first_ephemeral() -> int:
    return int(EPHEMERAL.read_text().split()[0]) if EPHEMERAL.exists() else 32_768
