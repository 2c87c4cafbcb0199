"""ServiceNow against a strict fake: one record an incident, also when an answer was lost, and events that end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest
import pytest_asyncio

from actions.base import Secret
from actions.channels.kinds.servicenow import ServiceNow, ServiceNowParams
from actions.channels.kinds.servicenow_fields import correlation_id, record_key
from actions.channels.message import ChannelRefused
from actions.channels.texts import sample
from tests.actions.channels.cases import HOSTILE, MESSAGE, said, with_label
from tests.actions.channels.fakes.servicenow import PASSWORD, TOKEN, USER, FakeServiceNow

KEY = MESSAGE.dedup_key


@pytest_asyncio.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest_asyncio.fixture
async def instance() -> AsyncIterator[FakeServiceNow]:
    async with FakeServiceNow().running() as fake:
        yield fake


def params(fake: FakeServiceNow, **over: object) -> ServiceNowParams:
    return replace(ServiceNowParams(fake.url, USER, password=Secret(PASSWORD)), **over)  # type: ignore[arg-type]


def channel(fake: FakeServiceNow, session: aiohttp.ClientSession, **over: object) -> ServiceNow:
    return params(fake, **over).build(session)


async def test_an_incident_is_one_record_through_its_life(
    instance: FakeServiceNow, session: aiohttp.ClientSession,
) -> None:
    itsm = channel(instance, session, fields={"assignment_group": "Serving"})
    first = await itsm.send(MESSAGE)
    (record,) = instance.by_key(KEY)
    assert (record["impact"], record["urgency"], record["state"]) == ("1", "2", "1")
    assert (record["assignment_group"], record["correlation_display"]) == ("Serving", "/tocsin/t")
    await itsm.send(said(id="n2", event="change", severity="P0"))
    assert (record["impact"], record["urgency"]) == ("1", "1")
    await itsm.send(said(id="n3", event="milestone"))
    assert record["state"] == "2"
    closed = await itsm.send(said(id="n4", event="close", text="resolved after 5 min"))
    assert (record["state"], record["close_code"]) == ("6", "Solution provided")
    assert record["close_notes"] == "resolved after 5 min"
    assert (len(instance.records), len(instance.notes[record["sys_id"]])) == (1, 3)
    assert first.reference == closed.reference == record["sys_id"]


async def test_all_that_is_told_of_an_incident_goes_into_its_record(
    instance: FakeServiceNow, session: aiohttp.ClientSession,
) -> None:
    itsm = channel(instance, session)
    await itsm.send(MESSAGE)
    await itsm.send(said(id="n2", event="page", dedup_key=f"{KEY}/page/n2"))
    await itsm.send(said(id="n3", event="approval", dedup_key="/tocsin/t/approval/k1"))
    await itsm.send(said(id="n4", event="update", dedup_key=f"{KEY}/technical", thread=f"{KEY}/technical"))
    assert len(instance.records) == 1
    assert len(instance.notes[next(iter(instance.records))]) == 3


async def test_an_answer_that_was_lost_makes_neither_a_second_record_nor_a_second_note(
    instance: FakeServiceNow, session: aiohttp.ClientSession,
) -> None:
    itsm = channel(instance, session)
    instance.lose = 1
    with pytest.raises(ChannelRefused) as caught:
        await itsm.send(MESSAGE)
    assert not caught.value.final
    await itsm.send(said(in_doubt=True))
    (record,) = instance.by_key(KEY)
    assert instance.notes[record["sys_id"]] == []
    change = said(id="n2", event="change", severity="P0")
    instance.lose = 1
    with pytest.raises(ChannelRefused):
        await itsm.send(change)
    again = await itsm.send(replace(change, in_doubt=True))
    assert "has it already" in again.detail
    assert (len(instance.records), len(instance.notes[record["sys_id"]])) == (1, 1)


async def test_a_text_that_did_not_arrive_is_written_by_the_repeat(
    instance: FakeServiceNow, session: aiohttp.ClientSession,
) -> None:
    itsm = channel(instance, session)
    await itsm.send(MESSAGE)
    await itsm.send(said(id="n2", event="change", in_doubt=True))
    assert len(instance.notes[next(iter(instance.records))]) == 1


async def test_a_search_that_returns_other_records_is_refused_and_nothing_is_written(
    instance: FakeServiceNow, session: aiohttp.ClientSession,
) -> None:
    itsm = channel(instance, session)
    for number in range(20):
        await itsm.send(said(incident_id=f"o{number}", dedup_key=f"/tocsin/t/o{number}", thread=f"/tocsin/t/o{number}"))
    instance._holds = lambda *_: True  # type: ignore[method-assign]  # every condition is left out
    with pytest.raises(ChannelRefused, match="did not search by correlation_id") as caught:
        await itsm.send(MESSAGE)
    assert (caught.value.final, instance.created) == (True, 20)


async def test_an_effect_names_the_record_of_its_cause(
    instance: FakeServiceNow, session: aiohttp.ClientSession,
) -> None:
    itsm = channel(instance, session)
    cause = await itsm.send(MESSAGE)
    effect = said(id="n2", incident_id="inc-2", dedup_key="/tocsin/t/inc-2", reference=cause.reference)
    await itsm.send(effect)
    (record,) = instance.by_key("/tocsin/t/inc-2")
    assert record["parent_incident"] == cause.reference


@pytest.mark.parametrize(("state", "event", "after"), [
    ("7", "close", "7"), ("8", "close", "8"), ("6", "close", "6"), ("6", "change", "2"), ("3", "milestone", "3"),
])
async def test_what_people_set_in_servicenow_is_not_set_back(
    instance: FakeServiceNow, session: aiohttp.ClientSession, state: str, event: str, after: str,
) -> None:
    itsm = channel(instance, session)
    await itsm.send(MESSAGE)
    (record,) = instance.by_key(KEY)
    instance.act(record["sys_id"], "anna", state=state, close_code="Duplicate", close_notes="by anna")
    await itsm.send(said(id="n2", event=event))
    assert (record["state"], record["close_notes"]) == (after, "by anna")


@pytest.mark.parametrize(("over", "event", "reason"), [
    ({"password": Secret("wrong-secret")}, "open", "answered 401"),
    ({"fields": {"no_such_field": "x"}}, "open", "answered 400"),
    ({"close_code": "Magic"}, "close", "answered 400"),
])
async def test_what_servicenow_refuses_is_final_and_shows_no_secret(
    instance: FakeServiceNow, session: aiohttp.ClientSession, over: dict[str, object], event: str, reason: str,
) -> None:
    if event == "close":
        await channel(instance, session).send(MESSAGE)
    itsm = channel(instance, session, **over)
    with pytest.raises(ChannelRefused, match=reason) as caught:
        await itsm.send(said(event=event))
    assert caught.value.final
    assert "secret" not in caught.value.reason


async def test_too_many_requests_are_tried_again_when_servicenow_says(
    instance: FakeServiceNow, session: aiohttp.ClientSession,
) -> None:
    instance.answers.append((429, {"Retry-After": "90"}))
    with pytest.raises(ChannelRefused) as caught:
        await channel(instance, session).send(MESSAGE)
    assert (caught.value.final, caught.value.retry_after_s) == (False, 90.0)


async def test_a_token_is_sent_as_a_bearer(instance: FakeServiceNow, session: aiohttp.ClientSession) -> None:
    await channel(instance, session, password=None, token=Secret(TOKEN)).send(MESSAGE)
    assert instance.created == 1


async def test_an_event_has_one_key_and_is_cleared_at_the_end(
    instance: FakeServiceNow, session: aiohttp.ClientSession,
) -> None:
    itsm = channel(instance, session, record="event")
    for message in (MESSAGE, said(event="change", severity="P0"), said(event="close")):
        await itsm.send(message)
    assert [one["severity"] for one in instance.events] == ["2", "1", "0"]
    assert [one["resolution_state"] for one in instance.events] == ["New", "New", "Closing"]
    assert {one["message_key"] for one in instance.events} == {KEY}
    assert instance.records == {}


async def test_a_test_is_a_record_of_its_own_that_is_over(
    instance: FakeServiceNow, session: aiohttp.ClientSession,
) -> None:
    message = sample("itsm", 1.0, "/tocsin/t")
    await channel(instance, session).send(message)
    (record,) = instance.by_key(message.dedup_key)
    assert record["state"] == "6"


async def test_the_end_of_an_incident_without_a_record_makes_none(
    instance: FakeServiceNow, session: aiohttp.ClientSession,
) -> None:
    await channel(instance, session).send(said(event="close"))
    assert instance.created == 0


@pytest.mark.parametrize("label", HOSTILE)
async def test_a_label_is_data_in_servicenow(
    label: str, instance: FakeServiceNow, session: aiohttp.ClientSession,
) -> None:
    itsm = channel(instance, session)
    await itsm.send(with_label(label))
    await itsm.send(replace(with_label(label), id="n2", event="change"))
    (record,) = instance.by_key(KEY)
    texts = [record["short_description"], record["description"], *instance.notes[record["sys_id"]]]
    assert all("[code]" not in text and "\x1b" not in text and "\u202e" not in text for text in texts)
    assert "\n" not in record["short_description"]


def test_a_long_key_is_a_hash_that_is_always_the_same() -> None:
    long = said(dedup_key=f"/tocsin/{'g' * 120}/inc-1", thread=f"/tocsin/{'g' * 120}/inc-1")
    assert record_key(long) == correlation_id(long.dedup_key)
    assert len(record_key(long)) <= 100


@pytest.mark.parametrize(("over", "expected"), [
    ({"password": None}, "expected either password or token"),
    ({"token": Secret("x")}, "expected either password or token"),
    ({"user": "a:b"}, "without a colon"),
    ({"fields": {"state": "6"}}, "'state' is set by Tocsin"),
    ({"url": "http://x.service-now.com"}, "expected https"),
])
def test_what_cannot_be_used_is_refused_at_the_start(over: dict[str, object], expected: str) -> None:
    settings: dict[str, object] = {"url": "https://x.service-now.com", "user": USER, "password": Secret("p"), **over}
    with pytest.raises(ValueError, match=expected):
        ServiceNowParams(**settings)  # type: ignore[arg-type]
