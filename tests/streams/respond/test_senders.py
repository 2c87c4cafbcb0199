"""Whose failures are counted together: nobody is locked out for another, and nobody escapes by a header."""

from __future__ import annotations

import pytest

from streams.respond.http.senders import Senders, counted_as

PROXIES = ("10.0.0.0/8", "fd00::/8")
NGINX = "10.1.2.3"


@pytest.mark.parametrize(("peer", "forwarded", "sender"), [
    (NGINX, ["203.0.113.7"], "203.0.113.7"),
    (NGINX, ["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
    (NGINX, ["198.51.100.1", "203.0.113.7"], "203.0.113.7"),
    (NGINX, ["203.0.113.7, 10.9.9.9"], "203.0.113.7"),
    (NGINX, ["10.0.0.1, 203.0.113.7, 10.9.9.9"], "203.0.113.7"),
    (NGINX, ["10.9.9.9"], "10.9.9.9"),
    (NGINX, [], NGINX),
    (NGINX, [""], NGINX),
    (NGINX, ["203.0.113.7, unknown"], NGINX),
    (NGINX, ["203.0.113.7:51123"], "203.0.113.7"),
    (NGINX, ["[2001:db8::1]:51123"], "2001:db8::1"),
    ("fd00::1", ["2001:db8::1"], "2001:db8::1"),
    (f"::ffff:{NGINX}", ["203.0.113.7"], "203.0.113.7"),
    (NGINX, ["::ffff:203.0.113.7"], "203.0.113.7"),
    ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
    ("203.0.113.9", ["10.0.0.1"], "203.0.113.9"),
    (None, ["203.0.113.7"], "unknown"),
])
def test_the_last_address_that_no_trusted_proxy_has_is_the_sender(
    peer: str | None, forwarded: list[str], sender: str,
) -> None:
    assert Senders(PROXIES).address(peer, forwarded) == sender


def test_without_trusted_proxies_the_peer_is_the_sender() -> None:
    assert Senders().address(NGINX, ["203.0.113.7"]) == NGINX


def test_what_one_subscriber_of_ipv6_has_is_one_sender() -> None:
    assert len({counted_as(f"2001:db8:0:1::{number:x}") for number in range(1, 50)}) == 1
    assert counted_as("2001:db8:0:1::1") != counted_as("2001:db8:0:2::1")
    assert counted_as("203.0.113.7") != counted_as("203.0.113.8")


def test_a_network_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="nginx"):
        Senders(["nginx"])
