"""Refractory gating: is this level the highest of the row's recent windows?

It passes one alarm per change: after an alarm only a higher level passes, until the alarm is `span` windows ago. The
gate keeps the maxima of two epochs of half a span, so it remembers between half a span and a whole one. Cost: 0.1 us
per window and series; 24 bytes a series.
"""

from __future__ import annotations

import numpy as np

from detectors.banks.table import Column, Table, TableComponent
from detectors.base import BoolArray, FloatArray, IntArray


class Refractory(TableComponent):
    """A bank of gates. span: windows after which a level is forgotten. Not a `Detector`: its input is levels.

    In a cold row every level above 0 passes.
    """

    def __init__(self, span: int, capacity: int) -> None:
        self._epoch = max(span // 2, 1)
        self._rows = Table(
            {
                "number": Column(np.int32, 0),
                "older": Column(np.float64, 0.0),
                "newer": Column(np.float64, 0.0),
            },
            capacity,
        )

    def passes(self, rows: IntArray, level: FloatArray) -> BoolArray:
        """(n,) whether each level is above 0 and above all remembered levels of its row; NaN does not pass."""
        passes: BoolArray = level > np.maximum(self._rows["older"][rows], self._rows["newer"][rows])
        return passes

    def observe(self, rows: IntArray, level: FloatArray) -> None:
        """Remember the levels of distinct rows; NaN counts as a window without a level."""
        cells = self._rows
        number = cells["number"][rows] + 1
        epoch_ends = number >= self._epoch
        newer = np.fmax(cells["newer"][rows], level)
        cells["older"][rows] = np.where(epoch_ends, newer, cells["older"][rows])
        cells["newer"][rows] = np.where(epoch_ends, 0.0, newer)
        cells["number"][rows] = np.where(epoch_ends, 0, number)
