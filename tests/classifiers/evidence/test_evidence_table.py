"""Evidence by series: counts, weighted means, onsets, silence, and what moves to another episode."""

from __future__ import annotations

from dataclasses import replace

import pytest

from classifiers.evidence.evidence_table import (
    ABSENCE,
    ALARM_EWMA_WEIGHT,
    DEVIATION_WEIGHT_MIN,
    GAP,
    LEVEL_CAP,
    EvidenceTable,
    Onset,
    deviation_of,
    next_alarm_ewma,
)
from tests.classifiers.readings import ALL, R0, R1, reading, silence


def test_a_reading_of_unknown_level_is_counted_but_never_alarms() -> None:
    evidence = EvidenceTable()
    evidence.add([replace(reading(R0, "latency_ms", 1.0), level=None)])
    series = evidence.series["latency_ms", R0]
    assert (series.windows, series.alarms) == (1, 0)
    assert evidence.metric_weights() == {}


def test_a_share_that_is_usually_nothing_deviates_by_its_difference() -> None:
    evidence = EvidenceTable()
    evidence.add([replace(reading(ALL, "error", 1.0), value=0.4, expected=0.0, level=5.0, direction="up")])
    assert evidence.series["error", ALL].deviation == 0.4


@pytest.mark.parametrize(
    ("value", "expected", "deviation"),
    [(150.0, 100.0, 0.5), (50.0, 100.0, -0.5), (None, 100.0, 0.0), (150.0, None, 0.0), (-3.0, -2.0, -0.5)],
)
def test_a_deviation_is_relative_and_unknown_values_have_none(
    value: float | None, expected: float | None, deviation: float,
) -> None:
    assert deviation_of(replace(reading(R0, "latency_ms", 1.0), value=value, expected=expected)) == deviation


def test_a_silence_deviates_by_all_of_it() -> None:
    assert deviation_of(silence(R0, 5.0)) == -1.0


def test_a_deviation_is_the_mean_at_first_and_forgets_old_windows_later() -> None:
    evidence = EvidenceTable()
    for second, change in enumerate((0.2, 0.4)):
        evidence.add([reading(R0, "latency_ms", float(second), change)])
    assert evidence.series["latency_ms", R0].deviation == pytest.approx(0.3)
    for second in range(2, 40):
        evidence.add([reading(R0, "latency_ms", float(second), 0.4)])
    before = evidence.series["latency_ms", R0].deviation
    evidence.add([reading(R0, "latency_ms", 40.0, 1.4)])
    assert evidence.series["latency_ms", R0].deviation - before == pytest.approx(
        DEVIATION_WEIGHT_MIN * (1.4 - before),
    )


def test_one_silence_moves_the_alarm_ewma_as_much_as_two_alarms() -> None:
    alarm = reading(R0, "latency_ms", 1.0, 1.0)
    assert next_alarm_ewma(0.0, alarm) == ALARM_EWMA_WEIGHT
    twice = next_alarm_ewma(next_alarm_ewma(0.0, alarm), alarm)
    assert next_alarm_ewma(0.0, silence(R0, 5.0)) == pytest.approx(twice)


def test_the_onset_with_the_smallest_error_is_kept_and_an_unknown_error_is_the_window() -> None:
    evidence = EvidenceTable()
    alarm = reading(R0, "latency_ms", 5.0, 1.0)
    onsets = []
    for onset_s, error_s in ((4.0, None), (2.0, 3.0), (3.5, 0.5)):
        evidence.add([replace(alarm, onset_s=onset_s, onset_error_s=error_s)])
        onsets.append(evidence.series["latency_ms", R0].onset)
    assert onsets == [Onset(4.0, 1.0), Onset(4.0, 1.0), Onset(3.5, 0.5)]


def test_a_quiet_reading_has_no_onset() -> None:
    evidence = EvidenceTable()
    evidence.add([reading(R0, "latency_ms", 5.0)])
    assert evidence.series["latency_ms", R0].onset is None


def test_a_silent_scope_counts_once_however_many_metrics_it_misses() -> None:
    evidence = EvidenceTable()
    evidence.add([silence(R0, 5.0), replace(silence(R0, 5.0), metric="confidence", level=3.0)])
    assert set(evidence.series) == {(ABSENCE, R0)}
    assert (evidence.series[ABSENCE, R0].alarms, evidence.series[ABSENCE, R0].peak.level) == (1, 3.0)


@pytest.mark.parametrize(("reported_s", "metric"), [(3.4, ABSENCE), (3.6, GAP)])
def test_a_scope_that_reported_in_the_later_half_of_a_silence_has_a_gap(reported_s: float, metric: str) -> None:
    evidence = EvidenceTable()
    evidence.add([reading(R0, "confidence", reported_s)])
    evidence.add([silence(R0, 5.0)])
    assert (metric, R0) in evidence.series


def test_merging_adds_counts_weighs_deviations_by_windows_and_keeps_the_higher_peak() -> None:
    one, other = EvidenceTable(), EvidenceTable()
    one.add([reading(R0, "latency_ms", 1.0, 1.0, 2.0)])
    for second in (2.0, 3.0, 4.0):
        other.add([reading(R0, "latency_ms", second, 0.2, 3.0), reading(R1, "latency_ms", second, 0.2)])
    one.merge(other)
    merged = one.series["latency_ms", R0]
    assert (merged.windows, merged.alarms, merged.samples, merged.last_s) == (4, 4, 80, 4.0)
    assert merged.deviation == pytest.approx((1.0 + 3 * 0.2) / 4)
    assert merged.peak.level == 3.0
    assert one.series["latency_ms", R1].windows == 3
    assert one.last_reported_s == {R0: 4.0, R1: 4.0}


def test_series_that_are_popped_are_gone_and_unknown_keys_are_ignored() -> None:
    evidence = EvidenceTable()
    evidence.add([reading(R0, "latency_ms", 1.0), reading(R1, "latency_ms", 1.0)])
    popped = evidence.pop_series([("latency_ms", R0), ("confidence", R0)])
    assert set(popped) == {("latency_ms", R0)}
    assert set(evidence.series) == {("latency_ms", R1)}


def test_a_metric_with_less_than_a_third_of_the_most_alarms_has_no_weight_and_levels_are_capped() -> None:
    evidence = EvidenceTable()
    for second in range(6):
        evidence.add([reading(ALL, "latency_ms", float(second), 1.0, 2.0 * LEVEL_CAP)])
        evidence.add([reading(ALL, "confidence", float(second), -0.5, 1.5 if second < 2 else 0.0)])
        evidence.add([reading(ALL, "queue_ms", float(second), 0.5, 9.0 if second < 1 else 0.0)])
    assert evidence.metric_weights() == {"latency_ms": 6 * LEVEL_CAP, "confidence": 2 * 1.5}
