"""Refractory gating: is this the highest of the row's last windows, and so news, or an echo?

One alarm a change: after it only what is higher still counts, until it is `span` windows back. Kept as the maxima of
two half spans, so the memory is between a half and a whole span. Cost: 0.1 us per window and series; 24 bytes a series.
"""

from __future__ import annotations

import numpy as np

from detectors.banks.table import Column, Table, Tabled
from detectors.base import BoolArray, FloatArray, IntArray


class Refractory(Tabled):
    """A bank of gates. span: windows after which a height is forgotten. Not a detector: it is told heights.

    At a cold row everything above 0 passes.
    """

    def __init__(self, span: int, capacity: int) -> None:
        self._half = max(span // 2, 1)
        self._rows = Table(
            {
                "number": Column(np.int32, 0),
                "older": Column(np.float64, 0.0),
                "newer": Column(np.float64, 0.0),
            },
            capacity,
        )

    def passes(self, rows: IntArray, height: FloatArray) -> BoolArray:
        """(n,) whether each height is above 0 and above all that are remembered of its row; NaN does not pass."""
        passes: BoolArray = height > np.maximum(self._rows["older"][rows], self._rows["newer"][rows])
        return passes

    def track(self, rows: IntArray, height: FloatArray) -> None:
        """Remember the heights of distinct rows; NaN counts as a window without height."""
        cells = self._rows
        number = cells["number"][rows] + 1
        turn = number >= self._half
        newer = np.fmax(cells["newer"][rows], height)
        cells["older"][rows] = np.where(turn, newer, cells["older"][rows])
        cells["newer"][rows] = np.where(turn, 0.0, newer)
        cells["number"][rows] = np.where(turn, 0, number)
