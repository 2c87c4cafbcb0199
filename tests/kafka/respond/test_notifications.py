"""Incidents are told by channels from a real topic: once, under one key, also over a restart and beside a channel that
hangs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from actions.channels.notification import Notification
from classifiers.model import Incident
from streams.contracts.envelopes import incident_message, read_notification
from streams.respond.responder import Responder
from tests.actions.channels.fakes.pagerduty import KEY, FakePagerDuty
from tests.kafka.conftest import Broker
from tests.kafka.respond.installation import Installation, eventually, open_incident


def channel(fake: FakePagerDuty, **over: Any) -> dict[str, Any]:
    return {"kind": "pagerduty", "routing_key": KEY, "url": f"{fake.url}/v2/enqueue", "every": "0s", **over}


@asynccontextmanager
async def two_pagers() -> AsyncIterator[tuple[FakePagerDuty, FakePagerDuty]]:
    async with FakePagerDuty().running() as first, FakePagerDuty().running() as second:
        yield first, second


def fresh(number: int = 1, **over: Any) -> Incident:
    now_s = time.time()
    return open_incident(f"inc-{number}", opened_at_s=now_s, onset_at_s=now_s - 5.0, **over)


async def publish(here: Installation, incident: Incident) -> None:
    await here.send(here.config.topics.incidents, incident_message(incident, here.source, time.time()))


async def until(condition: Callable[[], bool], what: str) -> None:
    async def look() -> bool | None:
        return condition() or None

    await eventually(look, what)


async def logged(here: Installation) -> dict[str, list[Notification]]:
    """All versions of each notification in the log."""
    found: dict[str, list[Notification]] = {}
    for record in await here.records(here.config.topics.response):
        if record.key.startswith(b"notification/"):
            one = read_notification(record.value)
            found.setdefault(one.id, []).append(one)
    return found


def notifier_of(responder: Responder) -> Any:
    return responder.notifier.outbox.notifications.values()


def states_of(responder: Responder, name: str) -> list[str]:
    return [one.state for one in notifier_of(responder) if one.channel == name]


async def test_an_incident_is_paged_and_resolved_once_by_each_channel(broker: Broker, tmp_path: Path) -> None:
    async with two_pagers() as (first, second):
        here = Installation(broker.address, tmp_path, channels={"a": channel(first), "b": channel(second)})
        await here.prepare()
        async with here.responder() as responder:
            incident = fresh()
            await publish(here, incident)
            await publish(here, incident)  # told again while open
            await until(lambda: bool(first.events and second.events), "both channels told")
            await publish(here, replace(incident, state="resolved", resolved_at_s=time.time()))
            await until(lambda: len(first.events) == len(second.events) == 2, "both told the end")
            await until(lambda: {one.state for one in notifier_of(responder)} == {"sent"}, "both answers logged")
        (key,) = first.alerts
        assert key.endswith("/inc-1")
        assert first.alerts == second.alerts == {key: "resolved"}
        states = {tuple(each.state for each in versions) for versions in (await logged(here)).values()}
    assert states == {("queued", "sending", "sent")}


async def test_a_message_that_was_being_sent_is_sent_again_under_its_key_after_a_restart(
    broker: Broker, tmp_path: Path,
) -> None:
    async with two_pagers() as (pager, _):
        here = Installation(broker.address, tmp_path, channels={"a": channel(pager)})
        await here.prepare()
        pager.hang = asyncio.Event()
        async with here.responder():
            await publish(here, fresh())
            await until(lambda: pager.arrived == 1, "the first attempt")
        pager.hang.set()
        pager.hang = None
        async with here.responder() as again:
            await until(lambda: [one.state for one in notifier_of(again)] == ["sent"], "sent")
        assert list(pager.alerts.values()) == ["triggered"]
        (versions,) = (await logged(here)).values()
    assert [one.state for one in versions] == ["queued", "sending", "retrying", "sending", "sent"]
    assert {one.message.dedup_key for one in versions} == {versions[0].message.dedup_key}


async def test_a_channel_that_hangs_delays_no_other(broker: Broker, tmp_path: Path) -> None:
    async with two_pagers() as (hanging, quick):
        hanging.hang = asyncio.Event()
        here = Installation(broker.address, tmp_path, channels={"a": channel(hanging), "b": channel(quick)})
        await here.prepare()
        async with here.responder() as responder:
            for number in range(5):
                await publish(here, fresh(number))
            await until(lambda: len(quick.alerts) == 5, "the other channel told all")
            await until(lambda: states_of(responder, "b") == ["sent"] * 5, "every answer logged")
            assert set(states_of(responder, "a")) <= {"queued", "sending"}
            assert hanging.arrived == 1
            text = responder.metrics.render().decode()
        assert 'tocsin_notifications_total{channel="b",state="sent"} 5.0' in text


async def test_what_is_refused_for_good_fails_goes_to_the_fallback_and_is_counted_and_audited(
    broker: Broker, tmp_path: Path,
) -> None:
    async with two_pagers() as (pager, other):
        wrong = channel(pager, routing_key="wrong", fallback="b", **{"from": "P2"})
        here = Installation(
            broker.address, tmp_path, channels={"a": wrong, "b": channel(other, on=["milestone"])},
        )
        await here.prepare()
        async with here.responder() as responder:
            await publish(here, fresh(severity="P1", peak_severity="P1"))
            await until(lambda: len(other.alerts) == 1, "told by the fallback")
            text = responder.metrics.render().decode()
        audit = [record.value.decode() for record in await here.records(here.config.topics.audit)]
    assert 'tocsin_notification_failures_total{channel="a",reason="refused"} 1.0' in text
    assert any('"failed"' in entry and "a: open: " in entry and "answered 400" in entry for entry in audit)
    assert not any("wrong" in entry for entry in audit)


@pytest.mark.parametrize("closed", [True, False])
async def test_a_backlog_tells_nobody_of_what_is_over_and_pages_nobody_late(
    broker: Broker, tmp_path: Path, closed: bool,
) -> None:
    async with two_pagers() as (pager, _):
        here = Installation(broker.address, tmp_path, channels={"a": channel(pager)})
        await here.prepare()
        old_s = time.time() - (10.0 if closed else 900.0)
        old = open_incident("old", opened_at_s=old_s, onset_at_s=old_s)
        await publish(here, old)
        if closed:
            await publish(here, replace(old, state="resolved", resolved_at_s=time.time()))
        async with here.responder() as responder:
            await publish(here, fresh(2))
            await until(lambda: len(pager.events) == 1, "what is new is told")
            assert {one.message.incident_id for one in notifier_of(responder)} == {"inc-2"}


async def test_a_broken_glass_is_told_before_it_counts_and_leaves_an_item(broker: Broker, tmp_path: Path) -> None:
    async with two_pagers() as (pager, _):
        here = Installation(broker.address, tmp_path, channels={"a": {**channel(pager), "on": ["close"]}})
        await here.prepare()
        pager.hang = asyncio.Event()
        async with here.responder() as responder:
            await here.suggest("k1")
            await here.request("k1", "requested")
            decided = asyncio.create_task(here.cli("cleo", "break-glass", "k1", "--reason", "checkout is down"))
            await until(lambda: pager.arrived == 1, "the pager is told")
            assert responder.desk.requests["k1"].state == "requested"
            pager.hang.set()
            done = await decided
            assert (done.exit_code, "cleo broke the glass: checkout is down" in done.stdout) == (0, True), done.output
            (message,) = [one.message for one in notifier_of(responder)]
            assert message.title == "[P2] cleo broke the glass: throttle on chat/v2"
            await until(lambda: len(responder.reviews.records.items()) == 1, "the action item")
        ((key, state),) = pager.alerts.items()
        assert ("/asked/" in key, state) == (True, "triggered")
    audit = [orjson.loads(record.value) for record in await here.records(here.config.topics.audit)]
    assert [one["actor"] for one in audit if one["event"] == "break_glass"] == ["cleo"]
    assert "broke the glass for throttle on chat/v2" in (await here.cli(None, "review", "items", "list")).stdout


async def test_a_broken_glass_waits_only_a_moment_for_a_channel_that_hangs(broker: Broker, tmp_path: Path) -> None:
    async with two_pagers() as (pager, _):
        here = Installation(broker.address, tmp_path, channels={"a": {**channel(pager), "on": ["close"]}})
        await here.prepare()
        pager.hang = asyncio.Event()
        async with here.responder():
            await here.suggest("k1")
            await here.request("k1", "requested")
            done = await here.cli("cleo", "break-glass", "k1", "--reason", "checkout is down", "--wait", "60s")
            assert (done.exit_code, "approved" in done.stdout) == (0, True), done.output
        pager.hang.set()
