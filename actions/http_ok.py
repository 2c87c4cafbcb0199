"""The prerequisite `http_ok` of a step: the executor asks its URL, right before the claim, and wants 200 to 299.

The URL comes with the intent and holds labels from telemetry, so the executor asks only hosts that it is allowed to.
Redirects are not followed, and no credentials are sent. Crash and duplicate: asking changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING

from yarl import URL

from actions.base import TargetError
from actions.kinds.http import Access, Http, HttpError
from actions.kinds.urls import masked_in
from actions.model import HTTP_OK, Intent

if TYPE_CHECKING:
    import aiohttp

TIMEOUT_S = 3.0


class HttpOk:
    """Asks URLs of `hosts`, each a name or address, with `:port` where only that port is allowed."""

    def __init__(self, session: aiohttp.ClientSession, hosts: Collection[str]) -> None:
        self._http = Http(session, Access(request_timeout_s=TIMEOUT_S))
        self._hosts = frozenset(host.lower() for host in hosts)

    async def unmet(self, intent: Intent) -> str | None:
        """Why the prerequisite does not hold; None where it holds or there is none. Takes 3 s at most."""
        value = intent.params.get(HTTP_OK)
        if value is None:
            return None
        fault = self._fault(value)
        if fault is not None:
            return f"prerequisite http_ok: {fault}"
        try:
            await self._http.call("GET", str(value))
        except HttpError as error:
            shown = self._http.shown(str(value))
            return f"prerequisite http_ok: GET {shown}: answered {error.status}, expected 200 to 299"
        except TargetError as error:
            return f"prerequisite http_ok: {error}"
        return None

    def _fault(self, value: object) -> str | None:
        """Why a URL is not asked. It is parsed as the client parses it."""
        expected = "expected http(s)://host/... without credentials or placeholders"
        try:
            url = URL(value) if isinstance(value, str) else URL()
            host, port = (url.host or "").lower(), url.port
        except ValueError:
            return f"{masked_in(str(value))[:100]!r}, {expected}"
        has_credentials = url.user is not None or url.password is not None
        if url.scheme not in ("http", "https") or not host or has_credentials or "{" in str(value):
            return f"{masked_in(str(value))[:100]!r}, {expected}"
        named = f"[{host}]" if ":" in host else host
        if not self._hosts & {host, named, f"{named}:{port}"}:
            return f"host {named}:{port}, expected one of {', '.join(sorted(self._hosts)) or 'none'}"
        return None


def hosts_of(params: Iterable[object]) -> frozenset[str]:
    """The hosts of all HTTP URLs in the parameters of configured actions."""
    return frozenset(host for one in params for text in _texts(one) if (host := _host_of(text)) is not None)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif is_dataclass(value):
        for field in fields(value):
            yield from _texts(getattr(value, field.name))


def _host_of(text: str) -> str | None:
    if not text.startswith(("http://", "https://")):
        return None
    try:
        return URL(text).host
    except ValueError:
        return None
