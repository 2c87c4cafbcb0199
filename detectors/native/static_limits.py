"""Static limits: is the value outside what the operator allows?

It needs no learning, so it has a level while every other detector is still warming up. A row without limits has none.
The level is 1 at the limit and grows with the distance beyond it; inside the limits it is 0.

Fails: where limits are badly chosen. Cost: 0.2 us per window and series; 16 bytes a series.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.banks.table import Column, Table, TableComponent
from detectors.base import Block, FloatArray, IntArray, Scores

_MOST = 1e12


@dataclass(frozen=True, slots=True)
class StaticLimitsParams:
    """low, high: the limits of a row without limits of its own, in the metric's unit; None is unlimited."""

    low: float | None = None
    high: float | None = None

    def build(self, capacity: int) -> StaticLimits:
        """The bank."""
        return StaticLimits(self, capacity)


class StaticLimits(TableComponent):
    """The bank; see the module. `Scores.expected` is the limit that the value exceeds, else NaN.

    A cold row has the limits of `params`.
    """

    def __init__(self, params: StaticLimitsParams, capacity: int) -> None:
        low = np.nan if params.low is None else params.low
        high = np.nan if params.high is None else params.high
        self._rows = Table({"low": Column(np.float64, low), "high": Column(np.float64, high)}, capacity)

    def limit(self, rows: IntArray, low: FloatArray, high: FloatArray) -> None:
        """Set the limits of rows, in the metric's unit; NaN is unlimited."""
        self._rows["low"][rows] = low
        self._rows["high"][rows] = high

    def score(self, block: Block) -> Scores:
        """Score each window against its row's limits; NaN for a row that has none."""
        low, high = self._rows["low"][block.rows], self._rows["high"][block.rows]
        above = block.value > high
        below = block.value < low
        limit = np.where(above, high, np.where(below, low, np.nan))
        size = np.maximum(np.abs(limit), np.finfo(np.float64).tiny)
        beyond = np.minimum(np.abs(block.value - limit) / size, _MOST)
        level = np.where(above | below, 1.0 + beyond, np.where(np.isnan(low) & np.isnan(high), np.nan, 0.0))
        raw = np.where(above | below, np.abs(block.value - limit), level)
        return Scores(level, raw, above.astype(np.intp) - below.astype(np.intp), limit)

    def observe(self, block: Block) -> None:
        """Does nothing: there is no evidence to keep."""

    def learn(self, block: Block) -> None:
        """Does nothing: limits are not learned."""
