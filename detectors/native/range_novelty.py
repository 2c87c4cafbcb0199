"""Range novelty: how far outside everything the row has shown so far does a window lie?

For three things: the value, what a slow mean leaves of it, and a fast mean; the largest counts, as a weighted share of
the range seen. What was seen once is no news: every window widens the ranges, also one that alarms and must not be
learned from elsewhere. The level comes from the row's own records through `calibrate`: a row that breaks its records
often must break them by more.

The last of n exchangeable windows is a record of theirs with a chance of 1 in n, whatever their distribution. So a
window is one part in n of a clock on which records come at a steady rate, which calibration learns of each row. The
ranges remember about as many windows as the budget has: the record of an endless past would become rarer than any
budget.

Fails: blind to whatever stays inside the range; slow to alarm in rows that grow; what a row has not shown for the
length of its budget is news again. Cost: 2 us per window and series in blocks of 200; 370 bytes a series that uses
it.

Sources: Renyi 1962 (how often records come). Records as an alarm were measured here: five nanoseconds of it beat most
published detectors on the Numenta benchmark, and nothing on production latencies.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from detectors.banks.banked import Banked
from detectors.banks.table import Column, Table
from detectors.base import Block, FloatArray, IntArray, Scores
from detectors.calibration.calibrator import TailCalibrator, TailParams
from detectors.native.halves import remembered

_TINY = 1e-9
"""A range is at least this share of the value, so that a flat row's first movement is a large record, not an infinite
one."""
_WIDENS = 4.0
"""One window widens a range by at most so many of it: an absurd one must not blind the row."""
_MOST = 1e6
_LARGEST = 1e150


@dataclass(frozen=True, slots=True)
class RangeNoveltyParams:
    """slow, fast: windows over which the means are taken. memory: budgets whose windows are remembered, at most; half
    of it at least. warm_up: windows before the row is judged. weights: of the novelty of value, residual and fast mean.
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


class RangeNovelty(Banked):
    """The bank; see the module. `Scores.raw` is the larger novelty, a share of the range; 0 inside it."""

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
        self._half = max(round(0.5 * params.memory * params.every_windows), params.warm_up)
        self._tail = TailCalibrator(params.tail, params.every_windows, capacity)
        super().__init__({"rows": self._rows, "tail": self._tail})

    def score(self, block: Block) -> Scores:
        """Judge each window against its row's ranges."""
        rows, cells = block.rows, self._rows
        cold = cells["windows"][rows] < self._params.warm_up
        seen = self._seen(block)[0]
        low, high = cells["low"][rows], cells["high"][rows]
        with np.errstate(invalid="ignore", over="ignore"):
            least = _TINY * np.maximum(np.abs(seen[:, :1]), np.finfo(np.float64).tiny / _TINY)
            span = np.maximum(high - low, least)
            beyond = np.where(seen > high, seen - high, np.where(seen < low, seen - low, 0.0)) / span * self._weights
        widest = np.abs(beyond).argmax(axis=1)
        raw = np.clip(beyond[np.arange(len(rows)), widest], -_MOST, _MOST)
        direction = np.where(cold, 0, np.sign(raw)).astype(np.intp)
        raw = np.where(cold, np.nan, raw)
        expected = np.where(cold, np.nan, np.clip(block.value, low[:, 0], high[:, 0]))
        return Scores(self._tail.level(rows, raw), np.abs(raw), direction, expected)

    def _seen(self, block: Block) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(n, 3): what is watched, this window included; (n,) each: the means after it."""
        rows, cells, params = block.rows, self._rows, self._params
        value = np.clip(block.value, -_LARGEST, _LARGEST)
        low, high = self._wider(rows)
        counted = np.clip(value, low[:, 0], high[:, 0])
        number = cells["windows"][rows] + 1
        residual = np.where(number > 1, value - cells["slow"][rows], 0.0)
        slow = cells["slow"][rows] + (counted - cells["slow"][rows]) / np.minimum(number, params.slow)
        fast = cells["fast"][rows] + (counted - cells["fast"][rows]) / np.minimum(number, params.fast)
        # A mean of fewer windows than it is to be taken over jumps about: it is not watched yet.
        watched = np.where(number > params.fast, fast, np.nan)
        return np.stack([value, residual, watched], axis=1), slow, fast

    def _wider(self, rows: IntArray) -> tuple[FloatArray, FloatArray]:
        """(n, 3), (n, 3): as far as one window can widen the ranges; infinitely far for a row that never moved."""
        low, high = self._rows["low"][rows], self._rows["high"][rows]
        known = high > low
        with np.errstate(invalid="ignore"):
            most = _WIDENS * (high - low)
            return np.where(known, low - most, -np.inf), np.where(known, high + most, np.inf)

    def track(self, block: Block) -> None:
        """Widen the ranges; every window counts."""
        rows, cells = block.rows, self._rows
        scores = self.score(block)
        self._tail.track(rows, scores.raw * scores.direction)
        seen, cells["slow"][rows], cells["fast"][rows] = self._seen(block)
        lowest, highest = self._wider(rows)
        lowest, highest = np.maximum(seen, lowest), np.minimum(seen, highest)
        for low, high in (("low", "high"), ("newer_low", "newer_high")):
            cells[low][rows] = np.fmin(cells[low][rows], lowest)
            cells[high][rows] = np.fmax(cells[high][rows], highest)
        cells["windows"][rows] += 1
        self._turn(rows[cells["windows"][rows] % self._half == 0])

    def _turn(self, rows: IntArray) -> None:
        """Forget what is older than half of what these rows can remember."""
        if len(rows):
            for name, nothing in (("low", np.inf), ("high", -np.inf)):
                self._rows[name][rows] = self._rows[f"newer_{name}"][rows]
                self._rows[f"newer_{name}"][rows] = nothing

    def settle(self, block: Block) -> None:
        """Learn how large the row's records are."""
        warm = self._rows["windows"][block.rows] > self._params.warm_up
        if warm.any():
            rows: IntArray = block.rows[warm]
            # A range has taken its own record in by now: no window is beyond it, and every run ends at once.
            self._tail.learn(rows, np.zeros(len(rows)), 1.0 / remembered(self._rows["windows"][rows], self._half))
