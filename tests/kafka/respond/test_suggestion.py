"""The way of a suggestion through a whole worker: asked, answered with a personal key, checked, run, verified, undone.

The traffic is written as time passes, so that event time and the clocks of people and executor agree. A replica is slow
from the beginning of the fault until the gateway has opened its breaker.
"""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from click.testing import CliRunner, Result

from actions.remedies.notices import NOTICE
from streams.cli import main
from streams.sandbox.gateway import Fleet as GatewayFleet
from streams.sandbox.gateway import Gateway, GatewayServer
from tests.kafka.conftest import Broker
from tests.kafka.pipeline import Deployment
from tests.kafka.respond.installation import People, eventually
from tests.simulation.fleet import Fleet, Second, T, fleet

REPLICAS = ("r0", "r1", "r2", "r3")
TARGET = "chat/r1"
CALM_S = 60
"""Traffic before the fault, which is written at once."""
FAULT_S = 3
"""How long after it the fault begins."""
ASKING = [
    {
        "name": "slow-replica", "version": 1, "match": {"scopes": ["replica"]}, "mode": "suggest",
        "steps": [{
            "id": "isolate", "action": "circuit_breaker", "target": "{service}/{replica}",
            "verify": {"settle": "2s", "within": "60s", "min_samples": 20},
        }, {"id": "slow-down", "action": "throttle", "target": "{service}/{replica}"}],
        "on_failure": ["page"],
    },
]


@dataclass
class Traffic:
    """Requests of four replicas up to now."""

    deployment: Deployment
    gateway: Gateway
    began_s: float = field(default_factory=lambda: float(int(time.time())) - CALM_S)
    fleet: Fleet = field(default_factory=lambda: fleet(replicas=REPLICAS))

    async def go_on(self) -> None:
        """Write the seconds that have passed since the last call."""
        topic, records = self.deployment.inputs[0], []
        while self.began_s + self.fleet.second < time.time():
            for record in self.fleet.next_second(self._behaviour):
                value = orjson.loads(record.value or b"")
                value["ts"] += self.began_s - T
                records.append((topic, b"chat", orjson.dumps(value)))
        await self.deployment.produce(records)

    def _behaviour(self, second: int, replica: str) -> Second:
        is_hit = f"chat/{replica}" == TARGET and second >= CALM_S + FAULT_S
        # Once it is without traffic for the first time, it is well again.
        return Second(latency_ms=800.0 if is_hit and not self.gateway.changes else 100.0)


@dataclass
class Scene:
    """A worker under traffic, with people who have keys."""

    deployment: Deployment
    people: People
    gateway: Gateway
    traffic: Traffic
    process: subprocess.Popen[bytes]

    async def cli(self, person: str, *arguments: str) -> Result:
        """A command with the key of a person."""
        options = ["--config", str(self.deployment.config), "--key-file", str(self.people.files[person])]
        return await asyncio.to_thread(CliRunner().invoke, main, [*arguments, *options])

    async def seen(
        self, topic: str, expected: Callable[[dict[str, Any]], bool], what: str, patience_s: float = 90.0,
    ) -> dict[str, Any]:
        """The last record of a topic that is as expected, once there is one; traffic goes on meanwhile."""
        async def found() -> dict[str, Any] | None:
            await self.traffic.go_on()
            return next((one for _, one in reversed(await self.deployment.read(topic)) if expected(one)), None)

        try:
            return await eventually(found, what, patience_s)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.deployment.log.read_text()[-3000:]}") from None

    async def asked(self) -> dict[str, Any]:
        """The suggestion, once people are asked."""
        request = await self.seen("response", lambda one: one.get("state") == "requested", "a request")
        intent: dict[str, Any] = request["intent"]
        return intent


@asynccontextmanager
async def scene(broker: Broker, folder: Path) -> AsyncIterator[Scene]:
    people = People(folder)
    gateway = Gateway(GatewayFleet("chat", "gpt", ("v1",), REPLICAS, ()))
    server = GatewayServer(gateway)
    deployment = Deployment(
        broker.address, folder, await server.start(), playbooks=ASKING,
        people=people.section(anna=["approver"], dan=["responder"]),
    )
    try:
        process = deployment.start()
        await deployment.get("/readyz")
        found = Scene(deployment, people, gateway, Traffic(deployment, gateway), process)
        yield found
        assert await deployment.end(found.process) == 0
    finally:
        deployment.dispose()
        await server.stop()


