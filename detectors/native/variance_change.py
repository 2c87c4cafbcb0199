"""Variance change: does the row vary much more, or much less, than it used to?

It compares two exponentially weighted means: of the absolute deviations of the last windows from their own mean, and a
slow mean of the same. The statistic is the logarithm of their ratio, calibrated (`TailCalibrator`). A shift of the
row's mean shows as long as the fast mean needs to follow; other detectors are for shifts.

Fails: in rows whose variation follows the load, until calibration has learned it. Cost: 0.7 us per window and series in
blocks of 200; 290 bytes a series that uses it.

Source: MacGregor and Harris 1993 (exponentially weighted moving variance).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from detectors.banks.composite import CompositeBank
from detectors.banks.table import Column, Table
from detectors.base import Block, FloatArray, IntArray, Scores
from detectors.calibration.calibrator import TailCalibrator, TailParams

_LARGEST = 1e150
_FLOOR = 1e-3
"""Minimum deviation as a share of the mean's size, so that rounding does not count."""


@dataclass(frozen=True, slots=True)
class VarianceChangeParams:
    """fast, slow: windows over which the two means are taken. warm_up: windows before the row has a level. clip: a
    deviation counts for at most so many slow mean deviations, so that an outlier is not variance. leap: the same bound
    for the row's mean.
    """

    every_windows: float = 604_800.0
    fast: float = 25.0
    slow: float = 1000.0
    warm_up: int = 100
    clip: float = 8.0
    leap: float = 50.0
    tail: TailParams = field(
        default_factory=lambda: TailParams(
            mark=0.24, rate=0.006, excess=0.04, shape=-0.05, prior_shape=100.0, reach=6.0, longest=200.0,
        )
    )

    def build(self, capacity: int) -> VarianceChange:
        """The bank."""
        return VarianceChange(self, capacity)


class VarianceChange(CompositeBank):
    """The bank; see the module. `Scores.raw` is the size of the log ratio, `expected` the row's mean."""

    def __init__(self, params: VarianceChangeParams, capacity: int) -> None:
        self._params = params
        self._rows = Table(
            {
                "windows": Column(np.int64, 0),
                "mean": Column(np.float64, 0.0),
                "fast": Column(np.float64, 0.0),
                "slow": Column(np.float64, 0.0),
            },
            capacity,
        )
        self._tail = TailCalibrator(params.tail, params.every_windows, capacity)
        super().__init__({"rows": self._rows, "tail": self._tail})

    def score(self, block: Block) -> Scores:
        """Score each row's variation, with this window."""
        rows, cells = block.rows, self._rows
        cold = cells["windows"][rows] < self._params.warm_up
        ratio = self._ratio(rows, self._next_fast(block))
        raw = np.where(cold, np.nan, ratio)
        direction = np.where(cold, 0, np.sign(ratio)).astype(np.intp)
        return Scores(self._tail.level(rows, raw), np.abs(raw), direction, np.where(cold, np.nan, cells["mean"][rows]))

    def _ratio(self, rows: IntArray, fast: FloatArray) -> FloatArray:
        floor = np.maximum(_FLOOR * np.abs(self._rows["mean"][rows]), np.finfo(np.float32).tiny)
        ratio: FloatArray = np.log(np.maximum(fast, floor) / np.maximum(self._rows["slow"][rows], floor))
        return ratio

    def _deviation(self, block: Block) -> FloatArray:
        rows, cells, params = block.rows, self._rows, self._params
        deviation = np.abs(np.clip(block.value, -_LARGEST, _LARGEST) - cells["mean"][rows])
        windows = cells["windows"][rows]
        usual = np.maximum(cells["slow"][rows], _FLOOR * np.abs(cells["mean"][rows]))
        most = np.where(windows >= params.warm_up, params.clip * usual, np.inf)
        deviation = np.where(windows > 0, np.minimum(deviation, most), 0.0)
        return deviation

    def _next_fast(self, block: Block) -> FloatArray:
        fast = self._rows["fast"][block.rows]
        step = 1.0 / np.minimum(self._rows["windows"][block.rows] + 1.0, self._params.fast)
        after: FloatArray = fast + step * (self._deviation(block) - fast)
        return after

    def observe(self, block: Block) -> None:
        """Add every window to the fast mean deviation."""
        rows, cells, params = block.rows, self._rows, self._params
        deviation, fast = self._deviation(block), self._next_fast(block)
        cold = cells["windows"][rows] < params.warm_up
        self._tail.observe(rows, np.where(cold, np.nan, self._ratio(rows, fast)))
        windows = cells["windows"][rows] + 1
        cells["windows"][rows] = windows
        away = np.clip(block.value, -_LARGEST, _LARGEST) - cells["mean"][rows]
        usual = np.maximum(cells["slow"][rows], _FLOOR * np.abs(cells["mean"][rows]))
        most = np.where(cold, np.inf, np.maximum(params.leap * usual, np.finfo(np.float32).tiny))
        cells["mean"][rows] += np.clip(away, -most, most) / np.minimum(windows, params.fast)
        cells["fast"][rows] = fast
        # Nothing alarms during the warm-up, so all of its windows may be learned from.
        cells["slow"][rows] += np.where(cold, (deviation - cells["slow"][rows]) / windows, 0.0)

    def learn(self, block: Block) -> None:
        """Learn the slow mean deviation and the tail from windows that may be learned from."""
        rows, cells, params = block.rows, self._rows, self._params
        warm = cells["windows"][rows] > params.warm_up
        if not warm.any():
            return
        rows = rows[warm]
        self._tail.learn(rows, self._ratio(rows, cells["fast"][rows]))
        step = 1.0 / np.minimum(cells["windows"][rows], params.slow)
        cells["slow"][rows] += step * (cells["fast"][rows] - cells["slow"][rows])
