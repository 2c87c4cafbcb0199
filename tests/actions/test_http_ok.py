"""The prerequisite `http_ok`, asked of a real server on this machine: a step runs only where it answers 200 to 299."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import aiohttp
import pytest
from aiohttp import web

from actions import http_ok
from actions.executor import Executor
from actions.hooks import Hooks
from actions.http_ok import HttpOk, hosts_of
from actions.kinds.gateway.circuit_breaker import CircuitBreakerParams
from actions.kinds.models.rollback import RollbackParams
from actions.ledger.ledger import MemoryLedger
from actions.limits import LimitParams
from actions.model import Intent, Outcome
from tests.actions.cases import Clock, FakeAction, intent


@dataclass
class Site:
    """A server, an executor that may ask it, and what was asked.

    It answers with the status that is the path; `/hang` does not answer, and `/moved` redirects to a page that is well.
    """

    base: str = ""
    asked: list[str] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    action: FakeAction = field(default_factory=FakeAction)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)

    def executor(self, session: aiohttp.ClientSession, *hosts: str) -> Executor:
        hooks = Hooks(unmet=HttpOk(session, hosts).unmet)
        return Executor({"circuit_breaker": self.action}, self.ledger, LimitParams(), Clock(), False, hooks)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path}")
        self.arrived.set()
        if request.path == "/hang":
            await self.over.wait()
        if request.path == "/moved":
            return web.Response(status=302, headers={"Location": "/200"})
        return web.Response(status=int(request.path.strip("/")))


@asynccontextmanager
async def site() -> AsyncIterator[tuple[Site, aiohttp.ClientSession]]:
    found = Site()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", found.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    server = web.TCPSite(runner, "127.0.0.1", 0)
    await server.start()
    found.base = server.name
    async with aiohttp.ClientSession() as session:
        yield found, session
    found.over.set()
    await runner.cleanup()


def asking(url: object, **changes: object) -> Intent:
    return intent(**{"params": {"http_ok": url}, **changes})  # type: ignore[arg-type]


async def execute(url: str, *hosts: str, **changes: object) -> tuple[Outcome, Site]:
    """What comes of an intent that asks this URL, of which `{base}` is the server."""
    async with site() as (found, session):
        executor = found.executor(session, *(hosts or ("127.0.0.1",)))
        return await executor.execute(asking(url.replace("{base}", found.base), **changes)), found


@pytest.mark.parametrize("status", [200, 204, 299])
async def test_a_step_runs_where_the_url_answers_with_success(status: int) -> None:
    outcome, found = await execute(f"{{base}}/{status}")
    assert (outcome.status, found.action.effects, found.asked) == ("executed", 1, [f"GET /{status}"])


@pytest.mark.parametrize(("path", "why"), [
    ("300", "answered 300"), ("404", "answered 404"), ("503", "answered 503"), ("moved", "answered 302"),
])
async def test_any_other_answer_refuses_the_step_before_its_claim_with_the_reason(path: str, why: str) -> None:
    outcome, found = await execute(f"{{base}}/{path}")
    assert (outcome.status, found.action.effects, found.asked) == ("refused", 0, [f"GET /{path}"])
    assert f"prerequisite http_ok: GET {found.base}/{path}: {why}, expected 200 to 299" in outcome.detail
    assert [getattr(record, "event", "remedy") for record in found.ledger.log] == ["finished"]


async def test_who_does_not_answer_in_time_or_is_not_there_refuses_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    assert http_ok.TIMEOUT_S == 3.0
    monkeypatch.setattr(http_ok, "TIMEOUT_S", 0.05)
    hanging, found = await execute("{base}/hang")
    assert (hanging.status, found.action.effects, "TimeoutError" in hanging.detail) == ("refused", 0, True)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        absent, _ = await execute(f"http://127.0.0.1:{taken.getsockname()[1]}/200")
    assert (absent.status, "prerequisite http_ok: GET http://127.0.0.1:" in absent.detail) == ("refused", True)


@pytest.mark.parametrize("url", [
    "{base}@evil.example/200", "http://evil.example/200", "http://127.0.0.1.evil.example/", "file:///etc/passwd",
    "ftp://127.0.0.1/200", "//127.0.0.1/200", "http:///200", "http://user:word@127.0.0.1/200", "no url", "",
    "{base}/{replica}", "http://127.0.0.1:99999999/", "http://[::1/",
])
async def test_nothing_but_http_on_an_allowed_host_is_asked(url: str) -> None:
    outcome, found = await execute(url)
    assert (outcome.status, found.asked, found.action.effects) == ("refused", [], 0)
    assert "prerequisite http_ok: " in outcome.detail


async def test_a_host_may_be_allowed_for_one_port_only() -> None:
    async with site() as (found, session):
        port = found.base.rpartition(":")[2]
        for number, (host, runs) in enumerate(((f"127.0.0.1:{port}", True), ("127.0.0.1:1", False))):
            outcome = await found.executor(session, host).execute(
                asking(f"{found.base}/200", key=f"k{number}", target=f"chat/r{number}"),
            )
            assert (outcome.status == "executed") == runs


@pytest.mark.parametrize("value", [True, 1.0])
async def test_a_value_that_is_no_text_refuses_the_step(value: object) -> None:
    async with site() as (found, session):
        assert (await found.executor(session, "127.0.0.1").execute(asking(value))).status == "refused"


async def test_an_undo_a_duplicate_a_suggestion_and_what_is_refused_anyway_ask_nobody() -> None:
    async with site() as (found, session):
        executor, url = found.executor(session, "127.0.0.1"), f"{found.base}/200"
        await executor.execute(asking(url))
        assert found.asked == ["GET /200"]
        await executor.execute(asking(url))
        await executor.execute(asking(f"{found.base}/500", key="undo", undo=True))
        await executor.execute(asking(url, key="k3", mode="suggest"))
        await executor.execute(replace(asking(url, key="k4"), expires_at_s=0.0))
        assert (found.asked, found.action.state["chat/r0"]) == (["GET /200"], False)


async def test_an_executor_that_cannot_ask_refuses_what_has_the_prerequisite() -> None:
    executor = Executor({"circuit_breaker": FakeAction()}, MemoryLedger(), LimitParams(), Clock(), False)
    assert (await executor.execute(asking("http://127.0.0.1/200"))).status == "refused"
    assert (await executor.execute(intent("k2", target="chat/r1"))).status == "executed"


async def test_a_slow_answer_holds_up_no_other_target() -> None:
    async with site() as (found, session):
        executor = found.executor(session, "127.0.0.1")
        slow = asyncio.create_task(executor.execute(asking(f"{found.base}/hang")))
        await found.arrived.wait()
        other = await executor.execute(intent("k2", target="chat/r1"))
        assert (other.status, slow.done()) == ("executed", False)
        slow.cancel()


def test_the_hosts_of_the_configured_actions_are_those_of_all_their_urls() -> None:
    breaker = CircuitBreakerParams("http://Gateway:9901/set?x={state}", verify_url="https://[::1]/runtime")
    assert hosts_of([breaker, RollbackParams("https://mlflow.example/")]) == {"gateway", "::1", "mlflow.example"}
