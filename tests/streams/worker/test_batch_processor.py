from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import orjson
import pytest
from opentelemetry.sdk.trace import TracerProvider
from structlog.testing import capture_logs

from classifiers.incidents.triage import IncidentChange
from classifiers.model import ActionRecord, AuditEntry, StageTime
from streams.contracts.envelopes import intent_message, outcome_message, read_audit, read_incident, read_intent
from streams.contracts.ticks import Tick
from streams.intake.formats import InputPlan
from streams.pipeline import Products, Shard
from streams.telemetry.traces import Tracing
from streams.transport.batches import RecordBatch
from streams.worker.batch_processor import BrakeTripped
from streams.worker.dead_letter_writer import MAX_VALUE_BYTES
from tests.streams.fakes import (
    LATENCY,
    T,
    batch,
    incident,
    intent,
    outcome,
    requests,
)
from tests.streams.records import FakeRecord, sample
from tests.streams.worker.fixtures import PLAN, TOPICS, WorkerFixture


def outcomes(values: Iterable[bytes | None], first: int = 0) -> RecordBatch:
    found = [FakeRecord(value, first + at, TOPICS.outcomes, 0) for at, value in enumerate(values)]
    return RecordBatch(TOPICS.outcomes, 0, found, found[0].offset, found[-1].offset)


async def test_a_malformed_record_becomes_a_dead_letter_with_reason_and_bytes_and_its_neighbours_count() -> None:
    worker = WorkerFixture()
    await worker.open()
    await worker.processor.process(batch([sample(T), b'{"ts": 1,', sample(T, metrics={"x": "high"}), sample(T + 1)]))
    await worker.manager.publish(0)
    dead = worker.log.on(TOPICS.dead_letters)
    assert dead[0].value == b'{"ts": 1,'
    assert [dict(letter.headers)["__streams.errors.exception"] for letter in dead] == [b"not_json", b"metric_type"]
    assert [dict(letter.headers)["__streams.errors.offset"] for letter in dead] == [b"1", b"2"]
    assert dead[0].key == b"chat"
    assert worker.exposes(f'tocsin_records_total{{outcome="accepted",topic="{LATENCY}"}} 2.0')
    assert worker.exposes('tocsin_dead_letters_total{reason="not_json"} 1.0')


async def test_records_that_are_all_malformed_are_in_the_log_at_once_and_published_within_a_second() -> None:
    worker = WorkerFixture()
    await worker.open()
    await worker.pass_time(1.0)
    with capture_logs() as logs:
        await worker.processor.process(batch([{"timestamp": 1000 * T, "service": "chat", "latency_ms": 5.0}] * 9))
    (line,) = logs
    assert (line["event"], line["topic"], line["reason"], line["count"]) == (
        "records_rejected", LATENCY, "missing_ts", 9,
    )
    assert line["first"] == "offset 0: ts: missing (there is 'timestamp'), expected seconds since the epoch"
    await worker.pass_time(1.1)
    assert len(worker.log.on(TOPICS.dead_letters)) == 9
    assert worker.exposes('tocsin_dead_letters_total{reason="missing_ts"} 9.0')


async def test_points_that_give_no_value_are_counted_by_reason() -> None:
    form = InputPlan("prometheus_json")
    worker = WorkerFixture(plan=replace(PLAN, sources={LATENCY: False}, inputs={LATENCY: form}))
    await worker.open()
    point = {"timestamp": "2026-11-23T07:46:40Z", "value": "1", "name": "up", "labels": {"job": "vllm"}}
    await worker.processor.process(batch([point, point]))
    assert worker.exposes(f'tocsin_points_without_value_total{{reason="unknown",topic="{LATENCY}"}} 2.0')


async def test_a_topic_whose_points_are_all_dropped_is_said_by_the_log_the_metric_and_readyz() -> None:
    form = InputPlan("prometheus_json")
    worker = WorkerFixture(plan=replace(PLAN, sources={LATENCY: False}, inputs={LATENCY: form}))
    await worker.open()
    point = {"timestamp": "2026-11-23T07:46:40Z", "value": "1", "name": "acme_load", "labels": {"job": "acme"}}
    with capture_logs() as logs:
        await worker.processor.process(batch([point, point]))
        assert worker.exposes(f'tocsin_topic_unwatched{{topic="{LATENCY}"}} 0.0')
        worker.mono_s += 60.0
        await worker.processor.process(batch([point], first=2))
    (warning,) = [entry for entry in logs if entry["event"] == "points_not_watched"]
    assert (warning["log_level"], warning["topic"]) == ("warning", LATENCY)
    assert "most of them 'acme_load' (3)" in warning["reason"]
    assert worker.exposes(f'tocsin_topic_unwatched{{topic="{LATENCY}"}} 1.0')
    (degraded,) = worker.processor.degradations()
    assert degraded.startswith(f"{LATENCY}: 3 points, none of them watched")
    worker.processor.revoke([(LATENCY, 0)])
    assert worker.processor.degradations() == ()
    assert not worker.exposes(f'tocsin_topic_unwatched{{topic="{LATENCY}"}} 1.0')


