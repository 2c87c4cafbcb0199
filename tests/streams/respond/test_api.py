"""Over HTTP each does what the role allows; what is refused is answered, audited and counted."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any

import orjson
import pytest
from aiohttp.test_utils import TestClient, TestServer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from actions.approvals.decide import given_decision
from actions.approvals.desk import Desk
from actions.channels.notification import Draft, drafted
from actions.channels.texts import incident_message
from actions.ledger.log_value import follow_in_force
from actions.ledger.records import LedgerRecord
from actions.ledger.view import LedgerView
from actions.oncall.now import OnCall
from actions.outbox.releases import Releases
from actions.remedies.changes import begun
from actions.reviews.records import ReviewRecords
from actions.trust.approvals import ApprovalCheck
from actions.trust.keys import KeyRing, PublicKey, Signer
from actions.trust.people import Directory, Member
from actions.trust.roles import Role
from classifiers.by_hand import Assign, Decide, Keep, ResetStorm, Resolve, SetBreaker, Undo, Update, Withdraw
from classifiers.directives import Acknowledge, Expire, OfPerson, Silence
from classifiers.silences import fits
from classifiers.telling_by_hand import Escalate, Release
from classifiers.viewing_by_hand import Watch
from streams.page.silences import KnownSilences
from streams.respond.http.api import MAX_WATCHED, Api
from streams.respond.http.authentication import Authenticator
from streams.respond.http.event_stream import MAX_WAITING, EventStream
from streams.respond.http.readings import Known
from streams.telemetry.respond_metrics import RespondMetrics
from tests.actions.approvals.cases import SOURCE, T, incident, suggested
from tests.streams.respond.written_log import WrittenLog

ROLES: dict[str, Role] = {"vera": "viewer", "rob": "responder", "ann": "approver", "cleo": "commander"}
PRIVATE = Ed25519PrivateKey.generate()


def token(name: str) -> str:
    return f"token-of-{name}"


MEMBERS = [
    Member(name, frozenset({role}), token_sha256=hashlib.sha256(token(name).encode()).hexdigest())
    for name, role in ROLES.items()
]
DIRECTORY = Directory(MEMBERS, lambda _: ())
CHECK = ApprovalCheck(
    DIRECTORY, KeyRing([PublicKey("r1", PRIVATE.public_key(), frozenset({"respond"}))]), SOURCE,
)


ON_CALL = [OnCall("primary", "rob", "turn", T + 60.0), OnCall("night", None, "nobody", None)]


def fault(_: str, to: str | None) -> str | None:
    return "nobody is behind it" if to == "nobody" else None


class Served:
    """The interface over a desk with one open incident and one request."""

    def __init__(
        self, signer: Signer | None = Signer("r1", PRIVATE),  # noqa: B008 - a frozen value
        owners: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    ) -> None:
        self.desk = Desk(CHECK)
        self.intent = suggested()
        self.desk.add_incident(incident(), T)
        self.desk.add_intent(self.intent, 2)
        for change in self.desk.changes(T, lambda *_: True):
            self.desk.record(change.request)
        self.log = WrittenLog(signer)
        self.events = EventStream()
        self.metrics = RespondMetrics()
        self.in_force = LedgerView()
        self.releases = Releases(DIRECTORY)
        self.reviews = ReviewRecords()
        self.silences = KnownSilences()
        self.client: TestClient[Any, Any]
        self._api = Api(
            Known(self.desk, self.in_force, self.releases, fault, lambda: ON_CALL, self.reviews, self.silences),
            Directory(MEMBERS, lambda service: owners.get(service, ())),
            Authenticator(DIRECTORY), self.log, self.events, self.metrics, tuple, lambda: T + 5.0,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Served]:
        async with TestClient(TestServer(self._api.app())) as self.client:
            yield self

    async def get(self, path: str, who: str | None = "vera") -> tuple[int, Any]:
        async with self.client.get(f"/api/v1/{path}", headers=_headers(who)) as answer:
            return answer.status, await answer.json()

    async def post(self, path: str, who: str | None, **body: Any) -> tuple[int, Any]:
        async with self.client.post(f"/api/v1/{path}", json=body, headers=_headers(who)) as answer:
            return answer.status, await answer.json()


def _headers(who: str | None) -> dict[str, str]:
    return {} if who is None else {"Authorization": f"Bearer {token(who)}"}


async def test_who_may_read_sees_open_incidents_and_requests() -> None:
    async with Served().running() as served:
        status, incidents = await served.get("incidents")
        assert (status, [one["id"] for one in incidents]) == (200, ["inc-1"])
        status, requests = await served.get("approvals")
        assert (status, [(one["key"], one["state"]) for one in requests]) == (200, [("k1", "requested")])
        assert (await served.get("approvals/k1"))[1]["intent"]["target"] == "chat/v2"
        assert (await served.get("approvals/k9"))[0] == 404


async def test_who_may_read_sees_what_is_in_force_and_the_storm_brake() -> None:
    served = Served()
    remedy = begun(None, suggested(kind="circuit_breaker", target="chat/r0"), 3600.0, 2, T)
    assert remedy is not None
    follow_in_force(served.in_force, orjson.dumps(remedy.to_json()))
    follow_in_force(served.in_force, orjson.dumps(LedgerRecord("storm-brake", "storm_tripped", T).to_json()))
    async with served.running():
        status, remedies = await served.get("remedies")
        assert (status, [(one["key"], one["state"]) for one in remedies]) == (200, [(remedy.key, "applying")])
        status, found = await served.get("breakers")
        assert (status, found["storm_since_s"]) == (200, T)
        assert [(one["target"], one["breaker"]["state"]) for one in found["breakers"]] == [("chat/r0", "open")]


async def test_whose_roles_count_at_a_target_says_the_service_of_what_is_in_force_there() -> None:
    served = Served(owners={"chat": ("ann",)})
    remedy = begun(None, suggested(kind="circuit_breaker", target="r0"), 3600.0, 2, T)
    assert remedy is not None
    follow_in_force(served.in_force, orjson.dumps(remedy.to_json()))
    async with served.running():
        assert (await served.post("remedies/circuit_breaker/r0/undo", "rob"))[0] == 403
        assert (await served.post("breakers/r0", "rob", verb="force_open"))[0] == 403
        assert (await served.post("breakers/r1", "rob", verb="force_open"))[0] == 202
        assert [each.target for each in served.log.written if isinstance(each, SetBreaker)] == ["r1"]


async def test_a_token_of_bytes_that_are_no_text_is_a_try_like_any_other() -> None:
    async with Served().running() as served:
        reader, writer = await asyncio.open_connection(served.client.host, served.client.port)
        lines = (b"GET /api/v1/incidents HTTP/1.1", b"Host: x", b"Authorization: Bearer \xff", b"Connection: close")
        writer.write(b"".join(line + b"\r\n" for line in (*lines, b"")))
        assert (await reader.readline()).split()[1] == b"401"
        writer.close()
        assert [one.event for one in served.log.refusals] == ["refused"]
        assert b'tocsin_http_tries_total{answer="unauthenticated"} 1.0' in served.metrics.render()


@pytest.mark.parametrize("path", [
    "incidents", "remedies", "breakers", "approvals", "approvals/k1", "texts", "oncall", "events",
])
async def test_nobody_reads_without_a_token(path: str) -> None:
    async with Served().running() as served:
        status, body = await served.get(path, None)
        assert (status, "Authorization" in body["error"]) == (401, True)
        (refused,) = served.log.refusals
        assert (refused.event, refused.actor) == ("refused", None)
        assert b'tocsin_http_tries_total{answer="unauthenticated"} 1.0' in served.metrics.render()


async def test_health_is_told_to_everybody() -> None:
    async with Served().running() as served:
        assert await served.get("healthz", None) == (200, {"ok": True, "reasons": []})


async def test_a_decision_is_signed_by_the_process_for_the_person_and_counts() -> None:
    async with Served().running() as served:
        status, _ = await served.post("approvals/k1/decision", "ann", verb="approve", digest="d1", comment="go")
        assert status == 202
        (written,) = served.log.written
        assert isinstance(written, Decide)
        assert (written.by, written.via, written.verb, written.signed_by) == ("ann", "http", "approve", "r1")
        given = given_decision(served.desk.requests["k1"], written, T + 6.0, CHECK)
        assert not isinstance(given, str), given


@pytest.mark.parametrize(("who", "path", "body"), [
    ("vera", "approvals/k1/decision", {"verb": "approve", "digest": "d1"}),
    ("rob", "approvals/k1/decision", {"verb": "approve", "digest": "d1"}),
    ("cleo", "approvals/k1/decision", {"verb": "approve", "digest": "d1"}),
    ("ann", "approvals/k1/decision", {"verb": "withdraw", "digest": "d1"}),
    ("ann", "approvals/k1/decision", {"verb": "break_glass", "digest": "d1", "comment": "now"}),
    ("vera", "incidents/inc-1/acknowledge", {}), ("ann", "incidents/inc-1/resolve", {}),
    ("ann", "incidents/inc-1/silence", {"comment": "x"}),
    ("ann", "incidents/inc-1/escalate", {"comment": "x"}),
    ("vera", "remedies/throttle/chat/v2/undo", {}), ("ann", "remedies/throttle/chat/v2/keep", {}),
    ("rob", "breakers/chat/r0", {"verb": "disable"}), ("ann", "breakers/chat/r0", {"verb": "force_open"}),
    ("rob", "storm/reset", {}),
])
async def test_who_lacks_the_role_is_refused_and_audited(who: str, path: str, body: dict[str, Any]) -> None:
    async with Served().running() as served:
        status, answer = await served.post(path, who, **body)
        assert (status, "expected the role" in answer["error"]) == (403, True), answer
        assert served.log.written == []
        (refused,) = served.log.refusals
        assert refused.actor == who


@pytest.mark.parametrize(("who", "path", "body", "directive"), [
    ("rob", "incidents/inc-1/acknowledge", {"for_s": 60}, Acknowledge("inc-1", "rob", T + 5.0, T + 65.0)),
    ("rob", "incidents/inc-1/resolve", {"comment": "ok"}, Resolve("inc-1", "rob", T + 5.0, "ok", "http")),
    (
        "rob", "incidents/inc-1/assign", {"to": "ann", "comment": "my shift ends"},
        Assign("inc-1", "ann", "rob", T + 5.0, "http", comment="my shift ends"),
    ),
    (
        "rob", "incidents/inc-1/assign", {"to": "ann", "role": "scribe", "remove": True},
        Assign("inc-1", "ann", "rob", T + 5.0, "http", "scribe", True),
    ),
    (
        "rob", "incidents/inc-1/escalate", {"to": "primary", "comment": "help"},
        Escalate("inc-1", "rob", T + 5.0, "help", "primary", "http"),
    ),
    ("cleo", "incidents/inc-1/escalate", {"comment": "help"}, Escalate("inc-1", "cleo", T + 5.0, "help", None, "http")),
    ("rob", "incidents/inc-1/update", {"comment": "so"}, Update("inc-1", "rob", T + 5.0, "so", "http")),
    ("rob", "remedies/throttle/chat/v2/undo", {}, Undo("throttle", "chat/v2", "rob", T + 5.0, "", "http")),
    ("rob", "remedies/throttle/chat/v2/keep", {}, Keep("throttle", "chat/v2", "rob", T + 5.0, "", "http")),
    (
        "rob", "breakers/chat/r0", {"verb": "force_open"},
        SetBreaker("chat/r0", "force_open", "rob", T + 5.0, "", "http"),
    ),
    ("ann", "storm/reset", {}, ResetStorm("ann", T + 5.0, "", "http")),
    ("cleo", "approvals/k1/decision", {"verb": "withdraw"}, Withdraw("k1", "cleo", T + 5.0, "", "http")),
])
async def test_what_the_role_allows_is_written_with_person_and_path(
    who: str, path: str, body: dict[str, Any], directive: OfPerson,
) -> None:
    async with Served().running() as served:
        status, answer = await served.post(path, who, **body)
        assert (status, answer.get("id")) == (202, directive.id), answer
        assert served.log.written == [directive]


@pytest.mark.parametrize(("path", "body", "error"), [
    ("approvals/k1/decision", {"verb": "maybe", "digest": "d1"}, "expected one of approve"),
    ("approvals/k1/decision", {"verb": "approve", "digest": "d0"}, "the terms that wait now"),
    ("approvals/k1/decision", {"verb": "approve"}, "digest None"),
    ("approvals/k1/decision", {"verb": "approve", "digest": "d1", "comment": 5}, "comment 5"),
])
async def test_a_body_that_is_wrong_is_told_field_and_expectation(path: str, body: dict[str, Any], error: str) -> None:
    async with Served().running() as served:
        status, answer = await served.post(path, "ann", **body)
        assert (status, error in answer["error"]) == (400, True), answer
        assert served.log.written == []


async def test_a_responder_silences_what_an_incident_is_about_and_is_told_what_will_be_silent() -> None:
    async with Served().running() as served:
        status, answer = await served.post("incidents/inc-1/silence", "rob", for_s=600, comment="moving")
        matched = 'category="performance_degradation"'
        assert (status, answer["silences"]) == (202, f'service="chat", version="v2", {matched}')
        (made,) = served.log.written
        assert isinstance(made, Silence)
        assert (made.by, made.comment, made.until_s - made.from_s, answer["id"]) == ("rob", "moving", 600.0, made.id)
        assert all(fits(matcher, incident(severity="P0")) for matcher in made.matchers)
        assert not all(fits(matcher, incident(version="v3")) for matcher in made.matchers)
        assert (await served.post("incidents/inc-1/silence", "rob", for_s=600))[0] == 400
        assert (await served.post("incidents/inc-1/unsilence", "rob"))[0] == 400
        served.silences.add(made)
        served.desk.add_incident(incident(silenced_by=made.id), T)
        assert (await served.post("incidents/inc-1/unsilence", "rob", comment="moved"))[0] == 202
        assert served.log.written[1] == Expire(made.id, "rob", T + 5.0, "moved")


async def test_who_may_read_sees_who_is_on_call_and_until_when() -> None:
    async with Served().running() as served:
        assert await served.get("oncall") == (200, [
            {"schedule": "primary", "person": "rob", "reason": "turn", "until_s": T + 60.0},
            {"schedule": "night", "person": None, "reason": "nobody", "until_s": None},
        ])


@pytest.mark.parametrize(("body", "error"), [
    ({"to": "nobody", "comment": "x"}, "nobody is behind it"), ({"to": "ann"}, "comment None, expected a text"),
    ({"comment": ""}, "escalate: comment '', expected 1 to 1000 characters"),
])
async def test_an_escalation_to_nobody_or_without_a_reason_is_refused(body: dict[str, Any], error: str) -> None:
    async with Served().running() as served:
        assert await served.post("incidents/inc-1/escalate", "rob", **body) == (400, {"error": error})
        assert served.log.written == []


@pytest.mark.parametrize(("body", "error"), [
    ({"to": "nobody"}, "to 'nobody', expected a person under people"),
    ({"to": "ann", "role": "boss"}, "role 'boss', expected one of commander, scribe, owner"),
    ({"to": "ann", "remove": "yes"}, "remove 'yes', expected true or false"),
])
async def test_a_role_that_cannot_be_assigned_is_refused(body: dict[str, Any], error: str) -> None:
    async with Served().running() as served:
        assert await served.post("incidents/inc-1/assign", "rob", **body) == (400, {"error": error})
        assert served.log.written == []


async def test_a_commander_releases_the_text_that_waits_and_nobody_else_does() -> None:
    served = Served()
    message = incident_message(incident(), "open", "n1", SOURCE)
    served.releases.record(drafted(message, "mail", Draft("customer", "chat", "f00d", ("commander",)), T))
    async with served.running():
        status, waiting = await served.get("texts")
        assert (status, [(one["digest"], one["text"]) for one in waiting]) == (200, [("f00d", message.text)])
        assert (await served.get("texts/f00d"))[1] == waiting[0]
        status, answer = await served.post("texts/f00d/decision", "ann", verb="release")
        assert (status, answer["error"]) == (403, "ann has approver for chat, expected commander")
        assert served.log.refusals[0].actor == "ann"
        assert (await served.post("texts/f00d/decision", "cleo", verb="send"))[0] == 400
        assert (await served.post("texts/beef/decision", "cleo", verb="release"))[0] == 404
        assert served.log.written == []
        for verb in ("release", "withdraw"):
            assert (await served.post("texts/f00d/decision", "cleo", verb=verb, comment="go"))[0] == 202
        assert [(one.verb, one.via) for one in served.log.written if isinstance(one, Release)] == [
            ("release", "http"), ("withdraw", "http"),
        ]


async def test_a_viewer_watches_a_series_for_ten_minutes_and_a_process_takes_so_many_at_once() -> None:
    async with Served().running() as served:
        body = {"service": "chat", "model": "gpt", "metric": "latency_ms", "part": "replica/r0"}
        for _ in range(MAX_WATCHED):
            assert (await served.post("series/watch", "vera", **body))[0] == 202
        status, answer = await served.post("series/watch", "vera", **body)
        assert (status, answer["error"]) == (429, "16 series are watched by this process; try again later")
        assert len(served.log.written) == MAX_WATCHED
        made = served.log.written[0]
        assert isinstance(made, Watch)
        assert (made.model, made.part, made.by, made.until_s - made.at_s) == ("gpt", "replica/r0", "vera", 600.0)


@pytest.mark.parametrize(("body", "error"), [
    ({"metric": "latency_ms", "part": ""}, "service None, expected a text"),
    ({"service": "chat", "metric": "", "part": ""}, "watch: metric '', expected 1 to 1000 characters"),
    ({"service": "chat", "metric": "latency_ms", "part": "", "model": 5}, "model 5, expected a text"),
])
async def test_a_series_that_is_not_named_is_not_watched(body: dict[str, Any], error: str) -> None:
    async with Served().running() as served:
        assert await served.post("series/watch", "vera", **body) == (400, {"error": error})
        assert served.log.written == []


async def test_what_a_form_of_another_site_could_send_is_refused() -> None:
    async with Served().running() as served:
        for headers in (_headers("ann"), {"Cookie": f"Authorization=Bearer {token('ann')}"}):
            async with served.client.post("/api/v1/storm/reset", data={"comment": "x"}, headers=headers) as answer:
                assert answer.status in (400, 401)
        assert served.log.written == []


async def test_without_a_key_of_its_own_it_signs_for_nobody() -> None:
    async with Served(signer=None).running() as served:
        status, answer = await served.post("incidents/inc-1/resolve", "rob")
        assert (status, "signing.private_file" in answer["error"]) == (503, True)


async def test_what_has_ended_is_not_decided_again() -> None:
    served = Served()
    for change in served.desk.changes(T + 1000.0, lambda *_: True):
        served.desk.record(change.request)
    async with served.running():
        status, answer = await served.post("approvals/k1/decision", "ann", verb="approve", digest="d1")
        assert (status, "expired" in answer["error"]) == (409, True)


async def test_changes_are_streamed_to_who_listens() -> None:
    async with Served().running() as served, served.client.get("/api/v1/events", headers=_headers("vera")) as answer:
        assert answer.content_type == "text/event-stream"
        assert await answer.content.readline() == b": waiting\n"
        served.events.publish("approval", "k1", {"state": "approved"})
        lines = [await answer.content.readline() for _ in range(4)]
        assert lines[1:] == [b"event: approval\n", b"id: k1\n", b'data: {"state":"approved"}\n']


async def test_who_does_not_keep_up_is_cut_off_and_holds_nobody_back() -> None:
    events = EventStream()
    async with events.listen() as slow:
        assert await anext(slow) == b": waiting\n\n"
        for number in range(MAX_WAITING + 5):
            events.publish("incident", str(number), number)
        received = [event async for event in slow]
    assert len(received) == MAX_WAITING
