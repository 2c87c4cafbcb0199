"""Average precision, and events against false alarms."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.detection.events import Pool, average_precision, mean_average_precision
from benchmarks.detection.series import Series
from detectors.base import FloatArray

ROWS = 1000
UNSCORED = 150


def series(*windows: tuple[int, int]) -> Series:
    return Series("one", np.arange(float(ROWS)), np.zeros(ROWS), windows)


def scored(**at: float) -> FloatArray:
    score = np.zeros(ROWS)
    for row, value in at.items():
        score[int(row.removeprefix("r"))] = value
    return score


def test_average_precision_is_the_area_under_the_steps() -> None:
    label, score = np.array([True, False, True, False]), np.array([4.0, 3.0, 2.0, 1.0])

    assert average_precision(label, score) == pytest.approx(0.5 * 1.0 + 0.5 * 2 / 3)


def test_tied_scores_are_ranked_together() -> None:
    assert average_precision(np.array([True, False, False, False]), np.zeros(4)) == pytest.approx(0.25)


def test_a_series_without_a_label_does_not_count() -> None:
    found = mean_average_precision([series((500, 500)), series()], [scored(r500=1.0), scored(r300=1.0)])

    assert found == pytest.approx(1.0)


def test_an_alarm_shortly_after_an_event_is_its_own() -> None:
    pool = Pool([series((500, 503))], [scored(r505=1.0, r506=1.0)])

    assert pool.events == 1
    assert pool.false_alarms(1.0) == 1
    assert pool.recall_at(100) == 1.0


def test_a_false_alarm_stands_for_those_shortly_after_it() -> None:
    assert Pool([series()], [scored(r300=1.0, r306=1.0, r312=1.0, r313=1.0, r324=1.0)]).false_alarms(1.0) == 2


def test_a_false_alarm_that_lasts_counts_again() -> None:
    score = np.zeros(ROWS)
    score[300:300 + 3 * 13] = 1.0

    assert Pool([series()], [score]).false_alarms(1.0) == 3


def test_alarms_of_two_series_are_never_one() -> None:
    first, second = scored(r999=1.0), np.zeros(ROWS)
    second[UNSCORED] = 1.0

    assert Pool([series(), series()], [first, second]).false_alarms(1.0) == 2


def test_an_event_weaker_than_the_allowed_false_alarms_is_not_found() -> None:
    one = series((500, 500), (700, 700))
    score = scored(r500=3.0, r700=1.0, r300=2.0, r400=2.0)

    assert Pool([one], [score]).recall_at(850) == 0.5
    assert Pool([one], [score]).recall_at(400) == 1.0


def test_rows_that_are_not_scored_change_nothing() -> None:
    pool = Pool([series((10, 20))], [scored(r15=9.0, r100=9.0)])

    assert (pool.events, pool.false_alarms(9.0), pool.samples) == (0, 0, ROWS - UNSCORED)
