"""What the role respond makes of the records of the topics."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from actions.approvals.desk import UNOWNED_AFTER_S, Desk
from actions.approvals.request import request_of
from actions.channels.notification import Notification, queued
from actions.remedies.changes import begun
from actions.reviews.desk import ReviewDesk
from actions.reviews.record import ActionItem, Review
from actions.trust.keys import FaultReason, KeyRing, PublicKey, Signer
from classifiers.directives import Acknowledge
from streams.contracts.catalogue import APPROVAL, ESCALATION, ITEM, NOTIFICATION, REVIEW, MessageType
from streams.contracts.envelopes import (
    Message,
    approval_message,
    escalation_message,
    incident_message,
    intent_message,
    notification_message,
    tombstone,
)
from streams.contracts.people.records import sign_by_hand
from streams.contracts.people.reviews import item_message, review_message
from streams.contracts.signatures import sign_message
from streams.respond.topic_reader import TopicReader
from streams.telemetry.respond_metrics import SignedRecordKind
from streams.trust.authenticity import Authenticity
from tests.actions.approvals.cases import CHECK, SOURCE, T, incident, suggested
from tests.actions.approvals.cases import KEYS as PEOPLES_KEYS
from tests.actions.channels.cases import MESSAGE
from tests.actions.escalation.cases import World
from tests.streams.fakes import config_of, record_of
from tests.streams.records import FakeRecord

WORKER, RESPOND = (Signer(name, Ed25519PrivateKey.generate()) for name in ("w1", "r1"))
KEYS = Authenticity(KeyRing([
    PublicKey("w1", WORKER.private.public_key(), frozenset({"watch"})),
    PublicKey("r1", RESPOND.private.public_key(), frozenset({"respond"})),
]), SOURCE)

REVIEW_OF = Review("inc-1", 1, "draft", "", "", "anna", T)
ITEM_OF = ActionItem("item-1", "inc-1", 1, "open", "Pin the driver", None, None, "anna", T)


class Reading:
    """A reader with its desk. ignored: what it did not count."""

    def __init__(self, folder: Path, authenticity: Authenticity, now_s: float = T) -> None:
        self.config, self.desk, self.escalations = config_of(folder), Desk(CHECK), World().desk
        self.reviews = ReviewDesk()
        self.ignored: list[tuple[SignedRecordKind, FaultReason]] = []
        self.reader = TopicReader(
            self.config, self.desk, CHECK, authenticity, lambda: None, lambda: now_s,
            lambda kind, reason: self.ignored.append((kind, reason)), self.escalations, self.reviews,
        )

    async def read(self, topic: str, message: Message, signer: Signer | None = None) -> None:
        """One record, signed or not."""
        signed = message if signer is None else sign_message(topic, message, signer)
        await self.reader.process(topic, [record_of(signed, topic)])


async def test_an_incident_is_as_old_as_its_reading_by_the_clock_of_deadlines_however_the_broker_dates_it(
    tmp_path: Path,
) -> None:
    now_s = T + 5_000.0
    reading = Reading(tmp_path, Authenticity(KeyRing(()), SOURCE), now_s)
    desk, reader, topics = reading.desk, reading.reader, reading.config.topics
    asked = suggested(decided_at_s=now_s)
    await reader.process(topics.actions, [record_of(intent_message(asked, SOURCE, 2), topics.actions)])
    desk.sighted(T)
    told = record_of(incident_message(incident(), SOURCE, T), topics.incidents)
    assert told.timestamp < T
    await reader.process(topics.incidents, [told])

    def states(at_s: float) -> list[str]:
        found: list[str] = []
        for change in desk.changes(at_s, lambda *_: True):
            desk.record(change.request)
            found.append(change.request.state)
        return found

    assert states(now_s + 1.0) == ["requested"]
    assert states(now_s + UNOWNED_AFTER_S - 1.0) == []
    assert states(now_s + UNOWNED_AFTER_S) == ["void"]


async def test_with_keys_only_what_the_role_that_writes_it_signed_reaches_the_desk(tmp_path: Path) -> None:
    reading = Reading(tmp_path, KEYS)
    topics, asked = reading.config.topics, suggested()
    request = request_of(asked, 2, 1, T)
    world = World()
    world.tell()
    world.at(0.0)
    told = queued(replace(MESSAGE, id="n1"), "chat", urgent=False, now_s=T)
    names: list[str] = []
    reading.reader.on_notification = lambda name, _one, _partition: names.append(name)
    written: list[tuple[SignedRecordKind, str, Message, Signer]] = [
        ("incident", topics.incidents, incident_message(incident(), SOURCE, T), WORKER),
        ("intent", topics.actions, intent_message(asked, SOURCE, 2), WORKER),
        ("request", topics.response, approval_message(request, SOURCE, 0), RESPOND),
        ("escalation", topics.response, escalation_message(world.log[-1], SOURCE, 0), RESPOND),
        ("notification", topics.response, notification_message(told, SOURCE, 0), RESPOND),
        ("review", topics.response, review_message(REVIEW_OF, SOURCE, 0), RESPOND),
        ("review", topics.response, item_message(ITEM_OF, SOURCE, 0), RESPOND),
    ]
    for kind, topic, message, signer in written:
        wrong = RESPOND if signer is WORKER else WORKER
        await reading.read(topic, message)
        await reading.read(topic, message, Signer(signer.id, Ed25519PrivateKey.generate()))
        await reading.read(topic, message, wrong)
        assert reading.ignored == [(kind, "unsigned"), (kind, "bad_signature"), (kind, "wrong_use")]
        reading.ignored.clear()
        assert (reading.desk.incidents(), dict(reading.desk.requests)) == ([], {})
        assert list(reading.desk.changes(T, lambda *_: True)) == []
        assert (dict(reading.escalations.escalations), names) == ({}, [])
        assert (reading.reviews.records.reviews(), reading.reviews.records.items()) == ([], [])
    for _, topic, message, signer in written:
        await reading.read(topic, message, signer)
    assert reading.ignored == []
    assert ([one.id for one in reading.desk.incidents()], list(reading.desk.requests)) == (["inc-1"], ["k1"])
    assert (list(reading.escalations.escalations), names) == (["inc-1"], ["n1"])
    assert (reading.reviews.records.reviews(), reading.reviews.records.items()) == ([REVIEW_OF], [ITEM_OF])


async def test_a_record_of_another_deployment_does_not_count(tmp_path: Path) -> None:
    reading = Reading(tmp_path, KEYS)
    await reading.read(reading.config.topics.incidents, incident_message(incident(), "/tocsin/other", T), WORKER)
    assert (reading.ignored, reading.desk.incidents()) == ([("incident", "bad_signature")], [])


async def test_with_keys_only_what_the_role_signed_for_its_key_removes_a_record(tmp_path: Path) -> None:
    reading = Reading(tmp_path, KEYS)
    topic, request = reading.config.topics.response, request_of(suggested(), 2, 1, T)
    world = World()
    world.tell()
    world.at(0.0)
    told = queued(replace(MESSAGE, id="n1"), "chat", urgent=False, now_s=T)
    known: dict[str, Notification | None] = {}
    reading.reader.on_notification = lambda name, one, _partition: known.update({name: one})
    written: list[tuple[SignedRecordKind, MessageType, Message]] = [
        ("request", APPROVAL, approval_message(request, SOURCE, 0)),
        ("escalation", ESCALATION, escalation_message(world.log[-1], SOURCE, 0)),
        ("notification", NOTIFICATION, notification_message(told, SOURCE, 0)),
        ("review", REVIEW, review_message(REVIEW_OF, SOURCE, 0)), ("review", ITEM, item_message(ITEM_OF, SOURCE, 0)),
    ]

    def left() -> int:
        told_now = [name for name, one in known.items() if one]
        records = reading.reviews.records
        held = [reading.desk.requests, reading.escalations.escalations, told_now, records.reviews(), records.items()]
        return sum(map(len, held))

    for _, _, message in written:
        await reading.read(topic, message, RESPOND)
    for kind, type_, message in written:
        assert message.key is not None
        removal = tombstone(type_, message.key.decode(), SOURCE, T, 0)
        other = replace(sign_message(topic, tombstone(type_, "approval/other", SOURCE, T, 0), RESPOND), key=message.key)
        await reading.read(topic, removal)
        await reading.read(topic, removal, WORKER)
        await reading.read(topic, other)
        assert reading.ignored == [(kind, "unsigned"), (kind, "wrong_use"), (kind, "bad_signature")]
        reading.ignored.clear()
    assert left() == 5
    for _, type_, message in written:
        assert message.key is not None
        await reading.read(topic, tombstone(type_, message.key.decode(), SOURCE, T, 0), RESPOND)
    assert (left(), reading.ignored) == (0, [])


@pytest.mark.parametrize("value", [b"null", b"1", b"[]", b"{", b'{"key": 1}'])
async def test_a_record_of_the_ledger_that_cannot_be_read_hides_none_that_comes_after_it(
    tmp_path: Path, value: bytes,
) -> None:
    reading = Reading(tmp_path, KEYS)
    topic = reading.config.topics.ledger
    remedy = begun(None, suggested(kind="circuit_breaker", target="chat/r0"), 3600.0, 2, T)
    assert remedy is not None
    await reading.reader.process(topic, [
        FakeRecord(value, 0, topic), FakeRecord(orjson.dumps(remedy.to_json()), 1, topic),
    ])
    assert [one.target for one in reading.reader.in_force.remedies()] == ["chat/r0"]


async def test_an_acknowledgement_of_a_person_holds_no_escalation_longer_than_the_configuration_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading = Reading(tmp_path, KEYS)
    topic, longest_s = reading.config.topics.control, reading.config.control.max_ack_s
    taken: list[float] = []
    monkeypatch.setattr(
        reading.escalations, "add_acknowledgement", lambda given, **_: taken.append(given.until_s),
    )
    for until_s in (T + 60.0, T + longest_s + 1.0):
        made = Acknowledge("inc-1", "dan", T, until_s)
        message = sign_by_hand(made, topic, SOURCE, T, Signer("dan-1", PEOPLES_KEYS["dan"]))
        await reading.reader.process(
            topic, [FakeRecord(message.value, 0, topic, 0, int(T * 1000), message.key, message.headers)],
        )
    assert taken == [T + 60.0, T + longest_s]


async def test_a_copy_of_an_old_incident_silences_nothing_and_opens_nothing_again(tmp_path: Path) -> None:
    reading = Reading(tmp_path, KEYS, now_s=T + 5_000.0)
    topic = reading.config.topics.incidents
    silenced, loud, over = (
        incident(silenced_by="sil-1"), incident(), incident(state="resolved", resolved_at_s=T + 400.0),
    )
    first = incident_message(silenced, SOURCE, T)
    told = [first, incident_message(loud, SOURCE, T + 200.0), incident_message(over, SOURCE, T + 400.0)]
    for at, expected in ((1, loud), (2, over)):
        for message in (*told[: at + 1], *told[:at]):
            await reading.read(topic, message, WORKER)
        assert reading.desk.incident("inc-1") == expected
    assert {reason for _, reason in reading.ignored} == {"replayed"}
