"""Who sends a request: the bearer of a token, or the subject of a JWT that the proxy in front has made.

Both come in the header `Authorization: Bearer ...`; the cookie of the page is in `streams.respond.page.sessions`.
A token is known by its SHA-256 alone and compared in constant time. Of a JWT, signature (by the keys of the issuer),
issuer, audience and expiry are checked. Who fails too often is not asked any more for a while.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import aiohttp
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from actions.trust.people import Directory
from streams.respond.http.senders import Senders, counted_as

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA", "Ed25519"]
"""Signatures with a public key. HMAC and `none` are not among them."""
MAX_TOKEN = 8_192
KEYS_FOR_S = 300.0
FRESH_AFTER_S = 10.0
"""A key that is not known makes the keys be read again, at most so often."""
LEEWAY_S = 30
MAX_FAILURES = 10
FAILURES_WITHIN_S = 60.0
MAX_REMOTES = 10_000
FETCH_TIMEOUT_S = 5.0


class Unauthenticated(Exception):  # noqa: N818
    """A request of nobody who is known. The text says why, and nothing of the token."""


class TooMany(Exception):  # noqa: N818
    """A sender that failed too often lately."""


class JwtSettings(Protocol):
    """What a JWT must be."""

    @property
    def issuer(self) -> str: ...
    @property
    def audience(self) -> str: ...
    @property
    def jwks_url(self) -> str: ...


FetchKeys = Callable[[], Awaitable[dict[str, Any]]]


class IssuerKeys:
    """The keys of the issuer, read again when they are old or one is missing. fetch: the JWKS, as JSON."""

    def __init__(self, fetch: FetchKeys, mono_s: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._mono_s = mono_s
        self._keys: KeySet | None = None
        self._read_s = float("-inf")
        self._lock = asyncio.Lock()

    async def keys(self, stale: bool = False) -> KeySet:
        """The keys. stale: a key was not among the last ones. Raises `Unauthenticated` where they cannot be read."""
        async with self._lock:
            age_s = self._mono_s() - self._read_s
            if self._keys is None or age_s > KEYS_FOR_S or (stale and age_s > FRESH_AFTER_S):
                try:
                    self._keys = KeySet.import_key_set(await self._fetch())  # type: ignore[arg-type]
                except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, JoseError) as error:
                    if self._keys is None:
                        fault = type(error).__name__
                        raise Unauthenticated(f"the keys of the issuer cannot be read: {fault}") from error
                self._read_s = self._mono_s()
            return self._keys


def fetcher(url: str) -> FetchKeys:
    """Reads a JWKS over HTTP."""
    async def fetch() -> dict[str, Any]:
        timeout = aiohttp.ClientTimeout(total=FETCH_TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
            answer.raise_for_status()
            found = await answer.json(content_type=None)
            if not isinstance(found, dict):
                raise ValueError("no JSON object")
            return found

    return fetch


class Authenticator:
    """Names the person of a request. settings, keys: None where no JWT is accepted. senders: whose failures are whose.
    """

    def __init__(
        self, directory: Directory, settings: JwtSettings | None = None, keys: IssuerKeys | None = None,
        mono_s: Callable[[], float] = time.monotonic, senders: Senders | None = None,
    ) -> None:
        self.senders = senders or Senders()
        self._directory = directory
        self._settings = settings
        self._keys = keys
        self._mono_s = mono_s
        self._failures: dict[str, deque[float]] = {}

    async def person(self, authorization: str | None, remote: str) -> str:
        """The person of an `Authorization` header. remote: the address of the sender, whose failures are counted.

        Raises `Unauthenticated` and `TooMany`.
        """
        self.check_failures(remote)
        try:
            return await self._person(authorization)
        except Unauthenticated:
            self.note_failure(remote)
            raise

    def check_failures(self, remote: str) -> None:
        """Raises `TooMany` for a sender that failed too often lately."""
        if self._failed_lately(remote) >= MAX_FAILURES:
            raise TooMany(f"{MAX_FAILURES} tries failed within {FAILURES_WITHIN_S:g} s")

    def note_failure(self, remote: str) -> None:
        """Count a refused try of a sender."""
        self._failures.setdefault(counted_as(remote), deque(maxlen=MAX_FAILURES)).append(self._mono_s())
        while len(self._failures) > MAX_REMOTES:
            del self._failures[next(iter(self._failures))]

    async def _person(self, authorization: str | None) -> str:
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token or len(token) > MAX_TOKEN:
            raise Unauthenticated("no bearer token in the header Authorization")
        if not _is_utf8(token):
            raise Unauthenticated("the bearer token in the header Authorization is no UTF-8")
        known = self._directory.of_token(token)
        if known is not None:
            return known
        if token.count(".") != 2 or self._settings is None or self._keys is None:
            raise Unauthenticated("the token is known for nobody")
        subject = await self._subject(token, self._settings, self._keys)
        person = self._directory.of_jwt_sub(subject)
        if person is None:
            raise Unauthenticated(f"{subject[:60]!r} is the jwt_sub of nobody")
        return person

    async def _subject(self, token: str, settings: JwtSettings, issuer: IssuerKeys) -> str:
        claims = None
        for stale in (False, True):
            try:
                claims = jwt.decode(token, await issuer.keys(stale), algorithms=ALGORITHMS).claims
                break
            except (JoseError, ValueError) as error:
                fault = error
        if claims is None:
            raise Unauthenticated(f"the signature of the JWT does not count: {type(fault).__name__}")
        expected = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_S, iss={"essential": True, "value": settings.issuer},
            aud={"essential": True, "value": settings.audience}, exp={"essential": True}, sub={"essential": True},
        )
        try:
            expected.validate(claims)
        except JoseError as error:
            raise Unauthenticated(f"the JWT does not count: {error}") from error
        return str(claims["sub"])

    def _failed_lately(self, remote: str) -> int:
        since_s = self._mono_s() - FAILURES_WITHIN_S
        return sum(at_s >= since_s for at_s in self._failures.get(counted_as(remote), ()))


def _is_utf8(text: str) -> bool:
    """Whether a text came as UTF-8; other bytes of a header stand in it as surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
