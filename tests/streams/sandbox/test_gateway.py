"""The gateway's switches over HTTP, and the real actions flipping them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest

from actions.base import Refusal, RunContext, TargetError
from actions.kinds.gateway.circuit_breaker import CircuitBreakerParams
from actions.kinds.gateway.throttle import ThrottleParams
from actions.kinds.models.rollback import RollbackParams
from actions.model import Intent
from streams.sandbox.gateway import Change, Fleet, Gateway, GatewayServer, Notice

NOW_S = 1_800_000_000.0


@pytest.fixture
def gateway() -> Gateway:
    return Gateway(Fleet(), lambda: NOW_S)


@pytest.fixture
async def url(gateway: Gateway) -> AsyncIterator[str]:
    server = GatewayServer(gateway)
    yield await server.start()
    await server.stop()


@pytest.fixture
async def http(url: str) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(url) as session:
        yield session


def intent(
    kind: str, target: str, *, version: str | None = None, replica: str | None = None, tenant: str | None = None,
) -> Intent:
    return Intent(
        "k1", "i1", kind, target, "auto", "because", NOW_S, NOW_S + 60, "serving", "bytegpt", version, replica, tenant,
    )


async def test_the_circuit_breaker_action_opens_and_closes_a_breaker(
    gateway: Gateway, url: str, http: aiohttp.ClientSession,
) -> None:
    address = f"{url}/breakers/{{target}}"
    breaker = CircuitBreakerParams(url=address, verify_url=address).build(http)
    decided = intent("circuit_breaker", "serving/r0", replica="r0")

    done = await breaker.run(decided, RunContext())
    opened = gateway.breakers["serving/r0"]
    await breaker.run(replace(decided, undo=True, key="k2"), RunContext())

    assert (opened, gateway.breakers["serving/r0"]) == ("open", "closed")
    assert done.data["verified"] is True
    assert gateway.changes == [
        Change(NOW_S, "tocsin", "breaker", "serving/r0", "closed", "open", "k1"),
        Change(NOW_S, "tocsin", "breaker", "serving/r0", "open", "closed", "k2"),
    ]


async def test_the_throttle_action_limits_and_lifts(gateway: Gateway, url: str, http: aiohttp.ClientSession) -> None:
    address = f"{url}/throttles/{{target}}"
    throttle = ThrottleParams(url=address, verify_url=address, factor=0.25).build(http)
    decided = intent("throttle", "serving/prose", tenant="prose")

    await throttle.run(decided, RunContext())
    limited = gateway.throttles["serving/prose"]
    await throttle.run(replace(decided, undo=True), RunContext())

    assert (limited, gateway.throttles["serving/prose"]) == (0.25, 1.0)


async def test_the_rollback_action_moves_the_served_version_back(
    gateway: Gateway, url: str, http: aiohttp.ClientSession,
) -> None:
    gateway.deploy("v2")
    rollback = RollbackParams(tracking_url=url, reload_url=f"{url}/reload").build(http)

    await rollback.run(intent("rollback", "serving/bytegpt", version="v2"), RunContext())

    assert gateway.served == "v1"
    assert [(c.actor, c.switch, c.before, c.after) for c in gateway.changes] == [
        ("operator", "version", "v1", "v2"), ("tocsin", "alias champion", "v2", "v1"),
        ("tocsin", "version", "v2", "v1"),
    ]


async def test_a_second_rollback_finds_nothing_to_do(gateway: Gateway, url: str, http: aiohttp.ClientSession) -> None:
    gateway.deploy("v2")
    rollback = RollbackParams(tracking_url=url, reload_url=f"{url}/reload").build(http)
    decided = intent("rollback", "serving/bytegpt", version="v2")
    await rollback.run(decided, RunContext())
    before = list(gateway.changes)

    await rollback.run(decided, RunContext())
    with pytest.raises(Refusal):
        await rollback.run(replace(decided, key="another", incident_id="i2"), RunContext())

    assert gateway.changes == before


async def test_an_unknown_target_is_the_targets_fault(url: str, http: aiohttp.ClientSession) -> None:
    breaker = CircuitBreakerParams(url=f"{url}/breakers/{{target}}").build(http)

    with pytest.raises(TargetError, match="answered 404") as caught:
        await breaker.run(intent("circuit_breaker", "serving/r9", replica="r9"), RunContext())

    assert not caught.value.retryable


@pytest.mark.parametrize(("method", "path", "body", "status", "complaint"), [
    ("PUT", "/breakers/serving/r0", {"state": "ajar"}, 400, "state: 'ajar', expected 'open' or 'closed'"),
    ("PUT", "/breakers/serving/r0", {}, 400, "state: missing"),
    ("PUT", "/breakers/serving/r0", {"state": "open", "force": True}, 400, "force: unknown field"),
    ("PUT", "/breakers/serving/r0", {"state": "open", "target": "serving/r1"}, 400, "expected the same"),
    ("PUT", "/breakers/serving/r0", ["open"], 400, "expected a JSON object"),
    ("PUT", "/breakers/serving/r9", {"state": "open"}, 404, "target: 'serving/r9', expected one of"),
    ("GET", "/throttles/nowhere", None, 404, "target: 'nowhere'"),
    ("PUT", "/throttles/serving", {"factor": 0}, 400, "factor: 0, expected"),
    ("PUT", "/throttles/serving", {"factor": True}, 400, "factor: True, expected"),
    ("PUT", "/throttles/serving", {"factor": 1.5}, 400, "factor: 1.5, expected"),
    ("POST", "/reload", {"now": 1}, 400, "now: unknown field"),
    ("POST", "/breakers/serving/r0", {"state": "open"}, 405, ""),
])
async def test_what_is_not_understood_is_refused_and_changes_nothing(
    gateway: Gateway, http: aiohttp.ClientSession, method: str, path: str, body: object, status: int, complaint: str,
) -> None:
    async with http.request(method, path, json=body) as answer:
        assert answer.status == status
        assert complaint in await answer.text()

    assert gateway.changes == []


async def test_a_body_that_is_no_json_is_refused(http: aiohttp.ClientSession) -> None:
    async with http.put("/breakers/serving/r0", data=b"{oops") as answer:
        assert answer.status == 400


async def test_the_state_page_shows_every_switch_and_change(gateway: Gateway, http: aiohttp.ClientSession) -> None:
    gateway.deploy("v2")
    gateway.set_breaker("serving/r1", "open", "curl", None)

    async with http.get("/state") as answer:
        state = await answer.json()

    assert state["served"] == "v2"
    assert state["aliases"] == {"champion": "2"}
    assert state["breakers"]["serving/r1"] == "open"
    assert state["throttles"]["serving"] == 1.0
    assert [change["after"] for change in state["changes"]] == ["v2", "open"]


@pytest.mark.parametrize(("agent", "actor"), [("curl/8.5.0", "curl"), ("", "unknown"), ("deploy (v2)", "deploy (v2)")])
async def test_a_change_is_of_the_program_that_asked_for_it(
    gateway: Gateway, http: aiohttp.ClientSession, agent: str, actor: str,
) -> None:
    gateway.registry.aliases["champion"] = 2
    headers = {"User-Agent": agent}
    for method, path, body in (
        ("PUT", "/breakers/serving/r0", {"state": "open"}), ("PUT", "/throttles/serving", {"factor": 0.5}),
        ("POST", "/reload", {}),
        ("POST", "/api/2.0/mlflow/registered-models/alias", {"name": "bytegpt", "alias": "champion", "version": "1"}),
    ):
        async with http.request(method, path, json=body, headers=headers) as answer:
            assert answer.status == 200
    assert [(change.actor, change.switch) for change in gateway.changes] == [
        (actor, "breaker"), (actor, "throttle"), (actor, "version"), (actor, "alias champion"),
    ]


def test_setting_what_is_set_already_is_no_change(gateway: Gateway) -> None:
    gateway.set_breaker("serving/r0", "closed", "curl", None)
    gateway.set_throttle("serving", 1.0, "curl", None)
    gateway.reload("operator", None)

    assert gateway.changes == []


def test_a_version_that_is_not_registered_cannot_be_deployed(gateway: Gateway) -> None:
    with pytest.raises(ValueError, match="version 'v9', expected one of v1, v2"):
        gateway.deploy("v9")


async def test_what_channels_tell_is_taken_and_anything_else_is_refused(
    gateway: Gateway, http: aiohttp.ClientSession,
) -> None:
    told = {"event": "page", "to": "kim", "severity": "P1", "title": "chat is slow"}
    async with http.post("/notifications", json=told) as answer:
        assert await answer.json() == {"taken": 1}
    async with http.post("/notifications", json={**told, "link": "x"}) as answer:
        assert (answer.status, await answer.json()) == (
            400, {"error": "link: unknown field, expected event, severity, title, to"},
        )
    assert gateway.notifications == [Notice("page", "kim", "P1", "chat is slow")]
