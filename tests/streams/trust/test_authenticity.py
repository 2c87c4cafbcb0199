"""An intent that no key of a worker signed for this topic and deployment never reaches the executor."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from actions.model import Intent
from actions.trust.keys import KeyRing, PublicKey, SignatureError, Signer
from streams.contracts.control_records import SIGNATURE_HEADER
from streams.contracts.envelopes import Message, intent_message, read_audit, read_outcome
from streams.contracts.signatures import COVERED, sign_message
from streams.transport.batches import TP
from streams.trust.authenticity import Authenticity
from streams.trust.refusal_quota import MOST, WITHIN_S, RefusalQuota
from streams.worker.action_worker import ActionWorker
from tests.streams.fakes import T, intent, outcome
from tests.streams.records import FakeRecord
from tests.streams.worker.fixtures import TOPICS, WorkerFixture

SOURCE = "/tocsin/test"
SIGNER = Signer("w1", Ed25519PrivateKey.generate())
RING = KeyRing([PublicKey("w1", SIGNER.private.public_key(), frozenset({"watch", "execute"}))])
SIGNING = Authenticity(RING, SOURCE, SIGNER)


class Executed:
    """An executor whose actions succeed."""

    def __init__(self) -> None:
        self.intents: list[Intent] = []

    async def execute(self, one: Intent, shard: int | None = None) -> object:  # noqa: ARG002
        self.intents.append(one)
        return outcome(one)


class Fixture(WorkerFixture):
    """An action worker with these keys."""

    def __init__(self, authenticity: Authenticity) -> None:
        super().__init__(authenticity=authenticity)
        self.executed = Executed()
        self.actions = ActionWorker(
            self.executed, None, self.transport, self.effects, TOPICS, lambda: 4,  # type: ignore[arg-type]
        )

    async def process(self, message: Message) -> None:
        record = FakeRecord(message.value, 7, TOPICS.actions, 1, 0, message.key, message.headers)
        await self.actions.process(TP(TOPICS.actions, 1), record)

    def trail(self) -> list[tuple[str, str, str]]:
        entries = [read_audit(message.value) for message in self.sent.on(TOPICS.audit)]
        return [(entry.subject, entry.event, entry.reason) for entry in entries]


def signed(one: Intent, source: str = SOURCE) -> Message:
    return SIGNING.signed(TOPICS.actions, intent_message(one, source, 0), "watch")


async def test_a_signed_intent_is_executed_and_its_outcome_is_signed() -> None:
    worker = Fixture(SIGNING)
    await worker.process(signed(intent()))
    assert [one.key for one in worker.executed.intents] == ["k1"]
    headers = dict(worker.sent.on(TOPICS.outcomes)[0].headers)
    assert (headers["tocsin-key"], SIGNATURE_HEADER in headers) == (b"w1", True)


async def test_a_refused_intent_has_no_outcome_and_is_audited_under_its_place_and_not_under_the_key_it_names() -> None:
    worker = Fixture(SIGNING)
    await worker.process(intent_message(intent(), SOURCE, 0))
    assert (worker.executed.intents, worker.sent.on(TOPICS.outcomes)) == ([], [])
    ((subject, event, reason),) = worker.trail()
    assert (subject, event) == (f"{TOPICS.actions}[1]@7", "refused")
    assert reason == "a record that names 'k1': no header tocsin-key, expected a record signed by a key of watch"
    assert worker.exposes('tocsin_intents_unauthentic_total{reason="unsigned"} 1.0')


@pytest.mark.parametrize("header", [name for name in COVERED if name != "tocsin-key"])
async def test_a_record_of_which_a_covered_header_was_changed_or_repeated_is_refused(header: str) -> None:
    message = signed(intent())
    changed = tuple((name, b"other" if name == header else value) for name, value in message.headers)
    for headers in (changed, (*message.headers, (header, b"other")), ((header, b"other"), *message.headers)):
        worker = Fixture(SIGNING)
        await worker.process(replace(message, headers=headers))
        assert worker.executed.intents == []


async def test_a_record_of_another_topic_or_deployment_or_with_another_value_is_refused() -> None:
    message = signed(intent())
    elsewhere = SIGNING.signed(TOPICS.outcomes, intent_message(intent(), SOURCE, 0), "watch")
    edited = replace(message, value=(message.value or b"").replace(b"chat/r0", b"chat/r1"))
    worker = Fixture(SIGNING)
    for one in (elsewhere, signed(intent(), "/tocsin/other"), edited):
        await worker.process(one)
    assert worker.executed.intents == []
    assert len(worker.trail()) == 3


async def test_the_trace_may_be_another_one() -> None:
    worker = Fixture(SIGNING)
    message = signed(intent())
    await worker.process(replace(message, headers=(*message.headers, ("traceparent", b"00-0-0-01"))))
    assert len(worker.executed.intents) == 1


@pytest.mark.parametrize(("one", "accepts", "runs"), [
    (intent(), False, False), (intent(), True, True), (intent(kind="notify"), False, True),
    (intent(mode="suggest"), False, True),
])
async def test_without_keys_only_what_changes_nothing_runs_unless_unsigned_is_accepted(
    one: Intent, accepts: bool, runs: bool,
) -> None:
    worker = Fixture(Authenticity(KeyRing(), SOURCE, accepts_unsigned=accepts))
    await worker.process(intent_message(one, SOURCE, 2))
    assert bool(worker.executed.intents) == runs
    (answer,) = worker.sent.on(TOPICS.outcomes)
    assert (read_outcome(answer.value).status == "refused", answer.partition) == (not runs, 2)


async def test_with_keys_accepting_what_is_unsigned_has_no_effect() -> None:
    worker = Fixture(Authenticity(RING, SOURCE, SIGNER, accepts_unsigned=True))
    await worker.process(intent_message(intent(kind="notify"), SOURCE, 0))
    assert worker.executed.intents == []


def test_a_process_signs_nothing_that_its_key_is_not_for() -> None:
    message = intent_message(intent(), SOURCE, 0)
    assert SIGNING.signed(TOPICS.actions, message, "respond") is message
    assert Authenticity(RING, SOURCE).signed(TOPICS.actions, message, "watch") is message


def test_what_is_not_safe_is_said() -> None:
    assert Authenticity(PEOPLE.ring, SOURCE, SIGNER).notes(T) == ()
    assert SIGNING.notes(T) == ("signing.keys: none for respond, so what they write is ignored",)
    expired = KeyRing([replace(one, until_s=T) for one in PEOPLE.ring.keys])
    (note,) = Authenticity(expired, SOURCE, SIGNER).notes(T)
    assert note.startswith("signing.private_file: w1 is valid until")
    assert Authenticity(expired, SOURCE, SIGNER).notes(T - 1.0) == ()
    for ring, accepts in ((KeyRing(), False), (KeyRing(), True), (PEOPLE.ring, False)):
        assert len(Authenticity(ring, SOURCE, None, accepts).notes(T)) == 1


def test_a_flood_of_forged_records_is_written_down_up_to_a_bound_and_then_counted() -> None:
    quota = RefusalQuota()
    assert sum(quota.note(0.0) for _ in range(MOST + 5)) == MOST
    assert (quota.take_dropped(), quota.take_dropped()) == (5, 0)
    assert (quota.note(WITHIN_S - 1.0), quota.note(WITHIN_S)) == (False, True)


ANNA, RESPOND = (Signer(name, Ed25519PrivateKey.generate()) for name in ("anna-1", "r1"))
PEOPLE = Authenticity(KeyRing([
    *RING.keys, PublicKey("anna-1", ANNA.private.public_key(), frozenset({"person"}), person="anna"),
    PublicKey("r1", RESPOND.private.public_key(), frozenset({"respond"})),
]), SOURCE)


@pytest.mark.parametrize(("signer", "by", "source", "fault"), [
    (ANNA, "anna", SOURCE, None), (RESPOND, "ben", SOURCE, None), (ANNA, "ben", SOURCE, "of anna, expected one of ben"),
    (SIGNER, "ben", SOURCE, "a key of execute, watch, expected one of respond"),
    (RESPOND, "ben", "/tocsin/other", "expected the deployment"), (None, "ben", SOURCE, "no header tocsin-key"),
])
def test_a_control_record_that_acts_is_signed_by_the_person_or_by_respond(
    signer: Signer | None, by: str, source: str, fault: str | None,
) -> None:
    message = intent_message(intent(), source, 0)
    if signer is not None:
        message = sign_message(TOPICS.control, message, signer)
    record = FakeRecord(message.value, 7, TOPICS.control, 1, 0, message.key, message.headers)
    if fault is None:
        assert signer is not None
        assert PEOPLE.check_request(TOPICS.control, record, by, 0.0).id == signer.id
    else:
        with pytest.raises(SignatureError, match=fault):
            PEOPLE.check_request(TOPICS.control, record, by, 0.0)
