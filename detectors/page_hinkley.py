"""Page-Hinkley: has the mean of the row's residuals drifted away from their mean so far?

River's test, computed for many rows at once: the faded sum of deviations from the running mean, less an allowance,
against its own minimum (for a rise) and maximum (for a fall). River compares the difference with a fixed threshold and
starts anew; here it becomes a level through `calibrate`, and is held just above the height that alarms, so that an
alarm lasts as long as the change and its evidence drains afterwards.

Fails: slower than CUSUM, whose reference does not move with the change. Cost: 0.7 us per window and series in blocks of
200; 290 bytes a series that uses it.

Sources: Page 1954; Hinkley 1971; river 0.26 `drift.PageHinkley`, against which the sums are tested.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from detectors.banked import Banked
from detectors.base import Block, FloatArray, IntArray, Scores
from detectors.calibrate import TailCalibrator, TailParams
from detectors.table import Column, Table

_RECENT = 0.2
_HOLD = 2.0
"""How far above the height that alarms a difference may stand, in spreads."""


@dataclass(frozen=True, slots=True)
class PageHinkleyParams:
    """delta: allowance a window, in spreads. fading: of the sums, per window. clip: residuals are cut to so many
    spreads. memory: windows over which the mean is taken. warm_up: windows before the row is judged.
    """

    every_windows: float = 604_800.0
    delta: float = 0.25
    fading: float = 0.9999
    clip: float = 5.0
    memory: float = 2000.0
    warm_up: int = 30
    tail: TailParams = field(default_factory=lambda: TailParams(mark=6.0, rate=0.002, excess=2.2, longest=60.0))

    def build(self, capacity: int) -> PageHinkley:
        """The bank."""
        return PageHinkley(self, capacity)


class PageHinkley(Banked):
    """The bank; see the module. Takes residuals as values. `Scores.raw` is the mean of the last few, in spreads, in the
    direction found.
    """

    def __init__(self, params: PageHinkleyParams, capacity: int) -> None:
        self._params = params
        self._rows = Table(
            {
                "number": Column(np.int64, 0),
                "mean": Column(np.float64, 0.0),
                "recent": Column(np.float64, 0.0),
                "sum": Column(np.float64, 0.0, (2,)),
                "end": Column(np.float64, 0.0, (2,)),
            },
            capacity,
        )
        self._tail = TailCalibrator(params.tail, params.every_windows, capacity)
        super().__init__({"rows": self._rows, "tail": self._tail})

    def score(self, block: Block) -> Scores:
        """Judge each row's drift, this residual included."""
        rows = block.rows
        cold = self._rows["number"][rows] < self._params.warm_up
        signed = _signed(*self._after(block)[:2])
        direction = np.where(cold, 0, np.sign(signed)).astype(np.intp)
        shift = np.maximum(self._recent(block) * direction, 0.0)
        level = self._tail.level(rows, np.where(cold, np.nan, signed))
        return Scores(level, np.where(cold, np.nan, shift), direction, np.where(cold, np.nan, 0.0))

    def _after(self, block: Block) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(n, 2), (n, 2), (n,): sums and their extremes for a rise and a fall, the fall's mirrored; the mean."""
        rows, cells, params = block.rows, self._rows, self._params
        value = np.clip(block.value, -params.clip, params.clip)
        mean = cells["mean"][rows] + (value - cells["mean"][rows]) / np.minimum(
            cells["number"][rows] + 1, params.memory)
        away = value - mean
        sums = params.fading * cells["sum"][rows] + np.stack([away, -away], axis=1) - params.delta
        return sums, np.minimum(cells["end"][rows], sums), mean

    def _recent(self, block: Block) -> FloatArray:
        value = np.clip(block.value, -self._params.clip, self._params.clip)
        before = self._rows["recent"][block.rows]
        recent: FloatArray = before + _RECENT * (value - before)
        return recent

    def track(self, block: Block) -> None:
        """Add every residual to its row's sums."""
        rows, cells = block.rows, self._rows
        sums, ends, mean = self._after(block)
        cells["recent"][rows] = self._recent(block)
        warm = cells["number"][rows] >= self._params.warm_up
        self._tail.track(rows, np.where(warm, _signed(sums, ends), np.nan))
        cells["sum"][rows] = np.minimum(sums, ends + self._tail.height(rows) + _HOLD)
        cells["end"][rows] = ends
        # The mean that a change is measured against must not follow it.
        alarming = ((sums - ends) >= self._tail.height(rows)).any(axis=1)
        cells["mean"][rows] = np.where(alarming, cells["mean"][rows], mean)
        cells["number"][rows] += 1

    def settle(self, block: Block) -> None:
        """Learn how far the sums come from their extremes when nothing is wrong."""
        warm = self._rows["number"][block.rows] > self._params.warm_up
        rows: IntArray = block.rows[warm]
        if len(rows):
            self._tail.learn(rows, _signed(self._rows["sum"][rows], self._rows["end"][rows]))


def _signed(sums: FloatArray, ends: FloatArray) -> FloatArray:
    """(n,) the larger difference, negative for a fall."""
    apart = sums - ends
    signed: FloatArray = np.where(apart[:, 0] >= apart[:, 1], apart[:, 0], -apart[:, 1])
    return signed
