"""Block maxima: is a window further from what its row has shown than the budget allows, counted in time?

For values that arrive aggregated: few, one per window, with days and weeks in them. Each window is compared with three
references: the median of the row's recent windows (the frame of robust location), the mean of all its past, and its
daily and weekly course where that proved to explain (`course.py`). The deviation is the geometric mean of 1 + distance
over what is usual of each, less 1; the more the course explains, the less weight have the others. So one reference can
veto another: a daily peak is far from the recent windows and near to its course.

The level is the deviation over a height. The height is what the row's days have shown (`daily_maxima.py`) or, where it
is higher, what it does at this time of day (`time_of_day.py`); it is corrected by the account of alarms raised and due
(`alarm_account.py`). Everything is learned and nothing frozen, from every window. What people confirm as a fault is
taken out again: its days teach nothing, it is no habit, and a deviation as high as it alarms for good.

`Scores.raw` is for ranking windows: ln(1 + deviation), and its moving average.

A window that is the mean of fewer samples than usual scatters more; all three distances allow for that.

A row of n windows shows no deviation of more than sqrt(n), however narrow its spread: the first 1 after a thousand
zeros is one in a thousand, not infinitely far (Thompson's bound of a studentised deviation).

Fails: in a row's first days, which have only the declared height; a fault that lasts over three days, or comes back at
the same hour, and that nobody confirms; holidays. Cost: 1.7 us per window and series in blocks of 200; 1,600 bytes a
series.

Sources: Gumbel 1958 (block maxima); Thompson 1935; see the components.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import numpy as np

from detectors.banks.composite import CompositeBank
from detectors.banks.framed_block import FramedBlock
from detectors.banks.table import Column, Table
from detectors.base import Block, BoolArray, FloatArray, IntArray, Scores
from detectors.maxima.alarm_account import AlarmAccount
from detectors.maxima.course import Course, CourseParams, Expected
from detectors.maxima.daily_maxima import DailyMaxima, MaximaParams
from detectors.maxima.moments import Moments
from detectors.maxima.time_of_day import TimeOfDay

_LARGEST = 1e38
_MOST = 1e3
"""Upper bound of a distance, in what is usual."""
_RARE = 2.0
_FAR = 10.0
"""A distance from the mean counts for at most so many deviations when it is compared with that from the course."""


@dataclass(frozen=True, slots=True)
class BlockMaximaParams:
    """every_s: the budget, mean time between alarms of one row. warm_up: windows before a row has a level. recent,
    past, course: what is usual of each reference: a distance in its spreads that is passed seldom. recent_floor,
    course_floor: minimum spread of these, as a share of the row's standard deviation. habit: a window at a time of day
    must be so many times what the row does then. confirmed: share of a confirmed height from which a row alarms.
    """

    every_s: float = 604_800.0
    warm_up: int = 30
    recent: float = 7.0
    past: float = 3.5
    course: float = 6.0
    recent_floor: float = 0.1
    course_floor: float = 0.2
    habit: float = 1.3
    confirmed: float = 0.9
    ranking: float = 0.2
    seasons: CourseParams = field(default_factory=CourseParams)
    maxima: MaximaParams = field(default_factory=MaximaParams)

    def build(self, capacity: int) -> BlockMaxima:
        """The bank."""
        return BlockMaxima(self, capacity)


@dataclass(frozen=True, slots=True)
class _Judged:
    """What is known of a block before it is learned, (n,) each but `course`."""

    value: FloatArray
    course: Expected
    expected: FloatArray
    direction: IntArray
    deviation: FloatArray
    log_deviation: FloatArray
    height: FloatArray
    warm: BoolArray


class BlockMaxima(CompositeBank):
    """The bank; see the module. Its blocks are `FramedBlock`. Time is the end of each window."""

    def __init__(self, params: BlockMaximaParams, capacity: int) -> None:
        self._params = params
        self._rows = Table({"average": Column(np.float64, 0.0), "confirmed": Column(np.float64, np.inf)}, capacity)
        self._moments = Moments(capacity)
        self._course = Course(params.seasons, capacity)
        self._maxima = DailyMaxima(params.maxima, params.every_s, capacity)
        self._habits = TimeOfDay(capacity)
        self._account = AlarmAccount(params.every_s, capacity)
        super().__init__({
            "rows": self._rows, "moments": self._moments, "course": self._course, "maxima": self._maxima,
            "habits": self._habits, "account": self._account,
        })

    def score(self, block: Block) -> Scores:
        """Score each window; NaN until `warm_up` windows were learned."""
        judged = self._judge(block)
        log = judged.log_deviation
        average = self._rows["average"][block.rows]
        raw = np.where(judged.warm, log + average + self._params.ranking * (log - average), np.nan)
        level = np.where(judged.warm, judged.deviation / judged.height, np.nan)
        return Scores(level, raw, np.where(judged.warm, judged.direction, 0), judged.expected)

    def observe(self, block: Block) -> None:
        """Learn from every window, also those that alarm."""
        rows, at_s, judged, cells = block.rows, block.end_s, self._judge(block), self._rows
        gap_s = self._account.gap_s(rows, at_s)
        self._maxima.observe(rows, at_s, judged.deviation, judged.warm)
        self._habits.observe(rows, at_s, judged.deviation)
        self._account.observe(rows, at_s, np.where(judged.warm, judged.deviation / judged.height, 0.0), judged.warm)
        cells["average"][rows] += self._params.ranking * (judged.log_deviation - cells["average"][rows])
        deviation = self._moments.deviation(rows)
        plain = np.minimum(np.abs(judged.value - self._moments.mean(rows)), _FAR * deviation)
        self._course.learn(rows, at_s, judged.value, judged.course, plain, deviation, gap_s)
        self._moments.learn(rows, judged.value)

    def learn(self, block: Block) -> None:
        """Nothing: `observe` learns from every window."""

    def confirm(self, rows: IntArray, start_s: float, end_s: float) -> None:
        """What these rows showed from `start_s` to `end_s` was a fault. Its days teach nothing, it is no habit, and
        what is nearly as high alarms for good. Of more than 96 hours ago only the days are known, not the height.
        """
        if not len(rows):
            return
        height = self._habits.withdraw(rows, start_s, end_s)
        self._maxima.withdraw(rows, start_s, end_s, self._habits.highest_since(rows, self._maxima.began_s(rows)))
        self._account.withdraw(rows)
        least = np.where(height > 0.0, self._params.confirmed * height, np.inf)
        self._rows["confirmed"][rows] = np.minimum(self._rows["confirmed"][rows], least)

    def deny(self, rows: IntArray) -> None:
        """No deviation of these rows is known as a fault any more."""
        self._rows["confirmed"][rows] = np.inf

    def _judge(self, block: Block) -> _Judged:
        framed, params, rows = cast(FramedBlock, block), self._params, block.rows
        value = np.clip(block.value, -_LARGEST, _LARGEST)
        number, usual = self._moments.number(rows), self._moments.deviation(rows)
        deviation = np.sqrt(usual**2 + framed.excess)
        mean, course = self._moments.mean(rows), self._course.expected(rows, block.end_s)
        spread = np.maximum(framed.spread, params.recent_floor * usual)
        size = np.maximum(course.size, params.course_floor * usual)
        size = np.where(course.proved, np.sqrt(size**2 + framed.excess), np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            away = np.stack([
                (value - framed.centre) / spread / params.recent, (value - mean) / deviation / params.past,
                (value - course.value) / size / params.course,
            ])
        away[1, usual <= 0.0] = np.nan
        expected = np.where(course.proved, course.value, np.where(np.isfinite(framed.centre), framed.centre, mean))
        direction = np.sign(value - expected)
        log = self._pooled(away, framed.watched, number, course.left)
        warm = number >= params.warm_up
        counts = (np.abs(value - expected) >= framed.least) & ((framed.watched == 0) | (framed.watched == direction))
        return _Judged(
            value, course, expected, np.nan_to_num(direction).astype(np.intp),
            np.where(warm & counts, np.expm1(log), 0.0), log, self._height(rows, block.end_s), warm,
        )

    def _pooled(
        self, away: FloatArray, watched: IntArray, number: FloatArray, left: FloatArray,
    ) -> FloatArray:
        """(n,) ln(1 + deviation). away: (3, n) signed distances in what is usual, NaN where unknown. left: (n,) what
        the course leaves unexplained: as much weight is left to the other references.
        """
        side = watched.astype(np.float64)
        size = np.where(side == 0.0, np.abs(away), np.maximum(away * side, 0.0))
        usual = np.array([self._params.recent, self._params.past, self._params.course])[:, None]
        bound = _RARE * np.sqrt(np.maximum(number, 1.0)) / usual
        size = np.minimum(size, _MOST)
        size = size / np.sqrt(1.0 + (size / bound) ** 2)
        known = np.isfinite(size)
        logs = np.where(known, np.log1p(np.where(known, size, 0.0)), 0.0)
        weight = np.where(known, np.stack([left, left, np.ones(len(left))]), 0.0)
        total = weight[0] + weight[1] + weight[2]
        pooled: FloatArray = (logs[0] * weight[0] + logs[1] * weight[1] + logs[2] * weight[2]) / np.maximum(total, 1e-9)
        return pooled

    def _height(self, rows: IntArray, at_s: FloatArray) -> FloatArray:
        """(n,) the deviation that is level 1."""
        height = np.maximum(self._maxima.height(rows), self._params.habit * self._habits.habit(rows, at_s))
        height = height * self._account.factor(rows)
        return np.minimum(height, self._rows["confirmed"][rows])
