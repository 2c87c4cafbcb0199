"""On a real broker: who is on call is paged, overrides and acknowledgements count, and a restart repeats nothing."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from streams.contracts.envelopes import incident_message, read_escalation
from tests.actions.channels.fakes.pagerduty import KEY, FakePagerDuty
from tests.kafka.brokers import RealKafka
from tests.kafka.respond.installation import Installation, eventually, open_incident

ESCALATION = {
    "services": [{"match": "chat*", "tier": 1, "escalation": "critical"}],
    "schedules": {"primary": {"tz": "Europe/Berlin", "people": ["dan"]}},
    "escalation": {"critical": {"severities": ["P0", "P1"], "rounds": 1, "steps": [
        {"id": "first", "page": "primary"}, {"id": "second", "after": "5m", "page": "commander"},
        {"id": "third", "after": "10m", "page": "anna"},
    ]}},
}


class Hook:
    """A webhook that keeps what it was told; while it is down it answers 503."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.is_down = False

    async def take(self, request: web.Request) -> web.Response:
        if self.is_down:
            return web.Response(status=503)
        self.got.append(await request.json())
        return web.Response()

    @property
    def pages(self) -> list[tuple[str, str]]:
        """Step and recipient of each notification, in order, a repeat under the same key once."""
        by_key = {one["key"]: (one["params"]["step"], one["target"]) for one in self.got}
        return list(by_key.values())

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_post("/", self.take)
        async with TestServer(app) as server:
            yield str(server.make_url("/"))


async def test_who_is_on_call_is_paged_and_an_override_an_acknowledgement_and_restarts_count(
    real: RealKafka, tmp_path: Path,
) -> None:
    hook, ahead_s = Hook(), 0.0
    async with hook.serving() as url:
        site = Installation(real.address, tmp_path, actions={"notify": {"url": url}}, **ESCALATION)
        await site.prepare()

        async def tell(incident_id: str) -> None:
            one = open_incident(incident_id, severity="P1", peak_severity="P1", opened_at_s=time.time())
            await site.send(site.config.topics.incidents, incident_message(one, site.source, time.time()))

        async def pages(count: int) -> list[tuple[str, str]]:
            async def found() -> list[tuple[str, str]] | None:
                return hook.pages if len(hook.pages) >= count else None

            return await eventually(found, f"{count} pages")

        await tell("inc-1")
        async with site.responder(lambda: time.time() + ahead_s):
            assert await pages(1) == [("first", "dan")]
        ahead_s = 400.0
        async with site.responder(lambda: time.time() + ahead_s):
            assert await pages(2) == [("first", "dan"), ("second", "cleo")]
            done = await site.cli("dan", "incident", "ack", "inc-1")
            assert done.exit_code == 0, done.output
            done = await site.cli(
                "dan", "oncall", "override", "primary", "--person", "ben", "--to", "2026-01-01",
            )
            assert (done.exit_code, "expected a time after from_s" in done.output) == (2, True)
            until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 7200.0))
            done = await site.cli(
                "dan", "oncall", "override", "primary", "--person", "ben", "--to", until, "--reason", "swap",
            )
            assert done.exit_code == 0, done.output
            soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600.0))
            shown = await site.cli(None, "oncall", "show", "primary", "--at", soon)
            assert ("ben" in shown.output, "override by dan (swap)" in shown.output) == (True, True), shown.output

            async def acknowledged() -> bool | None:
                records = await site.records(site.config.topics.response)
                states = [read_escalation(one.value).state for one in records if one.key == b"escalation/inc-1"]
                return True if states and states[-1] == "acknowledged" else None

            await eventually(acknowledged, "acknowledged")
        ahead_s, hook.is_down = 1000.0, True
        async with site.responder(lambda: time.time() + ahead_s) as responder:
            await tell("inc-2")

            async def pending() -> bool | None:
                return any(one.pending for one in responder.escalations.escalations.values()) or None

            await eventually(pending, "a page that nobody has taken")
        hook.is_down = False
        async with site.responder(lambda: time.time() + ahead_s):
            found = await pages(5)
        assert found[:2] == [("first", "dan"), ("second", "cleo")]
        assert sorted(found[2:]) == [("first", "ben"), ("second", "cleo"), ("third", "anna")]
        records = await site.records(site.config.topics.response)
        versions = [(one.key, read_escalation(one.value).version) for one in records if one.key.startswith(b"esc")]
        assert len(versions) == len(set(versions))


