from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from faust.types.tuples import ConsumerMessage
from opentelemetry.sdk.trace import TracerProvider

from actions.model import Intent, Outcome
from config import load
from streams.contracts.envelopes import Message, intent_message, read_audit, read_outcome
from streams.kafka.batches import TP
from streams.telemetry.traces import Tracing
from streams.worker.action_worker import OWNER, ActionWorker, intent_record
from tests.streams.fakes import SentMessages, T, intent, outcome, record_of, telemetry
from tests.streams.records import FakeRecord
from tests.streams.worker.test_batch_processor import Office

TOPICS = load(None, {}).topics


@dataclass
class Doer:
    """An executor that does as it is told, or fails."""

    asked: list[Intent] = field(default_factory=list)
    failing: Exception | None = None

    async def execute(self, intent: Intent) -> Outcome:
        self.asked.append(intent)
        if self.failing is not None:
            raise self.failing
        return outcome(intent)


@dataclass
class Doubts:
    """A ledger's account of what earlier owners left open."""

    left: list[Outcome]
    concerned: set[int] = field(default_factory=set)

    async def recover(self, partitions: Iterable[int]) -> list[Outcome]:
        self.concerned = set(partitions)
        return self.left


class Stage:
    """The acting side with its fakes."""

    def __init__(self, left: list[Outcome] | None = None, tracing: Tracing | None = None) -> None:
        self.office = Office()
        self.doer = Doer()
        self.doubts = Doubts(left or [])
        self.sent: SentMessages = self.office.sent
        self.acting = ActionWorker(
            self.doer, self.doubts, self.sent, self.office.desk, TOPICS, telemetry(),  # type: ignore[arg-type]
            tracing or Tracing(), "/tocsin/test", lambda: T, 4, self.office.audit,
        )

    async def take(self, message: Message) -> None:
        await self.acting.take(record_of(message, TOPICS.actions))


async def test_an_outcome_goes_back_to_the_shard_that_decided_and_is_settled_before_the_intent_is() -> None:
    stage = Stage()
    await stage.take(intent_message(intent(), "s", 2))
    (told,) = stage.sent.on(TOPICS.outcomes)
    assert (read_outcome(told.value).key, told.partition) == ("k1", 2)
    assert stage.sent.events == [f"flush {OWNER}"]


@pytest.mark.parametrize("shard", [4, 999])
async def test_a_shard_that_there_cannot_be_is_not_answered(shard: int) -> None:
    stage = Stage()
    await stage.take(intent_message(intent(), "s", shard))
    assert stage.sent.on(TOPICS.outcomes)[0].partition is None


@pytest.mark.parametrize("value", [None, b"{", b'{"key": 5}'])
async def test_what_is_no_intent_is_buried_and_nothing_is_done(value: bytes | None) -> None:
    stage = Stage()
    await stage.acting.take(FakeRecord(value, 7, TOPICS.actions, 1))
    (dead,) = stage.sent.on(TOPICS.dead_letters)
    assert (dead.value, stage.doer.asked) == (value, [])
    assert dict(dead.headers)["__streams.errors.topic"] == TOPICS.actions.encode()
    assert stage.sent.events == [f"flush {OWNER}"]


async def test_an_intent_whose_execution_fails_is_not_answered() -> None:
    stage = Stage()
    stage.doer.failing = TimeoutError("the ledger is away")
    with pytest.raises(TimeoutError):
        await stage.take(intent_message(intent(), "s", 0))
    assert stage.sent.sent == []


async def test_what_an_earlier_owner_left_in_doubt_is_reported_when_its_partitions_are_taken_over() -> None:
    stage = Stage([outcome(intent(), "interrupted")])
    await stage.acting.take_over([1, 3])
    assert stage.doubts.concerned == {1, 3}
    assert [read_outcome(message.value).status for message in stage.sent.on(TOPICS.outcomes)] == ["interrupted"]


async def test_every_answer_is_on_the_trail_and_acknowledged_with_the_outcome() -> None:
    stage = Stage([outcome(intent("k0"), "interrupted")])
    await stage.acting.take_over([0])
    await stage.take(intent_message(intent(), "s", 2))
    trail = [read_audit(message.value) for message in stage.sent.on(TOPICS.audit)]
    assert [(entry.subject, entry.event, entry.before) for entry in trail] == [
        ("k0", "interrupted", "claimed"), ("k1", "executed", "pending"),
    ]
    assert {owner for owner, topic, _ in stage.sent.sent if topic == TOPICS.audit} == {OWNER}
    assert stage.sent.events == [f"flush {OWNER}"] * 2


async def test_the_outcome_carries_on_the_trace_of_the_intent() -> None:
    stage = Stage(tracing=Tracing(TracerProvider()))
    trace = ("traceparent", b"00-0123456789abcdef0123456789abcdef-0123456789abcdef-01")
    await stage.take(intent_message(intent(), "s", 0, [trace]))
    parent = dict(stage.sent.on(TOPICS.outcomes)[0].headers)["traceparent"]
    assert parent.split(b"-")[1] == b"0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize("headers", [[("a", b"1")], {"a": b"1"}, None, []])
def test_a_record_of_faust_is_read_whatever_shape_its_headers_have(headers: object) -> None:
    message = ConsumerMessage(
        "t", 1, 5, 1.5, 0, headers, b"k", b"v", None, 0, 0, TP("t", 1),  # type: ignore[arg-type]
    )
    record = intent_record(message)
    assert (record.timestamp, record.key, record.value) == (1500, b"k", b"v")
    assert record.headers == ((("a", b"1"),) if headers else ())
