"""A reverse proxy in front of the page: it takes its path prefix away, and says by a JWT of its own who somebody is."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession, DummyCookieJar, web
from aiohttp.test_utils import TestServer
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from yarl import URL

from streams.respond.http.authentication import IssuerKeys

OF_CONNECTION = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive", "host"})
"""Headers that a proxy does not pass on."""


@dataclass(frozen=True)
class Issuer:
    """A provider of identities, and what the role respond is told of it."""

    key: ECKey
    issuer: str = "https://idp"
    audience: str = "tocsin"
    jwks_url: str = "https://idp/jwks"

    @property
    def keys(self) -> IssuerKeys:
        async def fetch() -> dict[str, Any]:
            return dict(KeySet([self.key]).as_dict(private=False))

        return IssuerKeys(fetch)

    def header(self, who: str, lasts_s: float = 600.0) -> str:
        """The value of `Authorization` for a person."""
        claims = {"iss": self.issuer, "aud": self.audience, "sub": f"{who}@example.com", "exp": time.time() + lasts_s}
        return f"Bearer {jwt.encode({'alg': 'ES256', 'kid': 'k1'}, claims, self.key)}"


def issuer() -> Issuer:
    """One with a key that nobody else has."""
    return Issuer(ECKey.generate_key("P-256", {"kid": "k1"}))


class Proxy:
    """authorization: what it adds to each request, None for nothing. outside: what was asked for beside the prefix."""

    def __init__(self, target: str, prefix: str = "/", authorization: str | None = None) -> None:
        self.authorization = authorization
        self.outside: list[str] = []
        self._target = target
        self._prefix = prefix
        self._server: TestServer
        self._session: ClientSession

    @property
    def url(self) -> str:
        return str(self._server.make_url(self._prefix))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Proxy]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._forward)
        self._server = TestServer(app)
        await self._server.start_server(shutdown_timeout=0.2)
        async with ClientSession(cookie_jar=DummyCookieJar()) as self._session:
            yield self
            await self._server.close()

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        if not request.raw_path.startswith(self._prefix):
            self.outside.append(request.raw_path)
            return web.Response(status=404)
        address = URL(self._target + request.raw_path.removeprefix(self._prefix), encoded=True)
        headers = {name: text for name, text in request.headers.items() if name.lower() not in OF_CONNECTION}
        if self.authorization is not None:
            headers["Authorization"] = self.authorization
        body = await request.read()
        async with self._session.request(request.method, address, headers=headers, data=body) as answer:
            kept = [(name, text) for name, text in answer.headers.items() if name.lower() not in OF_CONNECTION]
            response = web.StreamResponse(status=answer.status)
            response.headers.extend(kept)
            await response.prepare(request)
            async for part in answer.content.iter_any():
                await response.write(part)
        return response
