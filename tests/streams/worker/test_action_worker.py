from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from opentelemetry.sdk.trace import TracerProvider

from actions.model import Intent, Outcome
from streams.contracts.envelopes import Message, intent_message, read_audit, read_outcome
from streams.telemetry.traces import Tracing
from streams.transport.batches import TP, RecordBatch
from streams.worker.action_worker import SCOPE, ActionWorker
from tests.streams.fakes import intent, outcome, record_of
from tests.streams.records import FakeRecord
from tests.streams.worker.fixtures import TOPICS, WorkerFixture


@dataclass
class FakeExecutor:
    """An executor whose actions succeed, or that raises `failing`."""

    executed: list[Intent] = field(default_factory=list)
    failing: Exception | None = None
    hanging: dict[str, asyncio.Event] = field(default_factory=dict)

    async def execute(self, intent: Intent, _: int | None) -> Outcome:
        self.executed.append(intent)
        if self.failing is not None:
            raise self.failing
        if intent.target in self.hanging:
            await self.hanging[intent.target].wait()
        return outcome(intent)


@dataclass
class FakeLedger:
    """A ledger with the open claims of earlier owners."""

    open_claims: list[Outcome]
    recovered: set[int] = field(default_factory=set)

    async def recover(self, partitions: Iterable[int]) -> list[Outcome]:
        self.recovered = set(partitions)
        return self.open_claims


class ActionFixture(WorkerFixture):
    """An action worker of four shards."""

    def __init__(self, open_claims: list[Outcome] | None = None, tracing: Tracing | None = None) -> None:
        super().__init__(tracing)
        self.executor = FakeExecutor()
        self.ledger = FakeLedger(open_claims or [])
        self.owned: set[TP] = {TP(TOPICS.actions, 1)}
        self.actions = ActionWorker(
            self.executor, self.ledger, self, self.effects, TOPICS, lambda: 4,  # type: ignore[arg-type]
        )

    def holds_lease(self) -> bool:
        return self.transport.holds_lease()

    def owns(self, tp: TP) -> bool:
        return tp in self.owned

    def release(self, tp: TP, next_offset: int) -> bool:
        return self.transport.release(tp, next_offset)

    async def process_batch(self, *keys: str) -> None:
        records = [
            record_of(intent_message(intent(key), "s", 2), TOPICS.actions, offset=at) for at, key in enumerate(keys)
        ]
        await self.actions.process_batch(RecordBatch(TOPICS.actions, 1, records, 0, len(keys) - 1))
        await self.actions.queues.idle()

    async def process(self, message: Message) -> None:
        await self.actions.process(TP(TOPICS.actions, 1), record_of(message, TOPICS.actions))


async def test_an_outcome_goes_to_the_shard_that_decided_and_is_acknowledged_before_the_intent() -> None:
    worker = ActionFixture()
    await worker.process(intent_message(intent(), "s", 2))
    (message,) = worker.sent.on(TOPICS.outcomes)
    assert (read_outcome(message.value).key, message.partition) == ("k1", 2)
    assert worker.sent.events == [f"flush {SCOPE}"]


@pytest.mark.parametrize("shard", [4, 999])
async def test_an_outcome_goes_to_no_shard_that_does_not_exist(shard: int) -> None:
    worker = ActionFixture()
    await worker.process(intent_message(intent(), "s", shard))
    assert worker.sent.on(TOPICS.outcomes)[0].partition is None


@pytest.mark.parametrize("value", [None, b"{", b'{"key": 5}'])
async def test_a_record_that_is_no_intent_becomes_a_dead_letter_and_nothing_is_executed(value: bytes | None) -> None:
    worker = ActionFixture()
    await worker.actions.process(TP(TOPICS.actions, 1), FakeRecord(value, 7, TOPICS.actions, 1))
    (dead,) = worker.sent.on(TOPICS.dead_letters)
    assert (dead.value, worker.executor.executed) == (value, [])
    assert dict(dead.headers)["__streams.errors.topic"] == TOPICS.actions.encode()
    assert worker.sent.events == [f"flush {SCOPE}"]


async def test_an_intent_whose_execution_raises_has_no_outcome() -> None:
    worker = ActionFixture()
    worker.executor.failing = TimeoutError("the ledger is away")
    with pytest.raises(TimeoutError):
        await worker.process(intent_message(intent(), "s", 0))
    assert worker.sent.sent == []


