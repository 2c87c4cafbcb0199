"""The state of each series at one instant: stale evidence, the newest reading, and evidence in several episodes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from classifiers.evidence.evidence_table import (
    ABSENCE,
    ALARM_EWMA_WEIGHT,
    GAP,
    EvidenceTable,
    Onset,
    next_alarm_ewma,
)
from classifiers.evidence.series_snapshot import (
    PAST_S,
    STALE_S,
    SUSTAINED_EWMA,
    SeriesSnapshot,
    last_reported,
    series_snapshots,
    stale,
)
from classifiers.model import Anomaly, Scope
from tests.classifiers.readings import ALL, R0, R1, reading, silence

METRIC = "latency_ms"


def table(*readings: Anomaly) -> EvidenceTable:
    evidence = EvidenceTable()
    for one in readings:
        evidence.add([one])
    return evidence


def alarms(count: int, scope: Scope = R0, change: float = 1.0, level: float | None = None) -> list[Anomaly]:
    """Alarming readings, the last one at 10 s."""
    return [reading(scope, METRIC, 11.0 - count + number, change, level) for number in range(count)]


def snapshot(evidence: EvidenceTable, *readings: Anomaly, now_s: float = 11.0, scope: Scope = R0) -> SeriesSnapshot:
    return series_snapshots(readings, [evidence], now_s)[METRIC][scope]


def test_a_metric_that_never_alarmed_is_left_out() -> None:
    quiet = reading(R0, METRIC, 10.0)
    assert series_snapshots([quiet], [table(quiet)], 10.0) == {}


def test_a_metric_with_one_alarm_is_there_with_all_its_series() -> None:
    found = series_snapshots([reading(R0, METRIC, 11.0), reading(R1, METRIC, 11.0, 1.0)], [], 11.0)
    assert {metric: set(scopes) for metric, scopes in found.items()} == {METRIC: {R0, R1}}
    assert [found[METRIC][scope].alarms for scope in (R0, R1)] == [0, 1]


def test_a_series_without_evidence_is_as_its_newest_reading() -> None:
    newest = replace(reading(R0, METRIC, 11.0, 0.5, 3.0), onset_s=9.0, onset_error_s=None)
    assert snapshot(EvidenceTable(), newest) == SeriesSnapshot(
        ALARM_EWMA_WEIGHT, 1, 0.5, 20, 3.0, "up", Onset(9.0, 1.0), 100.0,
    )


def test_a_series_without_a_newest_reading_is_as_its_evidence() -> None:
    evidence = table(*alarms(2, change=0.5, level=3.0))
    known = evidence.series[METRIC, R0]
    assert snapshot(evidence) == SeriesSnapshot(
        known.alarm_ewma, 2, 0.5, 40, 3.0, "up", known.onset, 100.0,
    )


def test_the_newest_reading_is_added_to_the_evidence() -> None:
    evidence = table(*alarms(3, change=1.0, level=3.0))
    newest = replace(reading(R0, METRIC, 11.0, -0.6, 2.0), expected=200.0, value=80.0)
    found = snapshot(evidence, newest)
    assert (found.alarms, found.samples, found.expected) == (4, 80, 200.0)
    assert found.alarm_ewma == next_alarm_ewma(evidence.series[METRIC, R0].alarm_ewma, newest)
    assert found.deviation == pytest.approx((3 * 1.0 - 0.6) / 4)
    assert (found.level, found.direction) == (3.0, "up")
    assert evidence.series[METRIC, R0].alarms == 3


def test_a_newest_reading_of_a_higher_level_gives_the_direction() -> None:
    found = snapshot(table(*alarms(3, level=3.0)), reading(R0, METRIC, 11.0, -0.6, 4.0))
    assert (found.level, found.direction) == (4.0, "down")


def test_after_seven_windows_the_newest_reading_counts_for_an_eighth() -> None:
    found = snapshot(table(*alarms(30, change=1.0)), reading(R0, METRIC, 11.0, 0.0))
    assert found.deviation == pytest.approx(1.0 - 1.0 / 8.0)


def test_the_onset_of_the_evidence_is_kept_and_else_that_of_the_newest_reading() -> None:
    newest = replace(reading(R0, METRIC, 11.0, 1.0), onset_s=10.5, onset_error_s=0.1)
    first = replace(alarms(1)[0], onset_s=7.0, onset_error_s=2.0)
    assert snapshot(table(first), newest).onset == Onset(7.0, 2.0)
    assert snapshot(table(reading(R0, METRIC, 10.0)), newest).onset == Onset(10.5, 0.1)


@pytest.mark.parametrize(("silent_s", "alarm_ewma_is_zero"), [(STALE_S, False), (STALE_S + 0.1, True)])
def test_evidence_that_is_stale_alarms_no_longer_but_is_still_there(silent_s: float, alarm_ewma_is_zero: bool) -> None:
    found = snapshot(table(*alarms(4)), now_s=10.0 + silent_s)
    assert (found.alarm_ewma == 0.0, found.alarms) == (alarm_ewma_is_zero, 4)


def test_evidence_of_long_windows_is_stale_only_after_two_of_them() -> None:
    long = replace(reading(R0, METRIC, 10.0, 1.0), start_s=0.0)
    series = table(long).series[METRIC, R0]
    assert (stale(series, 30.0), stale(series, 30.1)) == (False, True)


def test_the_span_of_a_silence_is_no_window() -> None:
    series = table(replace(silence(R0, 10.0), start_s=0.0)).series[ABSENCE, R0]
    assert (stale(series, 16.0), stale(series, 16.1)) == (False, True)


@pytest.mark.parametrize(("age_s", "there"), [(PAST_S + 2.0, True), (PAST_S + 2.1, False)])
def test_what_alarmed_long_ago_explains_nothing_any_more(age_s: float, there: bool) -> None:
    assert (METRIC in series_snapshots([], [table(*alarms(3))], 10.0 + age_s)) == there


def test_a_quiet_series_that_is_stale_is_no_sibling() -> None:
    evidence = table(reading(R1, METRIC, 1.0), *alarms(3))
    assert set(series_snapshots([], [evidence], 10.0)[METRIC]) == {R0}
    evidence = table(reading(R1, METRIC, 5.0), *alarms(3))
    assert set(series_snapshots([], [evidence], 10.0)[METRIC]) == {R0, R1}


def test_of_a_series_in_two_episodes_the_one_that_alarmed_most_of_late_counts() -> None:
    few, many = table(*alarms(2)), table(*alarms(5))
    for tables in ([few, many], [many, few]):
        assert series_snapshots([], tables, 10.0)[METRIC][R0].alarms == 5


def test_four_alarms_in_a_row_are_sustained_and_three_are_not() -> None:
    found = [snapshot(table(*alarms(count))).alarm_ewma >= SUSTAINED_EWMA for count in (3, 4)]
    assert found == [False, True]


@pytest.mark.parametrize(("other_s", "metric"), [(8.0, ABSENCE), (10.0, GAP)])
def test_a_silence_is_a_gap_where_the_scope_reported_another_metric(other_s: float, metric: str) -> None:
    evidence = table(reading(R0, "confidence", other_s))
    assert set(series_snapshots([silence(R0, 11.0)], [evidence], 11.0)) == {metric}


def test_what_a_scope_reported_last_is_over_all_episodes_and_this_instant_and_silence_is_no_report() -> None:
    tables = [table(reading(R0, METRIC, 5.0), reading(ALL, METRIC, 1.0)), table(reading(R0, METRIC, 7.0))]
    now = [reading(ALL, METRIC, 9.0), silence(R1, 9.0), silence(R0, 9.0)]
    assert last_reported(now, tables) == last_reported(now, tables[::-1]) == {R0: 7.0, ALL: 9.0}
