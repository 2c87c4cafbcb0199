"""The suite's answer, and how it is made of the detectors' levels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.base import FloatArray, IntArray

DATED = 0.5
"""From this level on, a CUSUM run dates the change also when another detector decides."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The suite's answer, (n,) each but `levels`.

    level: NaN while warming up; from 1.0 on it is an alarm. detector: index into `Suite.names` of the one that decided,
    -1 for none. direction: +1 above, -1 below, 0 neither. expected: in the metric's unit, NaN while unknown. levels:
    (detectors, n) after gating, NaN where a detector is off or warming up. onset_s: when the change is estimated to
    have begun; onset_error_s: it began within so many seconds of that, nine times in ten. score: how strange, for
    ranking: distance from the row's centres in spreads, ungated, the highest of three windows. news: the level of what
    is new, 0 for what repeats or continues: one alarm a change.
    """

    level: FloatArray
    detector: IntArray
    direction: IntArray
    expected: FloatArray
    levels: FloatArray
    onset_s: FloatArray
    onset_error_s: FloatArray
    score: FloatArray
    news: FloatArray


def decided(levels: FloatArray, directions: IntArray, learned_from: int) -> tuple[FloatArray, IntArray, IntArray]:
    """The highest level of each window, whose it is, its direction. learned_from: the first detector that learns."""
    rank = np.where(np.isnan(levels), -1.0, levels)
    detector = rank.argmax(axis=0)
    at = np.arange(len(detector))
    level = levels[detector, at]
    # Limits that hold say nothing about a row that is still warming up.
    warming = np.isnan(levels[learned_from:]).all(axis=0) & ~(level >= 1.0)
    level = np.where(warming, np.nan, level)
    direction = np.where(warming, 0, directions[detector, at])
    return level, np.where(np.isnan(level), -1, detector), direction
