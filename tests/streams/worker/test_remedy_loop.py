"""The remedy loop: what it ends, reports and measures for the targets of its worker."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from structlog.testing import capture_logs

from actions.base import Bounds
from actions.executor import Executor
from actions.hooks import Hooks
from actions.ledger.ledger import MemoryLedger
from actions.limits import LimitParams
from actions.model import RemedyTerms
from actions.remedies.incidents import KnownIncidents
from actions.trust.keys import KeyRing, PublicKey, Signer
from classifiers.model import Incident
from streams.contracts.envelopes import incident_message, read_audit, read_outcome
from streams.contracts.signatures import sign_message
from streams.trust.authenticity import Authenticity
from streams.worker.targets.remedy_loop import RemedyLoop, RemedyReporter
from tests.actions.cases import FakeAction
from tests.streams.fakes import T, incident, intent, record_of
from tests.streams.records import FakeRecord
from tests.streams.worker.fixtures import TOPICS, WorkerFixture

SOURCE = "/tocsin/test"
WATCHING, EXECUTING, FORMER, STRANGER = (
    Signer(name, Ed25519PrivateKey.generate()) for name in ("w1", "x1", "w0", "w1")
)
KEYS = Authenticity(KeyRing([
    PublicKey("w1", WATCHING.private.public_key(), frozenset({"watch"})),
    PublicKey("x1", EXECUTING.private.public_key(), frozenset({"execute"})),
    PublicKey("w0", FORMER.private.public_key(), frozenset({"watch"}), until_s=T + 30.0),
]), SOURCE)


class LoopFixture(WorkerFixture):
    """A loop over a breaker and a throttle that always succeed."""

    def __init__(self, authenticity: Authenticity | None = None) -> None:
        super().__init__(authenticity=authenticity)
        self.owned, self.incidents, self.ledger = {"chat/r0"}, KnownIncidents(), MemoryLedger()
        reporter = RemedyReporter(self.effects, TOPICS, lambda: 4)
        self.actions = {kind: FakeAction(kind, Bounds(attempts=1)) for kind in ("circuit_breaker", "throttle")}
        self.executor = Executor(
            self.actions, self.ledger, LimitParams(), self.effects.clocks.now_s, False, Hooks(report=reporter.report),
            self.incidents,
        )
        self.loop = RemedyLoop(
            self.executor.keeper, self.incidents, self.ledger, self.effects, lambda target: target in self.owned,
            lambda: True,
        )

    async def execute(self, kind: str, target: str = "chat/r0") -> None:
        made = intent(kind + target, kind=kind, target=target, decided_at_s=self.now_s, expires_at_s=self.now_s + 60.0)
        await self.executor.execute(replace(made, remedy=RemedyTerms(hold_s=60.0)), 2)

    async def tell(self, told: Incident, signer: Signer | None = None, source: str = SOURCE) -> None:
        message = incident_message(told, source, self.now_s)
        signed = message if signer is None else sign_message(TOPICS.incidents, message, signer)
        record = record_of(signed, TOPICS.incidents)
        assert isinstance(record, FakeRecord)
        await self.loop.follow([replace(record, timestamp=int(self.now_s * 1000))])

    async def rounds(self, seconds: int) -> None:
        for _ in range(seconds):
            self.now_s += 1.0
            for task in self.loop.round():
                await task


async def test_a_remedy_whose_hold_is_over_is_undone_and_its_shard_is_told() -> None:
    worker = LoopFixture()
    await worker.execute("throttle")
    await worker.rounds(62)
    told = [(read_outcome(message.value), message.partition) for message in worker.sent.on(TOPICS.outcomes)]
    undone = [outcome for outcome, shard in told if outcome.undo and shard == 2]
    assert [(one.status, one.data["remedy_state"]) for one in undone] == [("executed", "undone")]
    trail = [read_audit(message.value).event for message in worker.sent.on(TOPICS.audit)]
    assert "remedy_undone" in trail


async def test_a_remedy_that_cannot_be_handled_is_logged_with_its_incident(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise KeyError("bug")

    fixture = LoopFixture()
    await fixture.execute("circuit_breaker")
    fixture.now_s += 61.0
    monkeypatch.setattr(fixture.executor.keeper, "handle", fail)
    with capture_logs() as logs:
        await asyncio.gather(*fixture.loop.round())
    (line,) = [one for one in logs if one["event"] == "remedy_not_handled"]
    assert (line["incident_id"], line["target"]) == (intent("k").incident_id, "chat/r0")


async def test_a_target_of_another_worker_is_left_to_it() -> None:
    worker = LoopFixture()
    worker.owned.clear()
    await worker.execute("throttle")
    await worker.rounds(90)
    assert worker.sent.on(TOPICS.outcomes) == []


async def test_the_end_of_an_incident_is_read_from_its_topic() -> None:
    worker = LoopFixture()
    await worker.tell(incident())
    await worker.execute("throttle")
    await worker.rounds(1)
    await worker.tell(incident(state="resolved", resolved_at_s=worker.now_s, resolution="lost"))
    await worker.rounds(2)
    assert not worker.actions["throttle"].state["chat/r0"]


@pytest.mark.parametrize(("signer", "source", "fault"), [
    (None, SOURCE, "unsigned"), (STRANGER, SOURCE, "bad_signature"), (EXECUTING, SOURCE, "wrong_use"),
    (FORMER, SOURCE, "expired_key"), (WATCHING, "/tocsin/other", "bad_signature"),
])
async def test_a_forged_end_of_an_incident_ends_no_remedy_and_is_counted(
    signer: Signer | None, source: str, fault: str,
) -> None:
    worker = LoopFixture(KEYS)
    await worker.tell(incident(), WATCHING)
    await worker.execute("throttle")
    over = incident(state="resolved", resolved_at_s=worker.now_s, resolution="lost")
    await worker.rounds(1)
    await worker.tell(over, signer, source)
    await worker.rounds(2)
    assert worker.actions["throttle"].state["chat/r0"]
    assert worker.exposes(f'tocsin_records_unauthentic_total{{reason="{fault}",record="incident"}} 1.0')
    await worker.tell(over, WATCHING)
    await worker.rounds(2)
    assert not worker.actions["throttle"].state["chat/r0"]


async def test_an_incident_counts_that_was_signed_while_its_key_was_valid() -> None:
    worker = LoopFixture(KEYS)
    worker.now_s = T + 29.0
    await worker.tell(incident(), FORMER)
    assert worker.incidents.is_open("inc-1")


async def test_the_state_of_breakers_and_what_is_in_force_are_metrics() -> None:
    worker = LoopFixture()
    await worker.execute("circuit_breaker")
    await worker.rounds(1)
    assert worker.exposes('tocsin_breaker_state{target="chat/r0"} 2.0')
    assert worker.exposes('tocsin_remedies_in_force{kind="circuit_breaker"} 1.0')
    await worker.rounds(45)
    assert worker.exposes('tocsin_breaker_state{target="chat/r0"} 1.0')
    worker.owned.clear()
    await worker.rounds(1)
    assert not worker.exposes("tocsin_breaker_state{")


async def test_several_notices_of_one_intent_are_different_events() -> None:
    worker = LoopFixture()
    await worker.execute("circuit_breaker")
    await worker.rounds(120)
    ids = [dict(message.headers)["ce_id"] for message in worker.sent.on(TOPICS.outcomes)]
    assert len(ids) == len(set(ids)) > 1
