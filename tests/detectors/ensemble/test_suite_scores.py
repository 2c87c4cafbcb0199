"""The level of a window is the highest of its detectors, once a detector that learns has a level."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.ensemble.suite_scores import highest

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
