"""The HTTP client of channels: that of actions, to allow-listed hosts only, with refusals in the terms of channels.

Redirects are not followed, answers above 1 MiB are refused, TLS is verified, and neither tokens nor secret paths appear
in a reason. 408, 425, 429, 5xx and silence may be tried again; any other answer that is no success is final.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from actions.base import TargetError
from actions.channels.message import ChannelRefused
from actions.kinds.http import Access, Http, HttpError, JsonValue, Method, Signer

if TYPE_CHECKING:
    import aiohttp


def host_of(url: str) -> str:
    """The host that a URL names, with its port where it names one, in lower case; empty where there is none."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        return ""
    host = (parts.hostname or "").lower()
    return host if port is None or not host else f"{host}:{port}"


def is_allowed(host: str, hosts: Collection[str] | None) -> bool:
    """Whether a host, perhaps with a port, is on an allow-list; None allows the host that the channel is configured
    with.

    >>> is_allowed("hooks.example:8443", ["hooks.example"]), is_allowed("other.example", ["hooks.example"])
    (True, False)
    """
    return hosts is None or host in hosts or host.rpartition(":")[0] in hosts


class ChannelHttp:
    """The client of one channel, which calls hosts of `hosts` only. show_path, sign: see `Http`."""

    def __init__(
        self, session: aiohttp.ClientSession, access: Access, hosts: Collection[str], *, show_path: bool = True,
        sign: Signer | None = None,
    ) -> None:
        self._http = Http(session, access, show_path=show_path, sign=sign)
        self._hosts = frozenset(hosts)

    async def call(
        self, method: Method, url: str, *, body: JsonValue = None, key: str | None = None,
        query: Mapping[str, str] | None = None,
    ) -> JsonValue:
        """Send one request; the JSON answer, or None. Raises `ChannelRefused`."""
        host = host_of(url)
        if not host or not is_allowed(host, self._hosts):
            raise ChannelRefused(f"host {host!r}, expected one of {', '.join(sorted(self._hosts))}", final=True)
        try:
            return await self._http.call(method, url, body=body, key=key, query=query)
        except HttpError as fault:
            raise ChannelRefused(str(fault), final=not fault.retryable, retry_after_s=fault.retry_after_s) from fault
        except TargetError as fault:
            raise ChannelRefused(str(fault), final=not fault.retryable) from fault
