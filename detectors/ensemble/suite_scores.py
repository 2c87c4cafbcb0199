"""The scores of the suite, and how they are combined from the detectors' levels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.base import BoolArray, FloatArray, IntArray, Scores

UNCOUNTED = 0.99
"""The highest level of a deviation that does not count."""
ONSET_LEVEL = 0.5
"""From this CUSUM level on, the onset is that of the CUSUM run, also when another detector has the highest level."""


@dataclass(frozen=True, slots=True)
class SuiteScores:
    """The suite's scores for a block of n windows, (n,) each but `levels`.

    level: NaN while the row is warming up; an alarm from 1.0 on. detector: index into `Suite.names` of the detector
    with the highest level, -1 for none. direction: +1 above, -1 below, 0 neither. expected: in the metric's unit, NaN
    while unknown. levels: (detectors, n) after gating, NaN where a detector is off or warming up. onset_s: estimated
    start of the change, seconds since the epoch. onset_error_s: half width of a 90% interval around it. score: for
    ranking windows: distance from the row's centres in spreads, ungated, the highest of the last three windows.
    novelty: the level of what is new; 0 for what repeats or continues, so that a change alarms once.
    """

    level: FloatArray
    detector: IntArray
    direction: IntArray
    expected: FloatArray
    levels: FloatArray
    onset_s: FloatArray
    onset_error_s: FloatArray
    score: FloatArray
    novelty: FloatArray


def highest(levels: FloatArray, directions: IntArray, first_learned: int) -> tuple[FloatArray, IntArray, IntArray]:
    """(n,) each: the highest level of each window, the index of its detector, its direction.

    levels, directions: (detectors, n). first_learned: index of the first detector that learns. The level is NaN while
    all learned detectors are warming up, unless a detector before them alarms.
    """
    rank = np.where(np.isnan(levels), -1.0, levels)
    detector = rank.argmax(axis=0)
    at = np.arange(len(detector))
    level = levels[detector, at]
    # A value within its static limits says nothing about a row that is still warming up.
    warming = np.isnan(levels[first_learned:]).all(axis=0) & ~(level >= 1.0)
    level = np.where(warming, np.nan, level)
    direction = np.where(warming, 0, directions[detector, at])
    return level, np.where(np.isnan(level), -1, detector), direction


def hold_uncounted(level: FloatArray, counts: BoolArray) -> FloatArray:
    """(n,) levels; those of deviations that do not count are held below 1, so that they still rank windows."""
    return np.where(counts, level, np.minimum(level, UNCOUNTED))


def fill_counted(level: FloatArray, direction: IntArray, use: BoolArray, counts: BoolArray, scores: Scores) -> None:
    """Write one detector's levels and directions where it is used."""
    level[use] = hold_uncounted(scores.level, counts)[use]
    direction[use] = scores.direction[use]


def mean_known(values: FloatArray) -> FloatArray:
    """(n,) the mean over the first axis of what is not NaN; NaN where nothing is."""
    known = np.isfinite(values)
    number = known.sum(axis=0)
    return np.where(number > 0, np.where(known, values, 0.0).sum(axis=0) / np.maximum(number, 1), np.nan)