async def test_open_claims_of_an_earlier_owner_are_reported_when_its_partitions_are_assigned() -> None:
    worker = ActionFixture([outcome(intent(), "interrupted")])
    await worker.actions.recover([1, 3])
    assert worker.ledger.recovered == {1, 3}
    assert [read_outcome(message.value).status for message in worker.sent.on(TOPICS.outcomes)] == ["interrupted"]


async def test_every_outcome_is_audited_and_acknowledged_with_its_audit_entry() -> None:
    worker = ActionFixture([outcome(intent("k0"), "interrupted")])
    await worker.actions.recover([0])
    await worker.process(intent_message(intent(), "s", 2))
    trail = [read_audit(message.value) for message in worker.sent.on(TOPICS.audit)]
    assert [(entry.subject, entry.event, entry.before) for entry in trail] == [
        ("k0", "interrupted", "claimed"), ("k1", "executed", "pending"),
    ]
    assert {owner for owner, topic, _ in worker.sent.sent if topic == TOPICS.audit} == {SCOPE}
    assert worker.sent.events == [f"flush {SCOPE}"] * 2


async def test_the_outcome_carries_on_the_trace_of_the_intent() -> None:
    worker = ActionFixture(tracing=Tracing(TracerProvider()))
    trace = ("traceparent", b"00-0123456789abcdef0123456789abcdef-0123456789abcdef-01")
    await worker.process(intent_message(intent(), "s", 0, [trace]))
    parent = dict(worker.sent.on(TOPICS.outcomes)[0].headers)["traceparent"]
    assert parent.split(b"-")[1] == b"0123456789abcdef0123456789abcdef"


async def test_the_offset_of_an_intent_is_released_after_its_outcome() -> None:
    worker = ActionFixture()
    await worker.process_batch("k1", "k2")
    assert [each.key for each in worker.executor.executed] == ["k1", "k2"]
    assert worker.transport.released == {TP(TOPICS.actions, 1): 2}
    worker.executor.failing = TimeoutError("the ledger is away")
    with pytest.raises(TimeoutError):
        await worker.process_batch("k3")
    assert worker.transport.released == {TP(TOPICS.actions, 1): 2}


async def test_an_intent_waits_for_the_lease_and_is_left_to_the_next_owner_when_the_partition_is_lost() -> None:
    worker = ActionFixture()
    worker.transport.lease = False
    waiting = asyncio.ensure_future(worker.process_batch("k1"))
    await asyncio.sleep(0)
    assert worker.executor.executed == []
    worker.owned.clear()
    await waiting
    assert (worker.executor.executed, worker.transport.released) == ([], {})


async def test_a_target_that_hangs_delays_no_other_and_its_offset_is_not_passed() -> None:
    worker = ActionFixture()
    answer = worker.executor.hanging["chat/r0"] = asyncio.Event()
    targets = ["chat/r0", "chat/r1", "chat/r0", "chat/r2"]
    records = [
        record_of(intent_message(intent(f"k{at}", target=target), "s", 2), TOPICS.actions, offset=at)
        for at, target in enumerate(targets)
    ]
    await worker.actions.process_batch(RecordBatch(TOPICS.actions, 1, records, 0, 3))
    for _ in range(20):
        await asyncio.sleep(0)
    assert [each.key for each in worker.executor.executed] == ["k0", "k1", "k3"]
    assert [read_outcome(message.value).key for message in worker.sent.on(TOPICS.outcomes)] == ["k1", "k3"]
    assert worker.transport.released == {}
    answer.set()
    await worker.actions.queues.idle()
    assert [each.key for each in worker.executor.executed][-1] == "k2"
    assert worker.transport.released == {TP(TOPICS.actions, 1): 4}


async def test_what_was_under_way_when_the_partition_was_assigned_anew_releases_nothing() -> None:
    worker = ActionFixture()
    answer = worker.executor.hanging["chat/r0"] = asyncio.Event()
    record = record_of(intent_message(intent(), "s", 2), TOPICS.actions, offset=7)
    await worker.actions.process_batch(RecordBatch(TOPICS.actions, 1, [record], 7, 7))
    await asyncio.sleep(0)
    await worker.actions.recover([1])
    answer.set()
    await worker.actions.queues.idle()
    assert worker.transport.released == {}
