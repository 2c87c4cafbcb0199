"""KSWIN: are the row's last residuals drawn from another distribution than those before them?

The two-sample Kolmogorov-Smirnov statistic of the newest `recent` of the last `window` residuals against the rest,
times the root of the samples' effective number. River's KSWIN draws the older sample by dice and forgets the window at
each finding; here the whole older part is taken, so that a replay gives the same answer, and the window is kept, so
that an alarm lasts. The level comes from `calibrate`, which sees autocorrelation that the test's own p-value does not.

Fails: late, since `recent` windows must fill, and blind to single windows. Cost: 6 us per window and series; 600 bytes
a series that uses it.

Source: Raab, Heusinger and Schleif 2020; river 0.26 `drift.KSWIN`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from detectors.banked import Banked
from detectors.base import Block, FloatArray, IntArray, Scores
from detectors.calibrate import TailCalibrator, TailParams
from detectors.table import Column, Table

_LARGEST = 1e6


@dataclass(frozen=True, slots=True)
class KswinParams:
    """window, recent: windows kept, and how many of them are the newer sample."""

    every_windows: float = 604_800.0
    window: int = 100
    recent: int = 30
    tail: TailParams = field(default_factory=lambda: TailParams(mark=1.45, rate=0.003, excess=0.2, longest=60.0))

    def build(self, capacity: int) -> Kswin:
        """The bank."""
        return Kswin(self, capacity)


class Kswin(Banked):
    """The bank; see the module. Takes residuals as values. `Scores.raw` is the shift of the mean, in spreads."""

    def __init__(self, params: KswinParams, capacity: int) -> None:
        self._params = params
        self._rows = Table(
            {"ring": Column(np.float32, 0.0, (params.window,)), "learned": Column(np.int64, 0)}, capacity,
        )
        self._tail = TailCalibrator(params.tail, params.every_windows, capacity)
        super().__init__({"rows": self._rows, "tail": self._tail})

    def score(self, block: Block) -> Scores:
        """Judge each row's window, this residual included; NaN until it is full."""
        cold = self._rows["learned"][block.rows] + 1 < self._params.window
        ring = self._after(block)
        statistic, shift = self._test(ring)
        signed = np.where(cold, np.nan, np.where(shift < 0, -statistic, statistic))
        direction = np.where(cold, 0, np.sign(shift)).astype(np.intp)
        level = self._tail.level(block.rows, signed)
        return Scores(level, np.where(cold, np.nan, np.abs(shift)), direction, np.where(cold, np.nan, 0.0))

    def _after(self, block: Block) -> FloatArray:
        """(n, window) the rows' residuals, oldest first, with these."""
        ring = self._rows["ring"][block.rows]
        newest = np.clip(block.value, -_LARGEST, _LARGEST).astype(np.float32)
        return np.concatenate([ring[:, 1:], newest[:, None]], axis=1)

    def _test(self, ring: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(n,), (n,): the statistic, and the newer sample's mean less the older's."""
        recent, older = self._params.recent, self._params.window - self._params.recent
        order = ring.argsort(axis=1, kind="stable")
        steps = np.where(order >= older, 1.0 / recent, -1.0 / older)
        apart = np.cumsum(steps, axis=1)
        # Between equal values there is no step to stand on.
        ordered = np.take_along_axis(ring, order, axis=1)
        apart[:, :-1][ordered[:, :-1] == ordered[:, 1:]] = 0.0
        root = np.sqrt(recent * older / (recent + older))
        shift = ring[:, older:].mean(axis=1, dtype=np.float64) - ring[:, :older].mean(axis=1, dtype=np.float64)
        return np.abs(apart).max(axis=1) * root, shift

    def _signed(self, rows: IntArray, ring: FloatArray) -> FloatArray:
        """(n,) the statistic with the sign of the shift; NaN for rows whose window is not full."""
        statistic, shift = self._test(ring)
        full = self._rows["learned"][rows] >= self._params.window
        return np.where(full, np.where(shift < 0, -statistic, statistic), np.nan)

    def track(self, block: Block) -> None:
        """Take every residual into its row's window."""
        rows, cells = block.rows, self._rows
        cells["ring"][rows] = self._after(block)
        cells["learned"][rows] += 1
        self._tail.track(rows, self._signed(rows, cells["ring"][rows]))

    def settle(self, block: Block) -> None:
        """Learn how far apart the samples lie when nothing is wrong."""
        signed = self._signed(block.rows, self._rows["ring"][block.rows])
        known = np.isfinite(signed)
        if known.any():
            self._tail.learn(block.rows[known], signed[known])
