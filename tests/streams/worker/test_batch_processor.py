from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import orjson
import pytest
from opentelemetry.sdk.trace import TracerProvider

from classifiers.incidents.triage import Transition
from classifiers.model import ActionRecord, AuditEntry, StageTime
from config import load
from streams.contracts.envelopes import intent_message, outcome_message, read_audit, read_incident, read_intent
from streams.intake.dead_letters import Brake
from streams.intake.formats import InputPlan
from streams.kafka.batches import TP, RecordBatch
from streams.pipeline import Products, Shard, untimed
from streams.shard.plan import Plan
from streams.state.shard_manager import ShardManager
from streams.state.snapshots import MemorySnapshots
from streams.telemetry.traces import Tracing
from streams.worker.audit import Audit
from streams.worker.batch_processor import MAX_BURIED_BYTES, BatchProcessor, BrakeTripped, Identity
from tests.streams.fakes import (
    LATENCY,
    Released,
    SentMessages,
    T,
    batch,
    default_plan,
    incident,
    intent,
    outcome,
    requests,
    telemetry,
)
from tests.streams.records import FakeRecord, sample

TOPICS = load(None, {}).topics
PLAN = default_plan()


class Office:
    """A desk with shard 0 and everything around it."""

    def __init__(self, tracing: Tracing | None = None, plan: Plan = PLAN) -> None:
        self.sent = SentMessages()
        self.telemetry = telemetry()
        self.keeper = ShardManager(
            plan, MemorySnapshots(), self.sent, Released(), self.telemetry, untimed, 5.0, 1000, lambda: 0.0,
            lambda *_: None,
        )
        tracing = tracing or Tracing()
        self.audit = Audit(self.sent, TOPICS.audit, "/tocsin/test", tracing)
        self.desk = BatchProcessor(
            self.keeper, self.sent, TOPICS, self.telemetry, tracing, Brake(0.5, 100, 10),
            Identity("/tocsin/test", "tocsin", lambda: T + 60.0), self.audit,
        )

    async def open(self) -> Shard:
        await self.keeper.restore(frozenset({TP(LATENCY, 0)}))
        return self.keeper.shards[0]

    def told(self, line: str) -> bool:
        return line in self.telemetry.render().decode()


def outcomes(values: Iterable[bytes | None], first: int = 0) -> RecordBatch:
    found = [FakeRecord(value, first + at, TOPICS.outcomes, 0) for at, value in enumerate(values)]
    return RecordBatch(TOPICS.outcomes, 0, found, found[0].offset, found[-1].offset)


async def test_a_malformed_record_becomes_a_dead_letter_with_reason_and_bytes_and_its_neighbours_count() -> None:
    office = Office()
    await office.open()
    await office.desk.take(batch([sample(T), b'{"ts": 1,', sample(T, metrics={"x": "high"}), sample(T + 1)]))
    dead = office.sent.on(TOPICS.dead_letters)
    assert dead[0].value == b'{"ts": 1,'
    assert [dict(letter.headers)["__streams.errors.exception"] for letter in dead] == [b"not_json", b"metric_type"]
    assert [dict(letter.headers)["__streams.errors.offset"] for letter in dead] == [b"1", b"2"]
    assert dead[0].key == b"chat"
    assert office.told(f'tocsin_records_total{{outcome="accepted",topic="{LATENCY}"}} 2.0')
    assert office.told('tocsin_dead_letters_total{reason="not_json"} 1.0')


async def test_points_that_give_no_value_are_counted_by_reason() -> None:
    form = InputPlan("prometheus_json")
    office = Office(plan=replace(PLAN, sources={LATENCY: False}, inputs={LATENCY: form}))
    await office.open()
    point = {"timestamp": "2026-11-23T07:46:40Z", "value": "1", "name": "up", "labels": {"job": "vllm"}}
    await office.desk.take(batch([point, point]))
    assert office.told(f'tocsin_points_without_value_total{{reason="unknown",topic="{LATENCY}"}} 2.0')


async def test_a_value_too_large_to_be_buried_whole_is_cut_and_says_so() -> None:
    office = Office()
    await office.open()
    await office.desk.take(batch([b"x" * 2_000_000, *requests(2)]))
    letter = office.sent.on(TOPICS.dead_letters)[0]
    assert letter.value is not None
    assert len(letter.value) == MAX_BURIED_BYTES
    assert dict(letter.headers)["tocsin-cut-from-bytes"] == b"2000000"


async def test_a_flood_of_bad_records_trips_the_brake_after_they_were_buried() -> None:
    office = Office()
    await office.open()
    with pytest.raises(BrakeTripped, match=rf"{LATENCY}\[0\] up to offset 19: 20 of the last 20 records are malformed"):
        await office.desk.take(batch([b"?"] * 20))
    assert len(office.sent.on(TOPICS.dead_letters)) == 20


async def test_a_batch_of_a_shard_this_worker_does_not_hold_is_left_alone() -> None:
    office = Office()
    await office.open()
    await office.desk.take(batch(requests(5), partition=3))
    await office.desk.pass_time(3, frozenset(PLAN.sources))
    assert office.sent.sent == []
    assert office.keeper.shards[0].offsets == {}


async def test_what_was_taken_before_is_skipped() -> None:
    office = Office()
    shard = await office.open()
    await office.desk.take(batch(requests(3)))
    before = shard.windower.snapshot()[0]["sum_table"].tolist()
    await office.desk.take(batch(requests(3)))
    assert shard.windower.snapshot()[0]["sum_table"].tolist() == before
    assert office.told(f'tocsin_records_total{{outcome="accepted",topic="{LATENCY}"}} 30.0')


