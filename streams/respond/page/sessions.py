"""Sessions of people who logged in with a token: a random cookie that scripts cannot read and other sites cannot send.

Known by the SHA-256 of the cookie alone, in the memory of this process: after a restart, people log in again.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from actions.bounded import remember

COOKIE = "tocsin_session"
LASTS_S = 12 * 3600.0
MAX_SESSIONS = 1_000
PAGE_HEADER = "X-Tocsin-Page"
"""Set by the scripts of the page in each request that acts; a form of another site cannot set it."""


@dataclass(frozen=True, slots=True)
class _Session:
    person: str
    until_s: float


class Sessions:
    """mono_s: monotonic seconds."""

    def __init__(self, mono_s: Callable[[], float] = time.monotonic) -> None:
        self._mono_s = mono_s
        self._known: dict[str, _Session] = {}

    def begin(self, person: str) -> str:
        """A new session; returns the value of its cookie."""
        value = secrets.token_urlsafe(32)
        remember(self._known, _digest(value), _Session(person, self._mono_s() + LASTS_S), MAX_SESSIONS)
        return value

    def person(self, request: web.Request) -> str | None:
        """Whose session a request has; None without one, or once it is over."""
        value = request.cookies.get(COOKIE)
        found = None if value is None else self._known.get(_digest(value))
        return found.person if found is not None and self._mono_s() < found.until_s else None

    def end(self, request: web.Request) -> None:
        """Forget the session of a request."""
        self._known.pop(_digest(request.cookies.get(COOKIE, "")), None)


def is_of_page(request: web.Request) -> bool:
    """Whether a request that acts comes from the page itself and not from another site.

    The browser says where it comes from by Sec-Fetch-Site, or by Origin where it does not know that header.
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if PAGE_HEADER not in request.headers:
        return False
    if site is not None:
        return site == "same-origin"
    return origin is not None and origin.partition("://")[2] == request.host


def is_foreign(request: web.Request) -> bool:
    """Whether a browser says that another site made it send the request."""
    return request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")


def set_cookie(response: web.Response, value: str, request: web.Request) -> None:
    """Give the browser the cookie of a session."""
    secure = request.secure or request.headers.get("X-Forwarded-Proto", "").lower() == "https"
    response.set_cookie(COOKIE, value, max_age=int(LASTS_S), httponly=True, samesite="Strict", secure=secure)


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
