"""The base of the fakes of vendors: a server on a free port of this machine that refuses what its vendor refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from aiohttp import web


class Refused(Exception):  # noqa: N818  it is the vendor's answer
    """The answer to a request that the vendor refuses."""

    def __init__(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{status} {body}")
        self.status, self.body, self.headers = status, body, headers or {}


class FakeServer:
    """hang: while set to an event, every request waits for it. answers: statuses given to the next requests instead of
    the vendor's own answer, each with its headers. arrived: requests so far.
    """

    def __init__(self) -> None:
        self.url = ""
        self.hang: asyncio.Event | None = None
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.arrived = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        raise NotImplementedError

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        self.arrived += 1
        if self.hang is not None:
            await self.hang.wait()
        if self.answers:
            status, headers = self.answers.pop(0)
            return web.json_response({"error": "as told to"}, status=status, headers=headers)
        try:
            return await self.handle(request)
        except Refused as refused:
            return web.json_response(refused.body, status=refused.status, headers=refused.headers)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            if self.hang is not None:
                self.hang.set()
            await runner.cleanup()
