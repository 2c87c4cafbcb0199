"""Alarms are counted by episode, in real time, in stretches without labels."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.detection.budget import BAR_NAB, Figures, counted, figures, oracle
from benchmarks.detection.candidate import CandidateScores
from benchmarks.detection.events import raised
from benchmarks.detection.series import Series
from detectors.base import FloatArray

HOUR_S, WEEK_S = 3_600.0, 604_800.0


def times(hours: int) -> FloatArray:
    return np.arange(hours, dtype=np.float64) * HOUR_S


def hourly(hours: int, *windows: tuple[int, int], unlabelled: int = 0) -> Series:
    return Series("x", times(hours), np.zeros(hours), windows, unlabelled)


def levels(hours: int, **at: float) -> FloatArray:
    found = np.zeros(hours)
    for name, level in at.items():
        found[int(name.removeprefix("h"))] = level
    return found


def test_an_alarm_begins_after_three_quiet_hours_or_at_twice_the_height() -> None:
    level = levels(20, h1=1.0, h2=1.9, h3=2.1, h5=1.0, h8=1.0, h12=1.0, h16=0.9)
    assert np.flatnonzero(raised(times(20), level)).tolist() == [1, 3, 12]


def test_false_alarms_are_counted_outside_of_labels_and_events_inside() -> None:
    series = [hourly(400, (100, 104), (200, 240), unlabelled=50)]
    found = counted(series, [levels(400, h20=2.0, h60=2.0, h102=1.0, h300=1.5)])
    assert (found.false, found.events, found.found) == (2, 2, 1)
    assert (found.short, found.found_short) == (1, 1)
    assert found.weeks == pytest.approx((350 - 7 - 43) * HOUR_S / WEEK_S)


def test_a_gap_counts_as_a_day_at_most() -> None:
    time_s = np.array([0.0, HOUR_S, HOUR_S + 10 * WEEK_S])
    found = counted([Series("x", time_s, np.zeros(3), (), 0)], [np.zeros(3)])
    assert found.weeks == pytest.approx((HOUR_S + 86_400.0) / WEEK_S)


def test_the_oracle_finds_the_lowest_threshold_that_keeps_to_a_number_of_false_alarms() -> None:
    scores = [levels(100, h10=5.0, h30=7.0, h50=1e12)]
    assert 5.0 < oracle([hourly(100)], scores, most=2) < 5.01
    assert 7.0 < oracle([hourly(100)], scores, most=1) < 7.01


def test_a_baseline_is_judged_at_as_many_false_alarms_as_ours() -> None:
    series = [hourly(400, (100, 120))]
    score = levels(400, h50=3.0, h110=4.0, h300=5.0)
    found, counts = figures("asd", series, [CandidateScores(score, score)], most=1)
    assert (counts.false, found.recall) == (1, 1.0)


def test_a_bar_is_missed_by_any_figure() -> None:
    good = Figures(1.0, 0.8, 0.1, 0.3, BAR_NAB)
    assert good.passes("nab")
    for worse in (Figures(2.1, 0.8, 0.1, 0.3), Figures(1.0, 0.7, 0.1, 0.3), Figures(1.0, 0.8, 0.1, 0.2)):
        assert not worse.passes("nab")
    assert not Figures(1.0, 0.8, 0.1, 0.3, BAR_NAB - 1.0).passes("nab")
