"""The daily and weekly course of rows: the mean of every hour of the day and of the week (UTC), learned causally.

The expected value is interpolated between the middles of hours: from the week's means once the row is two weeks old,
from the day's before. A course is used only where it has proved to explain: where its prequential residuals are smaller
than those of the mean of all the past. Both are mean absolute residuals over the same windows and the same time, each
taken before the window was learned.

Fails: in a row's first two days (unknown), for a period that is neither a day nor a week, and around holidays. A ramp
that is much shorter than an hour is smoothed. Cost: 0.6 us per window and series; 840 bytes a series.

Sources: Holt 1957, Winters 1960 (seasonal means by exponential smoothing; additive, no trend); Dawid 1984 (prequential
comparison).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.banks.composite import Composite
from detectors.banks.hourly_means import WEEK_S, HourlyMeans
from detectors.banks.table import Column, Table
from detectors.base import BoolArray, FloatArray, IntArray

_FAR = 10.0
"""A value counts for at most this many mean residuals, so that one outlier moves the course by a bounded amount."""


@dataclass(frozen=True, slots=True)
class CourseParams:
    """warm_up_s: age of a row before its course has a value. visits: of an hour over which its mean is taken.
    residuals: windows before the course may be used. windows: over so many windows residuals are averaged, and over at
    least a week. proof: the course is used where its mean residual is less than this share of the mean's.
    """

    warm_up_s: float = 172_800.0
    visits: float = 6.0
    residuals: float = 20.0
    windows: float = 2000.0
    proof: float = 0.95


@dataclass(frozen=True, slots=True)
class Expected:
    """(n,) each. value: NaN while unknown. size: the mean absolute residual. proved: whether it may be used. left: the
    share of the mean's residual that the course leaves unexplained, 1 where it is not proved.
    """

    value: FloatArray
    size: FloatArray
    proved: BoolArray
    left: FloatArray


class Course(Composite):
    """A bank of courses. Not a `Detector`: a detector owns one."""

    def __init__(self, params: CourseParams, capacity: int) -> None:
        self._params = params
        self._rows = Table(
            {
                "first_s": Column(np.float64, np.nan),
                "size": Column(np.float64, 0.0),
                "windows": Column(np.float64, 0.0),
                "plain_size": Column(np.float64, 0.0),
                "plain_windows": Column(np.float64, 0.0),
            },
            capacity,
        )
        self._means = HourlyMeans(params.visits, capacity)
        super().__init__({"rows": self._rows, "means": self._means})

    def expected(self, rows: IntArray, at_s: FloatArray) -> Expected:
        """What the course expects of each row at a time, in seconds since the epoch."""
        cells, params = self._rows, self._params
        age_s = at_s - cells["first_s"][rows]
        value = np.full(len(rows), np.nan)
        old = age_s >= params.warm_up_s
        if old.any():
            value[old] = self._means.interpolated(rows[old], at_s[old], age_s[old] >= 2.0 * WEEK_S)
        size, plain = cells["size"][rows], cells["plain_size"][rows]
        shown = np.isfinite(value) & (cells["windows"][rows] >= params.residuals)
        proved = shown & (size < params.proof * plain)
        return Expected(value, size, proved, np.where(proved, size / np.where(proved, plain, 1.0), 1.0))

    def learn(
        self, rows: IntArray, at_s: FloatArray, value: FloatArray, found: Expected, plain: FloatArray,
        deviation: FloatArray, gap_s: FloatArray,
    ) -> None:
        """Learn one window of distinct rows. found: what was expected of it. plain: (n,) its absolute distance from the
        mean of all the past, NaN while unknown. deviation: (n,) the row's standard deviation. gap_s: (n,) time since
        the row's last window.
        """
        cells, params = self._rows, self._params
        first_s = cells["first_s"][rows]
        cells["first_s"][rows] = np.where(np.isnan(first_s), at_s, first_s)
        most = np.maximum(_FAR * np.maximum(found.size, 1e-3 * np.abs(found.value)), deviation)
        known = np.isfinite(found.value)
        held = known & (cells["windows"][rows] >= params.residuals)
        value = np.where(held, np.clip(value, found.value - most, found.value + most), value)
        plain = np.where(held, np.minimum(plain, most), plain)
        memory = np.maximum(params.windows, WEEK_S / np.maximum(gap_s, 1.0))
        for name, away in (("", np.abs(value - found.value)), ("plain_", plain)):
            use = np.isfinite(away)
            number = cells[f"{name}windows"][rows] + use
            cells[f"{name}windows"][rows] = number
            size = cells[f"{name}size"][rows]
            step = np.where(use, 1.0 / np.clip(number, 1.0, memory), 0.0)
            cells[f"{name}size"][rows] = size + step * (np.where(use, away, 0.0) - size)
        self._means.learn(rows, at_s, value)