async def test_a_step_pages_by_the_channel_of_the_person_once_over_a_restart_until_it_is_acknowledged(
    real: RealKafka, tmp_path: Path,
) -> None:
    ahead_s = 0.0
    async with FakePagerDuty().running() as pager:
        channels = {"pager": {"kind": "pagerduty", "routing_key": KEY, "url": f"{pager.url}/v2/enqueue", "every": "0s"}}
        site = Installation(real.address, tmp_path, channels=channels, **ESCALATION)
        await site.prepare()

        async def pages(count: int) -> list[str]:
            async def found() -> list[str] | None:
                keys = [key for key in pager.alerts if "/page/" in key]
                return keys if len(keys) >= count else None

            return await eventually(found, f"{count} pages")

        one = open_incident("inc-1", severity="P1", peak_severity="P1", opened_at_s=time.time())
        await site.send(site.config.topics.incidents, incident_message(one, site.source, time.time()))
        async with site.responder(lambda: time.time() + ahead_s) as responder:
            assert len(await pages(1)) == 1

            async def logged() -> bool | None:
                told = responder.notifier.outbox.notifications.values()
                return all(one.state == "sent" for one in told) or None

            await eventually(logged, "every answer stands in the log")
        ahead_s = 400.0
        async with site.responder(lambda: time.time() + ahead_s):
            assert len(await pages(2)) == 2
            done = await site.cli("dan", "incident", "ack", "inc-1")
            assert done.exit_code == 0, done.output

            async def acknowledged() -> bool | None:
                records = await site.records(site.config.topics.response)
                states = [read_escalation(one.value).state for one in records if one.key == b"escalation/inc-1"]
                return True if states and states[-1] == "acknowledged" else None

            await eventually(acknowledged, "acknowledged")
        sent = [event["dedup_key"] for event in pager.events if "/page/" in event["dedup_key"]]
        assert len(sent) == len(set(sent)) == 2


async def test_a_person_escalates_by_hand_and_is_recorded_once_over_a_restart(real: RealKafka, tmp_path: Path) -> None:
    hook = Hook()
    async with hook.serving() as url:
        site = Installation(real.address, tmp_path, actions={"notify": {"url": url}}, **ESCALATION)
        await site.prepare()
        one = open_incident("inc-1", severity="P1", peak_severity="P1", opened_at_s=time.time())
        await site.send(site.config.topics.incidents, incident_message(one, site.source, time.time()))

        async def pages(count: int) -> list[tuple[str, str]]:
            async def found() -> list[tuple[str, str]] | None:
                return hook.pages if len(hook.pages) >= count else None

            return await eventually(found, f"{count} pages")

        async with site.responder():
            await pages(1)
            for person, arguments, code in (
                ("dan", ["--reason", "no idea"], 0), ("dan", ["--reason", "data", "--to", "anna"], 0),
                ("anna", ["--reason", "me"], 0),  # written, and not applied: no responder
                ("dan", ["--reason", "x", "--to", "nobody"], 2),
            ):
                done = await site.cli(person, "incident", "escalate", "inc-1", *arguments)
                assert done.exit_code == code, done.output
            await pages(3)
        async with site.responder():
            await site.send(site.config.topics.incidents, incident_message(one, site.source, time.time()))
            done = await site.cli("dan", "incident", "escalate", "inc-1", "--reason", "again")
            assert await pages(4) == [("first", "dan"), ("second", "cleo"), ("by hand", "anna"), ("third", "anna")]
        audit = [record.value.decode() for record in await site.records(site.config.topics.audit)]
        assert sum("dan has anna paged: data" in entry for entry in audit) == 1
