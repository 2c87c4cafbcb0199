"""Webhooks of PagerDuty: signed as its document says, or refused; each event once, and nothing that nobody did."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from aiohttp.test_utils import TestClient, TestServer

from actions.base import Secret
from actions.ledger.view import LedgerView
from actions.outbox.releases import Releases
from actions.reviews.records import ReviewRecords
from classifiers.by_hand import Assign, Resolve
from classifiers.directives import Acknowledge
from streams.page.silences import KnownSilences
from streams.respond.http.api import Api
from streams.respond.http.authentication import MAX_FAILURES, Authenticator
from streams.respond.http.event_stream import EventStream
from streams.respond.http.readings import Known
from streams.respond.vendors.pagerduty_hook import PATH, PagerDutyHook
from streams.telemetry.respond_metrics import RespondMetrics
from tests.actions.approvals.cases import SOURCE
from tests.streams.respond.vendors.cases import NOW_S, Vendors

SECRETS = ("secret-of-a-subscription", "secret-of-another")
KEY = f"{SOURCE}/inc-1"


def event(kind: str = "incident.acknowledged", **over: Any) -> dict[str, Any]:
    """An event, with the fields of the example in "Webhooks: Overview"."""
    agent = {
        "html_url": "https://acme.pagerduty.com/users/PROB", "id": "PROB", "self": "https://api.pagerduty.com/users/PROB",
        "summary": "Rob K.", "type": "user_reference",
    }
    data = {
        "id": "PGR0VU2", "type": "incident", "self": "https://api.pagerduty.com/incidents/PGR0VU2", "number": 2,
        "html_url": "https://acme.pagerduty.com/incidents/PGR0VU2", "status": "acknowledged", "incident_key": KEY,
        "created_at": "2020-04-09T15:16:27Z", "title": "v2 is slow", "urgency": "high", "resolve_reason": None,
        "assignees": [{"id": "PROB", "summary": "Rob K.", "type": "user_reference"}],
    }
    made = {
        "id": "5ac64822-4adc-4fda-ade0-410becf0de4f", "event_type": kind, "resource_type": "incident",
        "occurred_at": datetime.fromtimestamp(NOW_S - 5.0, UTC).isoformat(timespec="milliseconds").replace(
            "+00:00", "Z"),
        "agent": agent, "client": {"name": "PagerDuty"}, "data": data,
    }
    for name, value in over.items():
        (data if name in data and name != "id" else made)[name] = value
    return made


def header(body: bytes, secrets: Sequence[str]) -> str:
    """As PagerDuty makes it: one signature for each secret."""
    return ",".join(f"v1={hmac.new(each.encode(), body, hashlib.sha256).hexdigest()}" for each in secrets)


class Hooked:
    """The webhook beside the interface, over a desk with one open incident."""

    def __init__(self, vendors: Vendors, client: TestClient[Any, Any]) -> None:
        self.vendors = vendors
        self.client = client

    async def send(
        self, event_: object, secrets: Sequence[str] = SECRETS[:1], signature: str | None = None,
    ) -> tuple[int, Any]:
        body = orjson.dumps({"event": event_})
        given = header(body, secrets) if signature is None else signature
        headers = {"X-PagerDuty-Signature": given, "Content-Type": "application/json", "X-Webhook-Id": "w1"}
        async with self.client.post(PATH, data=body, headers=headers) as answer:
            return answer.status, await answer.json()

    @property
    def written(self) -> list[Any]:
        return self.vendors.log.written


@asynccontextmanager
async def hooked(secrets: Sequence[str] = SECRETS[:1]) -> AsyncIterator[Hooked]:
    here = Vendors()
    authenticator = Authenticator(here.directory)
    known = Known(
        here.desk, LedgerView(), Releases(here.directory), lambda *_: None, list, ReviewRecords(), KnownSilences(),
    )
    api = Api(known, here.directory, authenticator, here.log, EventStream(), RespondMetrics(), tuple, time.time)
    hook = PagerDutyHook([Secret(each) for each in secrets], SOURCE, here.actions, authenticator)
    async with TestClient(TestServer(api.app(hook))) as client:
        yield Hooked(here, client)


async def test_what_somebody_does_in_pagerduty_becomes_a_record_of_that_person() -> None:
    async with hooked() as here:
        for kind in ("acknowledged", "reassigned", "unacknowledged", "resolved"):
            status, _ = await here.send(event(f"incident.{kind}", id=kind))
            assert status == 200
        assert [type(one) for one in here.written] == [Acknowledge, Assign, Acknowledge, Resolve]
        assert {one.by for one in here.written} == {"rob"}


async def test_the_key_of_a_page_names_the_incident_too() -> None:
    async with hooked() as here:
        await here.send(event(incident_key=f"{KEY}/page/0123"))
        assert [one.incident_id for one in here.written] == ["inc-1"]


async def test_one_of_several_signatures_is_enough_while_a_secret_is_replaced() -> None:
    async with hooked(SECRETS) as here:
        assert (await here.send(event(), ("old-one", SECRETS[1])))[0] == 200
        assert len(here.written) == 1


async def test_a_signature_of_bytes_that_are_no_text_is_a_try_like_any_other() -> None:
    async with hooked() as here:
        reader, writer = await asyncio.open_connection(here.client.host, here.client.port)
        lines = (
            f"POST {PATH} HTTP/1.1".encode(), b"Host: x", b"X-PagerDuty-Signature: v1=\xff", b"Content-Length: 2",
            b"Connection: close", b"", b"{}",
        )
        writer.write(b"\r\n".join(lines))
        assert (await reader.readline()).split()[1] == b"401"
        writer.close()
        assert [one.event for one in here.vendors.log.refusals] == ["refused"]


@pytest.mark.parametrize("signature", [
    "", "v1=", "v1=" + "0" * 64, "v0=" + "0" * 64, header(b"another body", SECRETS[:1]), "v1=\u00e9",
])
async def test_a_signature_that_does_not_count_is_answered_with_401_and_audited(signature: str) -> None:
    async with hooked() as here:
        status, _ = await here.send(event(), signature=signature)
        (entry,) = here.vendors.log.refusals
        assert (status, here.written) == (401, [])
        assert "no signature in the header X-PagerDuty-Signature counts" in entry.reason


async def test_the_signature_is_of_the_body_as_it_was_sent() -> None:
    async with hooked() as here:
        given = header(orjson.dumps({"event": event()}), SECRETS[:1])
        assert (await here.send(event("incident.resolved"), signature=given))[0] == 401
        assert here.written == []


async def test_who_sends_too_many_wrong_signatures_is_not_asked_any_more() -> None:
    async with hooked() as here:
        for _ in range(MAX_FAILURES):
            await here.send(event(), signature="v1=0")
        assert (await here.send(event()))[0] == 429
        assert len(here.vendors.log.refusals) == MAX_FAILURES


async def test_an_event_that_comes_again_is_taken_once() -> None:
    async with hooked() as here:
        await here.send(event())
        status, body = await here.send(event())
        assert (status, body) == (200, {"became": "it was taken already"})
        assert len(here.written) == 1


@pytest.mark.parametrize(("over", "became"), [
    ({"event_type": "incident.annotated"}, "nothing follows from events of this type"),
    ({"agent": None}, "no person did it"),
    ({"agent": {"id": "PINT", "summary": "Tocsin", "type": "inbound_integration_reference"}}, "no person did it"),
    ({"incident_key": "d3640fbd41094207a1c11e58e46b1662"}, "it is no incident of this deployment"),
    ({"incident_key": None}, "it is no incident of this deployment"),
    ({"incident_key": "/tocsin/other/inc-1"}, "it is no incident of this deployment"),
    ({"incident_key": f"{SOURCE}/inc-9"}, "incident inc-9: unknown"),
    ({"incident_key": f"{SOURCE}/approval/k1"}, "incident approval: unknown"),
    ({"occurred_at": "yesterday"}, "it has no time"),
])
async def test_what_changes_nothing_here_is_answered_with_200(over: dict[str, Any], became: str) -> None:
    async with hooked() as here:
        assert await here.send(event(**over)) == (200, {"became": became})
        assert here.written == []


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"messages": []}'])
async def test_a_signed_body_that_is_no_webhook_of_version_3_is_answered_with_400(body: bytes) -> None:
    async with hooked() as here:
        headers = {"X-PagerDuty-Signature": header(body, SECRETS[:1])}
        async with here.client.post(PATH, data=body, headers=headers) as answer:
            assert answer.status == 400


async def test_without_a_secret_there_is_no_webhook() -> None:
    async with hooked(()) as here:
        assert (await here.send(event(), signature=header(orjson.dumps({"event": event()}), [""])))[0] == 401
        assert here.written == []


async def test_the_other_paths_still_want_a_person() -> None:
    async with hooked() as here, here.client.get("/api/v1/incidents") as answer:
        assert answer.status == 401
