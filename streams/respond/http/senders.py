"""Whose requests are counted together: the address of a sender, also behind reverse proxies.

The peer of a connection counts. Where it is a proxy that the operator trusts, the address that this proxy wrote last
into X-Forwarded-For does, and so on as long as that is a trusted proxy itself. What stands before it, and the header of
anybody else, is what a sender claims and counts for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from aiohttp import web

HEADER = "X-Forwarded-For"
UNKNOWN = "unknown"
IPV6_PREFIX = 64
"""The network that one subscriber of IPv6 has: all its addresses are one sender."""

Address = IPv4Address | IPv6Address


class Senders:
    """trusted: networks or addresses of reverse proxies, such as `10.0.0.0/8`; none as shipped. Raises `ValueError`."""

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        self._trusted = tuple(ip_network(each) for each in trusted)

    def of(self, request: web.Request) -> str:
        """The address of who sent a request; `unknown` where the connection has none."""
        return self.address(request.remote, request.headers.getall(HEADER, []))

    def address(self, peer: str | None, forwarded: Iterable[str] = ()) -> str:
        """The address of a sender. peer: of the connection. forwarded: the values of the header X-Forwarded-For.

        >>> proxied = Senders(["10.0.0.0/8"])
        >>> proxied.address("10.0.0.1", ["1.2.3.4, 203.0.113.7"]), proxied.address("203.0.113.9", ["1.2.3.4"])
        ('203.0.113.7', '203.0.113.9')
        """
        found = _address(peer or "")
        if found is None:
            return peer or UNKNOWN
        before = ",".join(forwarded).split(",")
        while before and any(found in network for network in self._trusted):
            earlier = _address(before.pop())
            if earlier is None:
                break
            found = earlier
        return str(found)


def counted_as(sender: str) -> str:
    """Under which name failures of a sender are counted: its address, of IPv6 its network.

    >>> counted_as("203.0.113.7"), counted_as("2001:db8:0:1:aaaa::1")
    ('203.0.113.7', '2001:db8:0:1::/64')
    """
    address = _address(sender)
    if isinstance(address, IPv6Address):
        return str(ip_network((int(address), IPV6_PREFIX), strict=False))
    return sender


def _address(text: str) -> Address | None:
    """An address as proxies write it, with or without a port; None where it is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
