"""Range novelty: how far outside the row's range so far does a window lie?

Three quantities are compared with their ranges: the value, its residual from a slow mean, and a fast mean. The largest
novelty counts, as a weighted share of the range. What was seen once is not new: every window widens the ranges, also
one that alarms and must not be learned from elsewhere. The level follows from the row's own records (`TailCalibrator`):
a row that exceeds its range often must exceed it by more.

The last of n exchangeable windows is their maximum with probability 1 / n, whatever their distribution. So on a clock
on which a window is worth 1 / n, records come at a constant rate, which calibration learns for each row. The ranges
remember about as many windows as the budget has; otherwise records would become rarer than any budget.

Fails: blind to everything inside the range; slow to alarm in rows that grow; what a row has not shown for the length of
its budget is new again. Cost: 2 us per window and series in blocks of 200; 370 bytes a series that uses it.

Sources: Renyi 1962 (how often records come). Records as an alarm were measured here: alone they beat most published
detectors on the Numenta benchmark, and none on production latencies.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from detectors.banks.composite import CompositeBank
from detectors.banks.table import Column, Table
from detectors.base import Block, FloatArray, IntArray, Scores
from detectors.calibration.calibrator import TailCalibrator, TailParams
from detectors.native.two_epochs import remembered

_TINY = 1e-9
"""Minimum width of a range as a share of the value, so that a flat row's first movement is a large novelty, not an
infinite one."""
_WIDENS = 4.0
"""One window widens a range by at most this multiple of its width, so that an outlier does not blind the row."""
_MOST = 1e6
_LARGEST = 1e150


@dataclass(frozen=True, slots=True)
class RangeNoveltyParams:
    """slow, fast: windows over which the means are taken. memory: budgets whose windows are remembered, at most; at
    least half of it. warm_up: windows before the row has a level. weights: of the novelty of value, residual, fast
    mean.
    """

    every_windows: float = 604_800.0
    slow: float = 500.0
    fast: float = 6.5
    memory: float = 1.0
    warm_up: int = 30
    weights: tuple[float, float, float] = (0.7, 1.0, 0.35)
    tail: TailParams = field(
        default_factory=lambda: TailParams(
            mark=0.02, rate=0.3, excess=0.04, share_over=0.5, scales=False, prior_windows=8.0, memory_windows=50.0,
            prior_exceedances=12.0, prior_shape=10.0, reach=6.0, held=0.25, young=3.0,
        )
    )

    def build(self, capacity: int) -> RangeNovelty:
        """The bank."""
        return RangeNovelty(self, capacity)


class RangeNovelty(CompositeBank):
    """The bank; see the module. `Scores.raw` is the largest novelty, a share of the range; 0 inside it."""

    def __init__(self, params: RangeNoveltyParams, capacity: int) -> None:
        self._params = params
        self._rows = Table(
            {
                "windows": Column(np.int64, 0),
                "slow": Column(np.float64, 0.0),
                "fast": Column(np.float64, 0.0),
                "low": Column(np.float64, np.inf, (3,)),
                "high": Column(np.float64, -np.inf, (3,)),
                "newer_low": Column(np.float64, np.inf, (3,)),
                "newer_high": Column(np.float64, -np.inf, (3,)),
            },
            capacity,
        )
        self._weights = np.array(params.weights)
        self._epoch = max(round(0.5 * params.memory * params.every_windows), params.warm_up)
        self._tail = TailCalibrator(params.tail, params.every_windows, capacity)
        super().__init__({"rows": self._rows, "tail": self._tail})

    def score(self, block: Block) -> Scores:
        """Score each window against its row's ranges."""
        rows, cells = block.rows, self._rows
        cold = cells["windows"][rows] < self._params.warm_up
        inputs = self._inputs(block)[0]
        low, high = cells["low"][rows], cells["high"][rows]
        with np.errstate(invalid="ignore", over="ignore"):
            least = _TINY * np.maximum(np.abs(inputs[:, :1]), np.finfo(np.float64).tiny / _TINY)
            span = np.maximum(high - low, least)
            beyond = np.where(inputs > high, inputs - high, np.where(inputs < low, inputs - low, 0.0))
            beyond = beyond / span * self._weights
        widest = np.abs(beyond).argmax(axis=1)
        raw = np.clip(beyond[np.arange(len(rows)), widest], -_MOST, _MOST)
        direction = np.where(cold, 0, np.sign(raw)).astype(np.intp)
        raw = np.where(cold, np.nan, raw)
        expected = np.where(cold, np.nan, np.clip(block.value, low[:, 0], high[:, 0]))
        return Scores(self._tail.level(rows, raw), np.abs(raw), direction, expected)

    def _inputs(self, block: Block) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(n, 3): value, residual and fast mean, with this window; (n,) each: the slow and the fast mean after it."""
        rows, cells, params = block.rows, self._rows, self._params
        value = np.clip(block.value, -_LARGEST, _LARGEST)
        low, high = self._wider(rows)
        counted = np.clip(value, low[:, 0], high[:, 0])
        number = cells["windows"][rows] + 1
        residual = np.where(number > 1, value - cells["slow"][rows], 0.0)
        slow = cells["slow"][rows] + (counted - cells["slow"][rows]) / np.minimum(number, params.slow)
        fast = cells["fast"][rows] + (counted - cells["fast"][rows]) / np.minimum(number, params.fast)
        # A mean of fewer windows than `fast` is too noisy and not used yet.
        fast_input = np.where(number > params.fast, fast, np.nan)
        return np.stack([value, residual, fast_input], axis=1), slow, fast

    def _wider(self, rows: IntArray) -> tuple[FloatArray, FloatArray]:
        """(n, 3), (n, 3): how far one window can widen the ranges; infinitely far for a row that never moved."""
        low, high = self._rows["low"][rows], self._rows["high"][rows]
        known = high > low
        with np.errstate(invalid="ignore"):
            most = _WIDENS * (high - low)
            return np.where(known, low - most, -np.inf), np.where(known, high + most, np.inf)

    def observe(self, block: Block) -> None:
        """Widen the ranges by every window."""
        rows, cells = block.rows, self._rows
        scores = self.score(block)
        self._tail.observe(rows, scores.raw * scores.direction)
        inputs, cells["slow"][rows], cells["fast"][rows] = self._inputs(block)
        lowest, highest = self._wider(rows)
        lowest, highest = np.maximum(inputs, lowest), np.minimum(inputs, highest)
        for low, high in (("low", "high"), ("newer_low", "newer_high")):
            cells[low][rows] = np.fmin(cells[low][rows], lowest)
            cells[high][rows] = np.fmax(cells[high][rows], highest)
        cells["windows"][rows] += 1
        self._end_epoch(rows[cells["windows"][rows] % self._epoch == 0])

    def _end_epoch(self, rows: IntArray) -> None:
        """Forget the older epoch of these rows."""
        if len(rows):
            for name, nothing in (("low", np.inf), ("high", -np.inf)):
                self._rows[name][rows] = self._rows[f"newer_{name}"][rows]
                self._rows[f"newer_{name}"][rows] = nothing

    def learn(self, block: Block) -> None:
        """Learn the size of the row's records."""
        warm = self._rows["windows"][block.rows] > self._params.warm_up
        if warm.any():
            rows: IntArray = block.rows[warm]
            # By now the ranges include this window: its statistic is 0, and every run ends at once.
            self._tail.learn(rows, np.zeros(len(rows)), 1.0 / remembered(self._rows["windows"][rows], self._epoch))
