"""Seasonal: is a window far from the usual value of this hour of the week, or of the day?

It keeps the row's mean for every hour of the week and of the day (UTC). The expected value is interpolated between the
middles of hours: from the week's means once the row is two weeks old, from the day's before. The distance, in mean
absolute residuals, is calibrated (`TailCalibrator`). Means follow slowly (`memory` visits of an hour).

It needs start times. Fails: in the row's first two days (no level), for a period that is neither a day nor a week, and
around holidays. Cost: 1 us per window and series in blocks of 200; 1,100 bytes a series that uses it.

Source: Holt 1957, Winters 1960 (seasonal means by exponential smoothing; additive, no trend).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from detectors.banks.composite import CompositeBank
from detectors.banks.hourly_means import WEEK_S, HourlyMeans
from detectors.banks.table import Column, Table
from detectors.base import Block, FloatArray, Scores
from detectors.calibration.calibrator import TailCalibrator, TailParams

_MIN_RESIDUALS = 20
"""Residuals before their mean size is used."""
_LARGEST = 1e38
_MOST = 1e6


@dataclass(frozen=True, slots=True)
class SeasonalParams:
    """warm_up_s: age of a row before it has a level. memory: visits of an hour over which its mean is taken. windows:
    windows over which the residuals' mean size is taken. relative_floor: minimum size, as a share of the expected
    value.
    """

    every_windows: float = 604_800.0
    warm_up_s: float = 172_800.0
    memory: float = 6.0
    windows: float = 2000.0
    relative_floor: float = 1e-3
    tail: TailParams = field(default_factory=lambda: TailParams(mark=2.6, rate=0.0195, excess=0.46))

    def build(self, capacity: int) -> Seasonal:
        """The bank."""
        return Seasonal(self, capacity)


class Seasonal(CompositeBank):
    """The bank; see the module. `Scores.raw` is the distance in mean absolute residuals, without sign."""

    def __init__(self, params: SeasonalParams, capacity: int) -> None:
        self._params = params
        self._rows = Table(
            {
                "first_s": Column(np.float64, np.nan),
                "size": Column(np.float64, 0.0),
                "windows": Column(np.float64, 0.0),
            },
            capacity,
        )
        self._means = HourlyMeans(params.memory, capacity)
        self._tail = TailCalibrator(params.tail, params.every_windows, capacity)
        super().__init__({"rows": self._rows, "means": self._means, "tail": self._tail})

    def score(self, block: Block) -> Scores:
        """Score each window against its hour; NaN until the row is `warm_up_s` old and has seen the hour."""
        expected = self._expected(block)
        floor = np.maximum(self._params.relative_floor * np.abs(expected), np.finfo(np.float32).tiny)
        size = np.maximum(self._rows["size"][block.rows], floor)
        raw = np.clip((block.value - expected) / size, -_MOST, _MOST)
        raw = np.where(self._rows["windows"][block.rows] >= _MIN_RESIDUALS, raw, np.nan)
        direction = np.where(np.isfinite(raw), np.sign(raw), 0).astype(np.intp)
        return Scores(self._tail.level(block.rows, raw), np.abs(raw), direction, expected)

    def _expected(self, block: Block) -> FloatArray:
        age_s = block.start_s - self._rows["first_s"][block.rows]
        expected = self._means.interpolated(block.rows, block.start_s, age_s >= 2.0 * WEEK_S)
        return np.where(age_s >= self._params.warm_up_s, expected, np.nan)

    def observe(self, block: Block) -> None:
        """Record when the row was first seen, and every window's score in the tail."""
        first_s = self._rows["first_s"][block.rows]
        self._rows["first_s"][block.rows] = np.where(np.isnan(first_s), block.start_s, first_s)
        scores = self.score(block)
        self._tail.observe(block.rows, scores.raw * scores.direction)

    def learn(self, block: Block) -> None:
        """Add windows that may be learned from to their hours."""
        rows, cells, params = block.rows, self._rows, self._params
        scores = self.score(block)
        known = np.isfinite(scores.raw)
        if known.any():
            self._tail.learn(rows[known], (scores.raw * scores.direction)[known])
        value = np.clip(block.value, -_LARGEST, _LARGEST)
        expected = self._expected(block)
        # One outlier moves size and means by a bounded amount.
        size = cells["size"][rows]
        most = 10.0 * np.maximum(size, params.relative_floor * np.abs(expected))
        value = np.where(known, np.clip(value, expected - most, expected + most), value)
        compared = np.isfinite(expected)
        windows = cells["windows"][rows] + compared
        cells["windows"][rows] = windows
        step = np.where(compared, 1.0 / np.clip(windows, 1.0, params.windows), 0.0)
        cells["size"][rows] = size + step * (np.where(compared, np.abs(value - expected), 0.0) - size)
        self._means.learn(rows, block.start_s, value)