async def test_a_suggestion_that_a_person_approves_runs_is_verified_and_is_undone(
    broker: Broker, tmp_path: Path,
) -> None:
    async with scene(broker, tmp_path) as here:
        suggested = await here.asked()
        assert (suggested["kind"], suggested["target"], suggested["mode"]) == ("circuit_breaker", TARGET, "suggest")
        assert here.gateway.changes == []
        key = suggested["key"]
        approved = await here.cli("anna", "approval", "approve", key, "--comment", "go")
        # By the time the command looks, the shard may have written the intent already.
        assert approved.exit_code == 0, approved.output
        assert f"{key}: approved" in approved.stdout or f"{key}: released" in approved.stdout

        ran = await here.seen("outcomes", lambda one: one["key"] == key and one["status"] == "executed", "executed")
        assert ran["mode"] == "auto"
        (released,) = [one for _, one in await here.deployment.read("actions") if one["key"] == key
                       and one["mode"] == "auto"]
        assert [(one["who"], one["verb"]) for one in released["decisions"]] == [("anna", "approve")]
        assert [(one.target, one.after, one.key) for one in here.gateway.changes] == [(TARGET, "open", key)]

        verified = await here.seen(
            "incidents", lambda one: [each["state"] for each in one["remedies"]] == ["recovered"], "recovered",
        )
        assert verified["remedies"][0]["key"] == key
        undo = await here.seen("outcomes", lambda one: one["undo"] and one["kind"] == "circuit_breaker", "undone")
        assert (undo["status"], here.gateway.breakers[TARGET]) == ("executed", "closed")
        ended = await here.seen("response", lambda one: one.get("state") == "released", "released")
        assert ended["intent"]["key"] == key
        outcomes = [one for _, one in await here.deployment.read("outcomes") if one["key"] == key]
        statuses = [one["status"] for one in outcomes if NOTICE not in one["data"]]
        assert sorted(statuses) == ["approved", "executed", "suggested"]


async def test_after_a_rejection_nothing_runs_and_people_hear_that_the_ladder_stopped(
    broker: Broker, tmp_path: Path,
) -> None:
    async with scene(broker, tmp_path) as here:
        key = (await here.asked())["key"]
        rejected = await here.cli("anna", "approval", "reject", key, "--comment", "not now")
        assert (rejected.exit_code, f"{key}: rejected" in rejected.stdout) == (0, True), rejected.output
        notice = await here.seen("actions", lambda one: one["step_id"] == "on_failure/isolate", "a notice")
        assert (notice["kind"], notice["mode"]) == ("notify", "auto")
        assert "circuit_breaker was rejected; no other step is taken" in notice["reason"]
        told = await here.seen("outcomes", lambda one: one["key"] == notice["key"], "told")
        assert told["status"] == "executed"
        acting = [one["key"] for _, one in await here.deployment.read("actions") if one["kind"] != "notify"]
        assert (acting, here.gateway.changes) == ([key], [])


async def test_a_playbook_that_is_set_to_observe_voids_what_waits_and_nothing_runs(
    broker: Broker, tmp_path: Path,
) -> None:
    async with scene(broker, tmp_path) as here:
        key = (await here.asked())["key"]
        assert await here.deployment.end(here.process) == 0
        settings = here.deployment.config
        settings.write_text(settings.read_text().replace('"mode": "suggest"', '"mode": "observe"'))
        here.process = here.deployment.start()
        void = await here.seen("response", lambda one: one.get("state") == "void", "void")
        assert (void["key"], void["reason"]) == (key, "the playbook slow-replica was changed since")
        told = await here.seen("outcomes", lambda one: one["key"] == key and one["status"] == "void", "told")
        assert told["mode"] == "suggest"
        refused = await here.cli("anna", "approval", "approve", key)
        assert (refused.exit_code, "expected one that waits" in refused.output) == (2, True), refused.output
        assert here.gateway.changes == []
