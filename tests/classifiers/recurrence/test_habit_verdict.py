"""What is more than a habit, what may be one at all, and what of an incident counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from classifiers.evidence.attribution import WHOLE, Attribution
from classifiers.evidence.evidence_table import ABSENCE, EvidenceTable
from classifiers.model import Anomaly, Direction, Scope
from classifiers.recurrence.habit import Habit
from classifiers.recurrence.habit_verdict import broken_by, regular

KIND = "chat/gpt all resource_exhaustion"
HOUR = 3600.0
CHAT = Scope("chat", "gpt")
HABIT = Habit(HOUR, 4, "inc-1", 240.0, {"latency_ms": 0.5}, (KIND,), began_s=0.0, published_at_s=0.0)


def reading(metric: str, value: float = 150.0, expected: float = 100.0, scope: Scope = CHAT) -> Anomaly:
    direction: Direction = "up" if value > expected else "down"
    return Anomaly(scope, metric, "cusum", 0.0, 1.0, value, expected, 3.0, direction, 10, 0.0)


def evidence(*readings: Anomaly) -> EvidenceTable:
    table = EvidenceTable()
    for _ in range(3):
        table.add(readings)
    return table


@pytest.mark.parametrize(("readings", "may_be"), [
    ((reading("requests_per_s"), reading("latency_ms"), reading("batch_active")), True),
    ((reading("latency_ms"), reading("error", 0.3, 0.0)), False),
    ((reading("requests_per_s", 50.0),), False),
    ((reading("completion_tokens", 50.0),), False),
    ((reading("confidence", 50.0),), False),
    ((reading("schema_violations"),), False),
    ((reading("gpu_power_w"),), False),
])
def test_only_load_and_delays_may_be_a_habit(readings: tuple[Anomaly, ...], may_be: bool) -> None:
    assert regular(evidence(*readings), WHOLE) is may_be


def test_shorter_answers_may_be_part_of_a_habit_of_more_requests() -> None:
    shorter = reading("completion_tokens", 50.0)
    assert regular(evidence(shorter, reading("requests_per_s")), WHOLE)
    assert not regular(evidence(shorter, reading("requests_per_s", 50.0)), WHOLE)
    assert not regular(evidence(shorter), WHOLE, HABIT)
    of_load = replace(HABIT, highest={"requests_per_s": 2.0, "completion_tokens": 0.5})
    assert regular(evidence(shorter), WHOLE, of_load)
    assert not regular(evidence(shorter, reading("error", 0.3, 0.0)), WHOLE, of_load)


def test_silence_is_never_a_habit() -> None:
    silent = Anomaly(CHAT, "requests_per_s", ABSENCE, 0.0, 5.0, None, None, 4.0, "down", 0, 1.0)
    assert not regular(evidence(silent), WHOLE)


@pytest.mark.parametrize(("dimension", "may_be"), [("tenant", True), ("replica", False), ("version", False)])
def test_a_single_replica_or_version_is_never_a_habit(dimension: str, may_be: bool) -> None:
    part = Attribution(dimension, "x", 1.0)  # type: ignore[arg-type]
    assert regular(evidence(reading("latency_ms")), part) is may_be


@pytest.mark.parametrize(("kind", "readings", "highest", "lasted_s", "why"), [
    (KIND, (reading("latency_ms"),), {"latency_ms": 0.6}, 350.0, None),
    (KIND, (reading("latency_ms"),), {"latency_ms": 0.6}, 361.0, "longer than its habit: 361 s, at most 240 s before"),
    (KIND, (reading("latency_ms"),), {"latency_ms": 0.7}, 9.0, "higher than its habit: latency_ms by 70%"),
    (KIND, (reading("ttft_ms"),), {"ttft_ms": 0.5}, 9.0, "on another metric than its habit: ttft_ms"),
    (KIND, (reading("latency_ms"), reading("error", 1.0, 0.0)), {"latency_ms": 0.5}, 9.0, "more than load and delays"),
    ("chat/gpt tenant=a security", (reading("latency_ms"),), {}, 9.0, "elsewhere or of another kind than its habit"),
])
def test_an_incident_that_is_more_than_its_habit_says_why(
    kind: str, readings: tuple[Anomaly, ...], highest: dict[str, float], lasted_s: float, why: str | None,
) -> None:
    found = broken_by(HABIT, kind, evidence(*readings), WHOLE, highest, lasted_s)
    assert found is None if why is None else found is not None and found.startswith(why)
