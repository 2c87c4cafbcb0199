"""What people do with records in ServiceNow comes back once, with who did it, and Tocsin's own writes do not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from actions.base import Secret
from actions.channels.kinds.servicenow import ServiceNow, ServiceNowParams
from actions.channels.message import ChannelRefused, Message
from actions.channels.texts import incident_message, still_alarming
from classifiers.by_hand import Resolve
from classifiers.directives import Acknowledge
from streams.respond.vendors.servicenow_poll import ServiceNowPoll
from tests.actions.approvals.cases import SOURCE, T, incident
from tests.actions.audiences.cases import deviating
from tests.actions.channels.fakes.servicenow import PASSWORD, USER, FakeServiceNow
from tests.streams.respond.vendors.cases import NOW_S, Vendors


class Polled:
    """An instance with the record of one incident, and the process that asks it. at_s: of both clocks."""

    def __init__(self, fake: FakeServiceNow, session: aiohttp.ClientSession, mine: bool) -> None:
        self.fake = fake
        self.vendors = Vendors()
        self.params = ServiceNowParams(fake.url, USER, password=Secret(PASSWORD))
        self.channel = ServiceNow(self.params, session)
        self.alarming: list[tuple[str, str]] = []
        fake.now = lambda: datetime.fromtimestamp(self.vendors.now_s, UTC)
        self._session, self._mine = session, mine
        self.poll = self.restarted()

    def restarted(self) -> ServiceNowPoll:
        """As after a restart: it knows nothing."""
        self.poll = ServiceNowPoll(
            self.params, self.params.http(self._session), SOURCE, self.vendors.actions, lambda _: self._mine,
            lambda: self.vendors.now_s, lambda *what: self.alarming.append(what),
        )
        return self.poll

    async def tell(self, event: Any = "open", incident_id: str = "inc-1") -> None:
        await self.channel.send(incident_message(incident(incident_id), event, f"{incident_id}-{event}", SOURCE))

    def record(self, incident_id: str = "inc-1") -> str:
        (found,) = self.fake.by_key(f"{SOURCE}/{incident_id}")
        return found["sys_id"]

    @property
    def written(self) -> list[Any]:
        return self.vendors.log.written


@asynccontextmanager
async def polled(mine: bool = True) -> AsyncIterator[Polled]:
    async with FakeServiceNow().running() as fake, aiohttp.ClientSession() as session:
        made = Polled(fake, session, mine)
        await made.tell()
        yield made


async def test_in_progress_acknowledges_once_by_who_set_it() -> None:
    async with polled() as here:
        await here.poll.ask()
        assert here.written == []
        here.vendors.now_s += 30.0
        here.fake.act(here.record(), "rob.k", state="2", assigned_to="rob.k")
        for _ in range(3):
            await here.poll.ask()
            here.vendors.now_s += 30.0
        at_s = NOW_S + 30.0
        assert here.written == [Acknowledge("inc-1", "rob", at_s, at_s + 3600.0, "in ServiceNow")]


async def test_resolved_resolves_what_is_quiet_and_tells_the_record_of_what_alarms() -> None:
    async with polled() as here:
        closing = {"state": "6", "close_code": "Solution provided", "close_notes": "restarted"}
        here.fake.act(here.record(), "rob.k", **closing)
        await here.poll.ask()
        assert [type(one) for one in here.written] == [Resolve]
        here.vendors.desk.add_incident(incident(evidence=deviating("b")), T)
        here.fake.act(here.record(), "rob.k", **closing)
        await here.poll.ask()
        assert [type(one) for one in here.written] == [Resolve, Acknowledge]
        ((incident_id, act),) = here.alarming
        told = still_alarming(incident(), act, SOURCE)
        assert (incident_id, told.id) == ("inc-1", still_alarming(incident(), act, SOURCE).id)
        await here.channel.send(told)
        assert "the incident alarms" in here.fake.notes[here.record()][-1]


async def test_what_tocsin_wrote_itself_is_nobodys_act() -> None:
    async with polled() as here:
        for event in ("change", "milestone", "close"):
            await here.tell(event)
            await here.poll.ask()
        assert here.written == []


async def test_what_somebody_did_shortly_before_tocsin_wrote_is_not_lost() -> None:
    async with polled() as here:
        await here.poll.ask()
        here.fake.act(here.record(), "rob.k", state="2", assigned_to="rob.k")
        await here.tell("change")
        await here.poll.ask()
        assert [one.by for one in here.written] == ["rob"]


async def test_a_restart_writes_nothing_that_was_written() -> None:
    async with polled() as here:
        here.fake.act(here.record(), "rob.k", state="2")
        await here.poll.ask()
        here.vendors.now_s += 20.0
        await here.restarted().ask()
        assert len({one.id for one in here.written}) == 1
        here.vendors.now_s += 4_000.0
        await here.restarted().ask()
        assert len({one.id for one in here.written}) == 1


async def test_who_may_not_is_refused_and_audited_once() -> None:
    async with polled() as here:
        here.fake.act(here.record(), "vera.v", state="2")
        await here.poll.ask()
        await here.poll.ask()
        (entry,) = here.vendors.log.refusals
        assert (here.written, entry.actor) == ([], "vera")


async def test_a_failure_is_asked_for_again_and_nothing_in_between_is_lost() -> None:
    async with polled() as here:
        await here.poll.ask()
        here.fake.act(here.record(), "rob.k", state="2")
        here.fake.answers.append((503, {}))
        with pytest.raises(ChannelRefused):
            await here.poll.ask()
        here.vendors.now_s += 900.0
        await here.poll.ask()
        assert [one.by for one in here.written] == ["rob"]


async def test_only_its_own_records_of_its_own_incidents_count_among_thousands() -> None:
    async with polled() as here:
        sys_id = here.record()
        for number in range(3_000):
            strange = {**here.fake.records[sys_id], "sys_id": f"s{number}", "correlation_id": f"INT-{number}",
                       "correlation_display": "Monitoring", "state": "2", "sys_updated_by": "rob.k"}
            here.fake.records[f"s{number}"] = strange
        here.fake._holds = lambda *_: True  # type: ignore[method-assign]  # every condition is left out
        here.fake.act(sys_id, "rob.k", state="2")
        await here.poll.ask()
        assert [one.incident_id for one in here.written] == ["inc-1"]


async def test_another_process_owns_the_incident() -> None:
    async with polled(mine=False) as here:
        here.fake.act(here.record(), "rob.k", state="2")
        await here.poll.ask()
        assert here.written == []


async def test_the_clock_of_the_instance_may_be_wrong() -> None:
    async with polled() as here:
        here.fake.now = lambda: datetime.fromtimestamp(here.vendors.now_s, UTC) - timedelta(minutes=10)
        here.fake.act(here.record(), "rob.k", state="2")
        await here.poll.ask()
        (made,) = here.written
        assert (made.by, made.at_s) == ("rob", here.vendors.now_s)


def test_a_message_to_a_record_has_the_incident_as_its_key() -> None:
    told: Message = still_alarming(incident(), "x", SOURCE)
    assert told.dedup_key == told.thread == f"{SOURCE}/inc-1"
