"""What an incident showed becomes what is expected, up to its mean size; failures and silence never."""

from __future__ import annotations

from classifiers.causes.observed_shifts import observed_shifts
from classifiers.evidence.attribution import WHOLE, Attribution
from classifiers.evidence.evidence_table import ABSENCE, EvidenceTable
from classifiers.model import Anomaly, Direction, Scope

CHAT = Scope("chat", "gpt")
R0, R1 = Scope("chat", "gpt", replica="r0"), Scope("chat", "gpt", replica="r1")


def reading(
    metric: str, value: float, expected: float, scope: Scope = CHAT, level: float = 3.0, detector: str = "cusum",
) -> Anomaly:
    direction: Direction = "up" if value > expected else "down"
    return Anomaly(scope, metric, detector, 0.0, 1.0, value, expected, level, direction, 10, 0.0)


def evidence(*readings: Anomaly) -> EvidenceTable:
    table = EvidenceTable()
    for one in readings:
        table.add([one])
    return table


def test_the_mean_deviation_with_a_margin_is_the_bound() -> None:
    table = evidence(reading("latency_ms", 150.0, 100.0), reading("latency_ms", 170.0, 100.0))
    found = observed_shifts("chat", "gpt", WHOLE, table)
    assert list(map(str, found.of_part)) == ["latency_ms<=1.75x"]


def test_a_fall_is_expected_as_a_fall() -> None:
    found = observed_shifts("chat", "gpt", WHOLE, evidence(reading("confidence", 0.6, 0.8)))
    assert list(map(str, found.of_part)) == ["confidence>=0.688x"]


def test_where_nothing_was_expected_the_bound_is_in_the_unit() -> None:
    found = observed_shifts("chat", "gpt", WHOLE, evidence(reading("queue_depth", 8.0, 0.0)))
    assert list(map(str, found.of_part)) == ["queue_depth<=10"]


def test_quiet_series_failures_and_silence_are_left_out() -> None:
    silent = Anomaly(R0, "requests_per_s", ABSENCE, 0.0, 5.0, None, None, 4.0, "down", 0, 1.0)
    table = evidence(reading("ttft_ms", 110.0, 100.0, level=0.5), reading("error", 0.4, 0.0), silent)
    assert observed_shifts("chat", "gpt", WHOLE, table).of_part == ()


def test_a_part_and_the_whole_have_each_their_own_size_and_siblings_none() -> None:
    table = evidence(
        reading("latency_ms", 300.0, 100.0, R0), reading("latency_ms", 140.0, 100.0),
        reading("latency_ms", 130.0, 100.0, R1),
    )
    found = observed_shifts("chat", "gpt", Attribution("replica", "r0", 1.0), table)
    assert (found.dimension, found.part) == ("replica", "r0")
    assert list(map(str, found.of_part)) == ["latency_ms<=3.5x"]
    assert list(map(str, found.of_whole)) == ["latency_ms<=1.5x"]


def test_of_several_series_of_a_metric_the_widest_counts() -> None:
    table = evidence(reading("latency_ms", 150.0, 100.0), reading("latency_ms", 180.0, 100.0, R0))
    assert list(map(str, observed_shifts("chat", "gpt", WHOLE, table).of_part)) == ["latency_ms<=2x"]