class Decided(Shard):
    """A shard whose next step is known: what the pipeline makes of records is tested with the pipeline."""

    products = Products()

    def ingest(self, *_: object, **__: object) -> Products:
        return self.products


def filed(*keys: str) -> tuple[ActionRecord, ...]:
    return tuple(ActionRecord(key, "circuit_breaker", "chat/r0", "auto", "pending", T) for key in keys)


async def decided(office: Office, products: Products) -> None:
    shard = await office.open()
    shard.__class__ = Decided
    assert isinstance(shard, Decided)
    shard.products = products
    await office.desk.take(batch([sample()]))


async def test_an_incident_is_told_before_what_is_to_be_done_about_it_and_the_intent_names_its_shard() -> None:
    office = Office()
    await decided(office, Products(
        transitions=[
            Transition("opened", incident(actions=filed("k1"))), Transition("opened", incident(id="inc-2")),
            Transition("updated", incident(actions=filed("k1", "k3"))),
            Transition("resolved", incident(id="inc-2", actions=filed("k2"))),
        ],
        intents=[intent("k1"), intent("k2", incident_id="inc-2"), intent("k3")],
    ))
    told = [
        read_intent(message.value).key if topic == TOPICS.actions else message.key
        for _, topic, message in office.sent.sent if topic != TOPICS.audit
    ]
    assert told == [b"inc-1", "k1", b"inc-2", b"inc-1", "k3", b"inc-2", "k2"]
    assert dict(office.sent.on(TOPICS.actions)[0].headers)["tocsin-shard"] == b"0"


async def test_every_step_of_an_incident_and_every_decision_is_on_the_trail() -> None:
    office = Office()
    step = AuditEntry(T, "inc-1", "opened", None, "open", "two windows in a row")
    await decided(office, Products(
        transitions=[Transition("opened", incident(actions=filed("k1")))], intents=[intent("k1")], audit=[step],
    ))
    trail = [(message.key, read_audit(message.value)) for message in office.sent.on(TOPICS.audit)]
    assert trail == [
        (b"inc-1", AuditEntry(T, "k1", "decided", None, "pending", "told to")), (b"inc-1", step),
    ]
    assert {owner for owner, topic, _ in office.sent.sent if topic == TOPICS.audit} == {0}


async def test_the_time_to_an_opened_incident_is_measured_once_the_broker_has_it() -> None:
    office = Office()
    await decided(office, Products(transitions=[Transition("opened", incident()), Transition("updated", incident())]))
    assert office.told("tocsin_end_to_end_seconds_count 1.0")
    assert office.told("tocsin_end_to_end_seconds_sum 60.0")


async def test_the_stages_of_an_incident_are_measured_when_it_resolved() -> None:
    office = Office()
    times = {"detect": StageTime(2.0, "recorded")}
    one = incident(stage_times=times, peak_severity="P1")
    await decided(office, Products(transitions=[Transition("opened", one), Transition("resolved", one)]))
    assert office.told('tocsin_incident_stage_seconds_count{severity="P1",stage="detect"} 1.0')


async def test_one_trace_runs_from_the_records_over_the_incident_to_the_intent() -> None:
    office = Office(Tracing(TracerProvider()))
    told = Transition("opened", incident(actions=filed("k1")))
    await decided(office, Products(transitions=[told], intents=[intent()]))
    traces = [
        dict(message.headers)["traceparent"].split(b"-")[1]
        for topic in (TOPICS.incidents, TOPICS.actions) for message in office.sent.on(topic)
    ]
    assert len(traces) == 2
    assert len(set(traces)) == 1


async def test_an_outcome_is_filed_on_its_incident_once_and_told() -> None:
    office = Office()
    shard = await office.open()
    shard.triage.record_action = lambda _, record: Transition(  # type: ignore[assignment, method-assign]
        "updated", incident(actions=(record,)),
    )
    message = outcome_message(outcome(intent()), "s", 0)
    await office.desk.take(outcomes([message.value]))
    await office.desk.take(outcomes([message.value]))
    told = office.sent.on(TOPICS.incidents)
    assert [action.status for action in read_incident(told[0].value).actions] == ["executed"]
    assert len(told) == 1
    assert shard.offsets == {TOPICS.outcomes: 1}


async def test_an_outcome_that_breaks_its_contract_is_buried_and_the_next_one_is_taken() -> None:
    office = Office()
    shard = await office.open()
    broken = orjson.dumps({"key": 5})
    await office.desk.take(outcomes([broken, None, outcome_message(outcome(intent()), "s", 0).value]))
    dead = office.sent.on(TOPICS.dead_letters)
    assert [letter.value for letter in dead] == [broken, None]
    assert b"key: " in dict(dead[0].headers)["__streams.errors.message"]
    assert shard.offsets == {TOPICS.outcomes: 3}


async def test_series_given_up_are_counted_once() -> None:
    office = Office()
    shard = await office.open()
    shard.series.evicted = 4
    await office.desk.take(batch(requests(1)))
    await office.desk.take(batch(requests(1, start=1), first=10))
    assert office.told("tocsin_series_evicted_total 4.0")


def test_an_intent_without_a_trace_has_no_trace_header() -> None:
    assert "traceparent" not in dict(intent_message(intent(), "s", 0).headers)
