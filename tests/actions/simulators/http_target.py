"""A simulated target over HTTP: a small server on a free port of 127.0.0.1, controlled by the conformance suite."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp
from aiohttp import web

from actions.base import Action
from actions.catalogue import ActionParams
from actions.kinds.http import Access, JsonValue
from actions.model import Intent
from tests.actions.cases import INTENT

QUICK = Access(request_timeout_s=2.0)


class HttpSimulator:
    """A target of one resource per replica. A subclass says which action acts on it and what a write does."""

    kind = ""

    def __init__(self, base: str, session: aiohttp.ClientSession) -> None:
        self.base = base
        self.action: Action = self.params(base).build(session)
        self.over = asyncio.Event()
        self._status: int | None = 200
        self._writes = 0
        self._state: JsonValue = self.initial()

    def params(self, base: str) -> ActionParams:
        raise NotImplementedError

    def initial(self) -> JsonValue:
        return None

    def intent(self) -> Intent:
        return replace(INTENT, kind=self.kind)

    def unknown(self) -> Intent:
        return replace(self.intent(), target="chat/nobody", service="nobody", replica="nobody", model="nobody")

    def answer(self, status: int | None) -> None:
        self._status = status

    def state(self) -> object:
        return self._state

    def writes(self) -> int:
        return self._writes

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self._writes += request.method != "GET"
        if self._status is None:
            await self.over.wait()
        if self._status != 200:
            return web.Response(status=self._status or 500)
        return await self.serve(request)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if "nobody" in request.path:
            return web.Response(status=404)
        if request.method != "GET":
            self._state = self.state_after(await request.json())
        return web.json_response(self._state)

    def state_after(self, body: dict[str, JsonValue]) -> JsonValue:
        return body


@asynccontextmanager
async def running(kind: type[HttpSimulator]) -> AsyncIterator[HttpSimulator]:
    """A fresh simulator, serving."""
    simulators: list[HttpSimulator] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        return await simulators[0].handle(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        async with aiohttp.ClientSession() as session:
            simulators.append(kind(f"http://{host}:{port}", session))
            yield simulators[0]
    finally:
        simulators[0].over.set()
        await runner.cleanup()
