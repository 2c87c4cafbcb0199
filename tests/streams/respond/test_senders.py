"""Whose failures are counted together: nobody is locked out for another, and nobody escapes by a header."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from streams.respond.http.authentication import MAX_FAILURES
from streams.respond.http.senders import Senders, counted_as
from tests.streams.page.served import OF_PAGE, ServedPage

PROXIES = ("10.0.0.0/8", "fd00::/8")
NGINX = "10.1.2.3"
Enter = Callable[[ServedPage, str, str], Awaitable[int]]


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


async def _log_in(served: ServedPage, token: str, forwarded: str) -> int:
    headers = {**OF_PAGE, "X-Forwarded-For": forwarded}
    async with served.client.post("/page/session", json={"token": token}, headers=headers) as answer:
        return answer.status


async def _read(served: ServedPage, token: str, forwarded: str) -> int:
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": forwarded}
    async with served.client.get("/api/v1/incidents", headers=headers) as answer:
        return answer.status


@pytest.mark.parametrize("enter", [_log_in, _read], ids=["page", "interface"])
async def test_behind_a_trusted_proxy_a_sender_who_fails_locks_nobody_else_out(enter: Enter) -> None:
    async with ServedPage(trusted=("127.0.0.1",)).running() as served:
        for _ in range(MAX_FAILURES):
            assert await enter(served, "a-guess", "203.0.113.7") == 401
        assert await enter(served, "token-ann", "198.51.100.1, 203.0.113.7") == 429
        assert await enter(served, "token-ann", "198.51.100.9") == 200
        assert "from 203.0.113.7" in str(served.log.refusals[0].reason)


@pytest.mark.parametrize("enter", [_log_in, _read], ids=["page", "interface"])
async def test_who_is_no_trusted_proxy_does_not_escape_by_a_header(enter: Enter) -> None:
    async with ServedPage(trusted=("10.0.0.0/8",)).running() as served:
        for number in range(MAX_FAILURES):
            assert await enter(served, "a-guess", f"203.0.113.{number}") == 401
        assert await enter(served, "token-ann", "10.0.0.1") == 429
        assert "from 127.0.0.1" in str(served.log.refusals[0].reason)