async def test_a_value_too_long_for_a_dead_letter_is_cut_and_a_header_gives_its_length() -> None:
    worker = WorkerFixture()
    await worker.open()
    await worker.processor.process(batch([b"x" * 2_000_000, *requests(2)]))
    await worker.manager.publish(0)
    letter = worker.log.on(TOPICS.dead_letters)[0]
    assert letter.value is not None
    assert len(letter.value) == MAX_VALUE_BYTES
    assert dict(letter.headers)["tocsin-cut-from-bytes"] == b"2000000"


async def test_a_flood_of_bad_records_trips_the_brake_after_their_dead_letters() -> None:
    worker = WorkerFixture()
    await worker.open()
    with pytest.raises(BrakeTripped, match=rf"{LATENCY}\[0\] up to offset 19: 20 of the last 20 records are malformed"):
        await worker.processor.process(batch([b"?"] * 20))
    assert len(worker.log.on(TOPICS.dead_letters)) == 20


async def test_a_batch_of_a_shard_of_another_worker_is_ignored() -> None:
    worker = WorkerFixture()
    await worker.open()
    await worker.processor.process(batch(requests(5), partition=3))
    assert [tick.offsets for tick in worker.log.ticks()] == [{}]
    assert worker.owner.shard.offsets == {}


async def test_records_that_were_processed_before_are_skipped() -> None:
    worker = WorkerFixture()
    shard = await worker.open()
    await worker.processor.process(batch(requests(3)))
    before = shard.windower.snapshot()[0]["sum_table"].tolist()
    await worker.processor.process(batch(requests(3)))
    assert shard.windower.snapshot()[0]["sum_table"].tolist() == before
    assert worker.exposes(f'tocsin_records_total{{outcome="accepted",topic="{LATENCY}"}} 30.0')


class PreparedShard(Shard):
    """A shard whose next tick gives prepared products; the pipeline has tests of its own."""

    products = Products()

    def apply_tick(self, tick: Tick) -> Products:
        super().apply_tick(tick)
        return self.products


def actions_of(*keys: str) -> tuple[ActionRecord, ...]:
    return tuple(ActionRecord(key, "circuit_breaker", "chat/r0", "auto", "pending", T) for key in keys)


async def process_to(worker: WorkerFixture, products: Products) -> None:
    shard = await worker.open()
    shard.__class__ = PreparedShard
    assert isinstance(shard, PreparedShard)
    shard.products = products
    await worker.manager.publish(0)


async def test_each_change_of_an_incident_is_a_line_of_the_log_with_its_id() -> None:
    worker = WorkerFixture()
    with capture_logs() as logs:
        await process_to(worker, Products(transitions=[
            IncidentChange("opened", incident()), IncidentChange("resolved", incident(id="inc-2")),
        ]))
    told = [(line["incident_id"], line["change"]) for line in logs if line["event"] == "incident"]
    assert told == [("inc-1", "opened"), ("inc-2", "resolved")]


async def test_an_incident_is_published_before_its_intents_and_both_name_their_shard() -> None:
    worker = WorkerFixture()
    await process_to(worker, Products(
        transitions=[
            IncidentChange("opened", incident(actions=actions_of("k1"))),
            IncidentChange("opened", incident(id="inc-2")),
            IncidentChange("updated", incident(actions=actions_of("k1", "k3"))),
            IncidentChange("resolved", incident(id="inc-2", actions=actions_of("k2"))),
        ],
        intents=[intent("k1"), intent("k2", incident_id="inc-2"), intent("k3")],
    ))
    published = [
        read_intent(message.value).key if topic == TOPICS.actions else message.key
        for topic, message in worker.log.committed if topic not in (TOPICS.audit, TOPICS.ticks, TOPICS.series)
    ]
    assert published == [b"inc-1", "k1", b"inc-2", b"inc-1", "k3", b"inc-2", "k2"]
    for topic in (TOPICS.incidents, TOPICS.actions):
        assert dict(worker.log.on(topic)[0].headers)["tocsin-shard"] == b"0"


async def test_every_step_of_an_incident_and_every_intent_is_audited() -> None:
    worker = WorkerFixture()
    step = AuditEntry(T, "inc-1", "opened", None, "open", "two windows in a row")
    await process_to(worker, Products(
        transitions=[IncidentChange("opened", incident(actions=actions_of("k1")))], intents=[intent("k1")],
        audit=[step],
    ))
    trail = [(message.key, read_audit(message.value)) for message in worker.log.on(TOPICS.audit)]
    assert trail == [
        (b"inc-1", AuditEntry(T, "k1", "decided", None, "pending", "the replica is slow")), (b"inc-1", step),
    ]


