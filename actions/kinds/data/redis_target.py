"""A Redis server: where it is, how to log in, and which of its answers are faults that a retry can end.

Requests go through `redis`, an optional library. Each run has a connection of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from actions.base import Secret, TargetError
from actions.kinds.urls import masked
from actions.validation import check_number

RETRYABLE = (
    "BusyLoadingError", "ConnectionError", "TimeoutError", "ReadOnlyError", "OutOfMemoryError", "TryAgainError",
    "WatchError", "ClusterDownError", "MasterDownError",
)
"""Names of the library's exceptions. Those for a wrong password or a missing permission are lasting."""
LASTING = ("AuthenticationError", "AuthenticationWrongNumberOfArgsError", "NoPermissionError", "AuthorizationError")


@dataclass(frozen=True, slots=True)
class RedisServer:
    """url: `redis://host:port/db`, or `rediss://` with TLS. username, password: of an ACL user. allow_plaintext: send
    the password without TLS to another machine. timeout_s: of connecting and of each answer. Raises `ValueError`.
    """

    url: str
    username: str | None = None
    password: Secret | None = None
    allow_plaintext: bool = False
    timeout_s: float = 3.0

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("redis", "rediss") or not parts.hostname:
            raise ValueError(f"RedisServer.url: {masked(self.url)!r}, expected redis://host:port/db or rediss://")
        if parts.username is not None or parts.password is not None:
            raise ValueError(f"RedisServer.url: a URL with credentials for {parts.hostname}, expected password")
        local = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if self.password is not None and parts.scheme == "redis" and not local and not self.allow_plaintext:
            raise ValueError(f"RedisServer.url: {masked(self.url)!r} sends a password in plain text, expected rediss://")
        check_number(self, "timeout_s", 0.001, 120.0)


@asynccontextmanager
async def connected(library: ModuleType, server: RedisServer) -> AsyncIterator[Any]:
    """A client for one run. Faults of the server are raised as `TargetError`."""
    client = library.Redis.from_url(
        server.url, username=server.username, password=server.password.reveal() if server.password else None,
        socket_timeout=server.timeout_s, socket_connect_timeout=server.timeout_s, decode_responses=True, retry=None,
    )
    place = f"redis {urlsplit(server.url).hostname}:{urlsplit(server.url).port or 6379}"
    try:
        yield client
    except (OSError, TimeoutError) as fault:
        raise TargetError(f"{place}: {type(fault).__name__}", retryable=True) from fault
    except Exception as fault:
        names = [kind.__name__ for kind in type(fault).__mro__]
        if "RedisError" not in names:
            raise
        retryable = any(name in RETRYABLE for name in names) and not any(name in LASTING for name in names)
        # The text of a fault of the server may hold its arguments, but no password: that is sent by AUTH alone.
        raise TargetError(f"{place}: {names[0]}: {str(fault)[:200]}", retryable=retryable) from fault
    finally:
        await client.aclose()
