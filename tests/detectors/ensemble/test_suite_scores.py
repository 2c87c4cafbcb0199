"""The level of a window is the highest of its detectors, once a detector that learns has a level."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.base import Scores
from detectors.ensemble.suite_scores import fill_counted, highest, hold_uncounted, mean_known

NAN = np.nan


def of(*levels: float) -> tuple[float, int, int]:
    """Level, detector and direction of one window. Detector 0 has limits, the others learn; direction: 10 + index."""
    column = np.array(levels)[:, None]
    level, detector, direction = highest(column, 10 + np.arange(len(levels))[:, None], first_learned=1)
    return float(level[0]), int(detector[0]), int(direction[0])


def test_the_highest_level_counts_with_its_detector_and_direction() -> None:
    assert of(0.0, 0.4, 1.7, 0.9) == (1.7, 2, 12)


def test_detectors_without_a_level_are_ignored() -> None:
    assert of(NAN, NAN, 0.2, NAN) == (0.2, 2, 12)


def test_of_equal_levels_the_first_counts() -> None:
    assert of(0.5, 0.5, 0.5) == (0.5, 0, 10)


@pytest.mark.parametrize("limits", [NAN, 0.0, 0.99])
def test_a_window_has_no_level_while_all_that_learn_warm_up(limits: float) -> None:
    level, detector, direction = of(limits, NAN, NAN)
    assert np.isnan(level)
    assert (detector, direction) == (-1, 0)


def test_broken_limits_alarm_while_all_that_learn_warm_up() -> None:
    assert of(1.0, NAN, NAN) == (1.0, 0, 10)


def test_windows_are_independent() -> None:
    levels = np.array([[NAN, 2.0], [0.3, NAN]])
    level, detector, _ = highest(levels, np.ones((2, 2), dtype=np.intp), first_learned=1)
    assert (level.tolist(), detector.tolist()) == ([0.3, 2.0], [1, 0])


def test_a_level_that_does_not_count_is_held_below_1() -> None:
    level = np.array([3.0, 3.0, 0.5, NAN])
    found = hold_uncounted(level, np.array([True, False, False, False]))
    np.testing.assert_array_equal(found, [3.0, 0.99, 0.5, NAN])


def test_scores_are_filled_in_where_the_detector_is_used_alone() -> None:
    level, direction = np.full(3, NAN), np.zeros(3, dtype=np.intp)
    scores = Scores(np.full(3, 2.0), np.full(3, 1.0), np.full(3, -1), np.full(3, NAN))
    fill_counted(level, direction, np.array([True, True, False]), np.array([True, False, True]), scores)
    np.testing.assert_array_equal(level, [2.0, 0.99, NAN])
    assert direction.tolist() == [-1, -1, 0]


def test_the_mean_leaves_out_what_is_unknown() -> None:
    found = mean_known(np.array([[2.0, NAN, NAN], [4.0, 3.0, NAN]]))
    np.testing.assert_array_equal(found, [3.0, 3.0, NAN])
