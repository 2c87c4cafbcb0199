"""The evidence of an incident says where its records are; read again, they are what was judged."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence

import numpy as np
import pytest

from classifiers.model import Anomaly
from streams.intake.kafka_record import KafkaRecord
from streams.pipeline import Shard
from streams.replay.record_clock import RecordClock
from streams.windows.provenance import Provenance
from tests.streams.fakes import LATENCY, T, batch, clocked, default_plan
from tests.streams.records import sample

PLAN = default_plan()
CONFIDENCE = "inference.confidence"
OTHERS = frozenset(PLAN.sources) - {LATENCY, CONFIDENCE}


def night(faulty_from: int, seconds: int) -> dict[str, Sequence[KafkaRecord]]:
    """Two topics of one service, of which r1 becomes slow."""
    rng = random.Random(3)
    latency, confidence = [], []
    for second in range(seconds):
        for number in range(20):
            ts, replica = T + second + number / 20, f"r{number % 4}"
            slow = 500.0 if replica == "r1" and second >= faulty_from else 0.0
            names = {"model": "gpt", "replica": replica}
            latency.append(sample(ts, metrics={"latency_ms": 100.0 + rng.gauss(0, 5) + slow}, **names))
            confidence.append(sample(ts, metrics={"confidence": 0.8 + rng.gauss(0, 0.01)}, **names))
    return {
        topic: batch(values, topic, 5, first).records for topic, values, first in (
            (LATENCY, latency, 1000), (CONFIDENCE, confidence, 70),
        )
    }


def evidence(records: dict[str, Sequence[KafkaRecord]], restart_at: int) -> tuple[Anomaly, ...]:
    clock, found = RecordClock(clocked(PLAN, number=5)), None
    for start in range(0, 2000, 40):
        if start == restart_at:
            clock.shard = Shard.restored(PLAN, clock.shard.snapshot(), number=5)
        for topic, theirs in records.items():
            _, products = clock.ingest(topic, theirs[start : start + 40], OTHERS)
            for transition in products.transitions:
                found = transition.incident
    assert found is not None
    return found.evidence


def read_again(records: dict[str, Sequence[KafkaRecord]], reading: Anomaly) -> float:
    """The mean of the metric over the records that the evidence names, in its window and scope."""
    values = []
    for place in reading.records:
        assert place.partition == 5
        for record in records[place.topic]:
            told = json.loads(record.value or b"")
            named = place.start <= record.offset < place.end and reading.start_s <= told["ts"] < reading.end_s
            if named and reading.scope.replica in (None, told["replica"]):
                values.append(told["metrics"][reading.metric])
    assert len(values) == reading.count
    return float(np.mean(values))


@pytest.mark.parametrize("restart_at", [-1, 1600, 1640, 1680])
def test_the_evidence_leads_back_to_the_records_that_were_judged(restart_at: int) -> None:
    records = night(80, 100)
    alarms = [reading for reading in evidence(records, restart_at) if reading.metric == "latency_ms"]
    assert alarms
    for reading in alarms:
        assert [place.topic for place in reading.records] == [LATENCY]
        assert read_again(records, reading) == pytest.approx(reading.value)


def test_what_is_no_memory_of_windows_is_refused() -> None:
    with pytest.raises(ValueError, match="not enough values"):
        Provenance(1.0, 5, None).restore([[1.0]])
