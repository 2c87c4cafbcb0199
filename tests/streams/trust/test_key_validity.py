"""At the edges of a key's validity: what the executor accepts, what it refuses, and that each refusal is audited.

An intent counts by the clock of the executor at the moment when it is read, and not by the time when it was signed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from actions.model import Intent, Outcome
from actions.trust.keys import KeyRing, PublicKey, Signer
from streams.contracts.envelopes import intent_message, read_audit
from streams.contracts.signatures import sign_message
from streams.transport.batches import TP
from streams.trust.authenticity import Authenticity
from streams.worker.action_worker import ActionWorker
from tests.actions.trust.consent import CHECK, NOW_S, SIGNERS, decided, decision
from tests.streams.fakes import T, intent, outcome
from tests.streams.records import FakeRecord
from tests.streams.worker.fixtures import TOPICS, WorkerFixture

SOURCE = "/tocsin/test"
OLD, NEW = (Signer(name, Ed25519PrivateKey.generate()) for name in ("w1", "w2"))
EXECUTOR = Signer("x1", Ed25519PrivateKey.generate())
BEGIN_S, END_S = T + 100.0, T + 200.0
"""Between these both keys count: the new one is valid from, the old one until before."""


def ring(*without: str) -> KeyRing:
    keys = [
        PublicKey("w1", OLD.private.public_key(), frozenset({"watch"}), until_s=END_S),
        PublicKey("w2", NEW.private.public_key(), frozenset({"watch"}), from_s=BEGIN_S),
        PublicKey("x1", EXECUTOR.private.public_key(), frozenset({"execute"})),
    ]
    return KeyRing(key for key in keys if key.id not in without)


class Executed:
    """An executor whose actions succeed."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    async def execute(self, one: Intent, _: int | None) -> Outcome:
        self.keys.append(one.key)
        return outcome(one)


class Reader(WorkerFixture):
    """An action worker. clock_s: what its clock says."""

    def __init__(self, clock_s: float, keys: KeyRing) -> None:
        super().__init__(now_s=clock_s, authenticity=Authenticity(keys, SOURCE, EXECUTOR))
        self.executed = Executed()
        self.actions = ActionWorker(
            self.executed, None, self.transport, self.effects, TOPICS, lambda: 4,  # type: ignore[arg-type]
        )

    async def read(self, signer: Signer, offset: int = 7) -> None:
        message = sign_message(TOPICS.actions, intent_message(intent(), SOURCE, 0), signer)
        record = FakeRecord(message.value, offset, TOPICS.actions, 1, 0, message.key, message.headers)
        await self.actions.process(TP(TOPICS.actions, 1), record)

    def refusals(self) -> list[tuple[str, str, str]]:
        entries = [read_audit(message.value) for message in self.sent.on(TOPICS.audit)]
        return [(one.subject, one.event, one.reason) for one in entries if one.event == "refused"]


@dataclass(frozen=True)
class Case:
    """signer: of the intent. clock_s: of the executor. fault: None where the intent runs."""

    signer: Signer
    clock_s: float
    fault: str | None = None
    removed: tuple[str, ...] = ()


NOT_VALID = "expected a valid key"
CASES = {
    "just before its end": Case(OLD, END_S - 0.001),
    "at its end": Case(OLD, END_S, f"signed by 'w1', valid until .*, {NOT_VALID}"),
    "signed before its end, read after it": Case(OLD, END_S + 30.0, NOT_VALID),
    "just before its beginning": Case(NEW, BEGIN_S - 0.001, f"signed by 'w2', valid from .*, {NOT_VALID}"),
    "at its beginning": Case(NEW, BEGIN_S),
    "the new key beside the old one": Case(NEW, END_S - 50.0),
    "the old key beside the new one": Case(OLD, END_S - 50.0),
    "rotated away": Case(OLD, END_S - 50.0, "signed by 'w1', expected a key of watch: w2", ("w1",)),
    "rotated away, and its end is over": Case(OLD, END_S + 50.0, "expected a key of watch: w2", ("w1",)),
    "the executor is 60 s behind at the end": Case(OLD, END_S + 30.0 - 60.0),
    "the executor is 60 s ahead at the end": Case(OLD, END_S - 30.0 + 60.0, NOT_VALID),
    "the executor is 60 s behind at the beginning": Case(NEW, BEGIN_S + 30.0 - 60.0, NOT_VALID),
    "a key of another role": Case(EXECUTOR, END_S - 50.0, "'x1', a key of execute, expected one of watch"),
}


@pytest.mark.parametrize("name", CASES)
async def test_an_intent_counts_by_the_clock_of_who_reads_it(name: str) -> None:
    case = CASES[name]
    reader = Reader(case.clock_s, ring(*case.removed))
    await reader.read(case.signer)
    if case.fault is None:
        assert (reader.executed.keys, reader.refusals()) == (["k1"], [])
        return
    ((subject, event, reason),) = reader.refusals()
    assert (reader.executed.keys, reader.sent.on(TOPICS.outcomes)) == ([], [])
    assert (subject, event) == (f"{TOPICS.actions}[1]@7", "refused")
    assert re.search(case.fault, reason), reason


async def test_an_intent_that_ran_under_the_old_key_is_refused_when_it_is_read_again_after_its_end() -> None:
    """It is refused before the ledger is asked, so nothing runs and nothing is answered for it a second time."""
    reader = Reader(END_S - 1.0, ring())
    await reader.read(OLD)
    reader.now_s = END_S
    await reader.read(OLD)
    assert reader.executed.keys == ["k1"]
    assert len(reader.sent.on(TOPICS.outcomes)) == 1
    assert len(reader.refusals()) == 1


@pytest.mark.parametrize(("from_s", "until_s", "fault"), [
    (0.0, NOW_S + 0.001, None),
    (0.0, NOW_S, "signed by 'anna-1', valid .*, expected a valid key"),
    (NOW_S, NOW_S + 60.0, None),
    (NOW_S + 0.001, NOW_S + 60.0, "expected a valid key"),
])
def test_a_decision_of_a_person_counts_by_the_clock_of_the_executor_too(
    from_s: float, until_s: float, fault: str | None,
) -> None:
    keys = [
        replace(key, from_s=from_s, until_s=until_s) if key.person == "anna" else key for key in CHECK.ring.keys
    ]
    check = replace(CHECK, ring=KeyRing(keys))
    one = decided(decision("anna"), decision("chi"))
    assert one.approval is not None
    lacking = check.lacking(one, one.approval, NOW_S)
    if fault is None:
        assert lacking is None
        return
    assert re.search(f"1 of 2 approvals .* anna: .*{fault}", str(lacking)), lacking


def test_a_decision_by_a_key_that_was_rotated_away_does_not_count() -> None:
    check = replace(CHECK, ring=KeyRing(key for key in CHECK.ring.keys if key.id != SIGNERS["anna"].id))
    one = decided(decision("anna"), decision("chi"))
    assert one.approval is not None
    assert "anna: signed by 'anna-1', expected a key of person" in str(check.lacking(one, one.approval, NOW_S))