async def test_the_time_to_an_opened_incident_is_measured_when_the_broker_acknowledges_it() -> None:
    worker = WorkerFixture()
    transitions = [IncidentChange("opened", incident()), IncidentChange("updated", incident())]
    await process_to(worker, Products(transitions=transitions))
    assert worker.exposes("tocsin_end_to_end_seconds_count 1.0")
    assert worker.exposes("tocsin_end_to_end_seconds_sum 60.0")


async def test_the_stages_of_an_incident_are_measured_when_it_resolved() -> None:
    worker = WorkerFixture()
    times = {"detect": StageTime(2.0, "recorded")}
    one = incident(stage_times=times, peak_severity="P1")
    await process_to(worker, Products(transitions=[IncidentChange("opened", one), IncidentChange("resolved", one)]))
    assert worker.exposes('tocsin_incident_stage_seconds_count{severity="P1",stage="detect"} 1.0')


async def test_one_trace_runs_from_the_records_over_the_incident_to_the_intent() -> None:
    worker = WorkerFixture(Tracing(TracerProvider()))
    published = IncidentChange("opened", incident(actions=actions_of("k1")))
    await process_to(worker, Products(transitions=[published], intents=[intent()]))
    traces = [
        dict(message.headers)["traceparent"].split(b"-")[1]
        for topic in (TOPICS.incidents, TOPICS.actions) for message in worker.log.on(topic)
    ]
    assert len(traces) == 2
    assert len(set(traces)) == 1


async def test_an_outcome_is_added_to_its_incident_and_published_once() -> None:
    worker = WorkerFixture()
    shard = await worker.open()
    shard.triage.record_action = lambda _, record: IncidentChange(  # type: ignore[assignment, method-assign]
        "updated", incident(actions=(record,)),
    )
    shard.triage.open_incident = lambda _: incident()  # type: ignore[assignment, method-assign]
    message = outcome_message(outcome(intent()), "s", 0)
    await worker.processor.process(outcomes([message.value]))
    await worker.processor.process(outcomes([message.value]))
    await worker.manager.tick()
    published = worker.log.on(TOPICS.incidents)
    assert [action.status for action in read_incident(published[0].value).actions] == ["executed"]
    assert len(published) == 1
    assert shard.offsets == {TOPICS.outcomes: 1}


async def test_an_outcome_that_breaks_its_contract_is_a_dead_letter_and_the_next_one_is_processed() -> None:
    worker = WorkerFixture()
    shard = await worker.open()
    broken = orjson.dumps({"key": 5})
    await worker.processor.process(outcomes([broken, None, outcome_message(outcome(intent()), "s", 0).value]))
    await worker.manager.tick()
    dead = worker.log.on(TOPICS.dead_letters)
    assert [letter.value for letter in dead] == [broken, None]
    assert b"key: " in dict(dead[0].headers)["__streams.errors.message"]
    assert shard.offsets == {TOPICS.outcomes: 3}


async def test_the_counts_of_a_step_are_added_to_the_metrics() -> None:
    worker = WorkerFixture()
    products = Products(
        evicted=4, refused_series=3, overflowed=Counter(tenant=2), dropped_values=5, alarms=Counter(robust_location=1),
    )
    await process_to(worker, products)
    assert worker.exposes("tocsin_series_evicted_total 4.0")
    assert worker.exposes("tocsin_series_refused_total 3.0")
    assert worker.exposes('tocsin_scopes_overflowed_total{label="tenant"} 2.0')
    assert worker.exposes("tocsin_values_dropped_total 5.0")
    assert worker.exposes('tocsin_anomalies_total{detector="robust_location"} 1.0')


async def test_what_the_caps_of_a_shard_leave_out_is_counted_once() -> None:
    limits = replace(PLAN.scopes, max_values_per_label=1, max_series=2, max_metrics=1)
    worker = WorkerFixture(plan=replace(PLAN, scopes=limits, sources={LATENCY: False}))
    await worker.open()
    await worker.processor.process(batch(requests(3, replicas=3)))
    await worker.processor.process(batch(requests(3, start=3, replicas=3), first=30))
    await worker.manager.publish(0)
    text = worker.telemetry.render().decode()
    assert 'tocsin_scopes_overflowed_total{label="replica"} 36.0' in text
    assert "tocsin_values_dropped_total 60.0" in text


def test_an_intent_without_a_trace_has_no_trace_header() -> None:
    assert "traceparent" not in dict(intent_message(intent(), "s", 0).headers)
