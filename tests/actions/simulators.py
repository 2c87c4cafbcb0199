"""Simulated targets: a small HTTP server per kind of action, controlled by the conformance suite."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import aiohttp
from aiohttp import web

from actions.base import Action
from actions.catalogue import ActionParams
from actions.kinds.circuit_breaker import CircuitBreakerParams
from actions.kinds.http import Access, JsonValue
from actions.kinds.notify import NotifyParams
from actions.kinds.rollback import RollbackParams
from actions.kinds.throttle import ThrottleParams
from actions.model import Intent
from tests.actions.cases import INTENT

QUICK = Access(request_timeout_s=2.0)


class HttpSimulator:
    """A target of one resource per replica. A subclass says which action acts on it and what a write does."""

    kind = ""

    def __init__(self, base: str, session: aiohttp.ClientSession) -> None:
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
        return replace(self.intent(), target="chat/nobody", replica="nobody", model="nobody")

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


class BreakerSimulator(HttpSimulator):
    kind = "circuit_breaker"

    def params(self, base: str) -> ActionParams:
        url = base + "/routes/{service}/{replica}"
        return CircuitBreakerParams(url, verify_url=url, access=QUICK)

    def initial(self) -> JsonValue:
        return {"state": "closed"}

    def state_after(self, body: dict[str, JsonValue]) -> JsonValue:
        return {"state": body["state"]}


class ThrottleSimulator(HttpSimulator):
    kind = "throttle"

    def params(self, base: str) -> ActionParams:
        url = base + "/limits/{replica}"
        return ThrottleParams(url, verify_url=url, access=QUICK)

    def initial(self) -> JsonValue:
        return {"factor": 1}

    def state_after(self, body: dict[str, JsonValue]) -> JsonValue:
        return {"factor": body["factor"]}


class NotifySimulator(HttpSimulator):
    kind = "notify"

    def params(self, base: str) -> ActionParams:
        return NotifyParams(base + "/hooks/{replica}", access=QUICK)

    def state_after(self, body: dict[str, JsonValue]) -> JsonValue:
        return {"state": body["state"], "incident_id": body["incident_id"]}


class RollbackSimulator(HttpSimulator):
    """A registry of one model with two versions, as far as a rollback asks; the real one has its own tests."""

    kind = "rollback"

    def __init__(self, base: str, session: aiohttp.ClientSession) -> None:
        super().__init__(base, session)
        self._alias = "2"
        self._tags: dict[str, dict[str, str]] = {"1": {"tocsin.version": "v1"}, "2": {"tocsin.version": "v2"}}

    def params(self, base: str) -> ActionParams:
        return RollbackParams(base, access=QUICK)

    def state(self) -> object:
        return self._alias

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if "nobody" in request.query_string:
            return web.json_response({"error_code": "RESOURCE_DOES_NOT_EXIST"}, status=404)
        path = request.path.removeprefix("/api/2.0/mlflow/")
        if request.method == "GET":
            found: JsonValue = [self._version(number) for number in self._tags]
            alias: JsonValue = {"model_version": self._version(self._alias)}
            return web.json_response(alias if path == "registered-models/alias" else {"model_versions": found})
        body = await request.json()
        if path == "registered-models/alias":
            self._alias = body["version"]
        elif path == "model-versions/set-tag":
            self._tags[body["version"]][body["key"]] = body["value"]
        return web.json_response({})

    def _version(self, number: str) -> JsonValue:
        tags: list[JsonValue] = [{"key": key, "value": value} for key, value in self._tags[number].items()]
        return {"name": "bytegpt", "version": number, "status": "READY", "tags": tags}


SIMULATORS: dict[str, type[HttpSimulator]] = {
    simulator.kind: simulator for simulator in (BreakerSimulator, ThrottleSimulator, NotifySimulator, RollbackSimulator)
}


async def with_simulator(kind: str, check: Callable[[HttpSimulator], Awaitable[None]]) -> None:
    """Run one check against a fresh simulator on a free port of 127.0.0.1."""
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
            simulators.append(SIMULATORS[kind](f"http://{host}:{port}", session))
            await check(simulators[0])
    finally:
        simulators[0].over.set()
        await runner.cleanup()
