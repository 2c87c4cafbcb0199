"""Gaussian scorer: how many standard deviations does a window lie from the row's running mean?

The scorer of river's name with its faults kept out. Mean and variance are exponentially weighted and updated by a
bounded step, so no cancellation can make a variance negative (river's rolling one can, and then raises); a flat row has
a floor under its deviation and answers 0, where river's answers 1 for ever; and the distance itself is the statistic,
not the normal probability of it, which saturates at 8 deviations. The level comes from `calibrate`.

Fails: one large deviation widens it for `memory` windows; robust location does not have that. Cost: 0.4 us per window
and series in blocks of 200; 260 bytes a series that uses it.

Source: river 0.26 `anomaly.GaussianScorer`; West 1979 (updates).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from detectors.banked import Banked
from detectors.base import Block, Scores
from detectors.calibrate import TailCalibrator, TailParams
from detectors.table import Column, Table

_LARGEST = 1e100
_MOST = 1e6


@dataclass(frozen=True, slots=True)
class GaussianParams:
    """memory: windows over which mean and variance are taken. warm_up: windows before the row is judged.
    relative_floor: least deviation, as a share of the mean. clip: a window moves the variance by at most so many
    deviations.
    """

    every_windows: float = 604_800.0
    memory: float = 1000.0
    warm_up: int = 30
    relative_floor: float = 1e-3
    clip: float = 10.0
    tail: TailParams = field(default_factory=lambda: TailParams(mark=2.05, rate=0.0195, excess=0.37))

    def build(self, capacity: int) -> Gaussian:
        """The bank."""
        return Gaussian(self, capacity)


class Gaussian(Banked):
    """The bank; see the module. `Scores.raw` is the distance in standard deviations, without sign."""

    def __init__(self, params: GaussianParams, capacity: int) -> None:
        self._params = params
        self._rows = Table(
            {"learned": Column(np.int64, 0), "mean": Column(np.float64, 0.0), "variance": Column(np.float64, 0.0)},
            capacity,
        )
        self._tail = TailCalibrator(params.tail, params.every_windows, capacity)
        super().__init__({"rows": self._rows, "tail": self._tail})

    def score(self, block: Block) -> Scores:
        """Judge each window against its row's mean and deviation."""
        rows, cells = block.rows, self._rows
        cold = cells["learned"][rows] < self._params.warm_up
        mean = cells["mean"][rows]
        floor = np.maximum(self._params.relative_floor * np.abs(mean), np.finfo(np.float32).tiny)
        raw = np.clip((block.value - mean) / np.maximum(np.sqrt(cells["variance"][rows]), floor), -_MOST, _MOST)
        raw = np.where(cold, np.nan, raw)
        direction = np.where(cold, 0, np.sign(np.where(cold, 0.0, raw))).astype(np.intp)
        return Scores(self._tail.level(rows, raw), np.abs(raw), direction, np.where(cold, np.nan, mean))

    def track(self, block: Block) -> None:
        """Take every window's score as evidence of the tail."""
        scores = self.score(block)
        self._tail.track(block.rows, scores.raw * scores.direction)

    def settle(self, block: Block) -> None:
        """Take windows that may be learned from into mean, variance and tail."""
        rows, cells, params = block.rows, self._rows, self._params
        scores = self.score(block)
        warm = np.isfinite(scores.raw)
        if warm.any():
            self._tail.learn(rows[warm], (scores.raw * scores.direction)[warm])
        learned = cells["learned"][rows] + 1
        cells["learned"][rows] = learned
        away = np.clip(block.value, -_LARGEST, _LARGEST) - cells["mean"][rows]
        floor = params.relative_floor * np.abs(cells["mean"][rows])
        most = params.clip * np.maximum(np.sqrt(cells["variance"][rows]), np.maximum(floor, np.finfo(np.float32).tiny))
        away = np.where(warm, np.clip(away, -most, most), away)
        step = 1.0 / np.minimum(learned, params.memory)
        cells["mean"][rows] += step * away
        cells["variance"][rows] = (1.0 - step) * (cells["variance"][rows] + step * away * away)
