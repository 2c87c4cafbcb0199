"""Mean and standard deviation of all the past of a row, held against outliers. Welford's recurrence.

One window counts for no more than five standard deviations, so that a fault does not widen what it is judged by. From
the 17th window beyond that in a row on, the limit doubles with every eight, so that a row that rested and then moves is
learned as it is.
Cost: 0.1 us per window and series; 32 bytes a series.

Source: Welford 1962.
"""

from __future__ import annotations

import numpy as np

from detectors.banks.table import Column, Table, TableComponent
from detectors.base import FloatArray, IntArray

_MOST = 5.0
_PATIENCE = 8.0
_LATER = 16.0
_LONGEST = 1e3


class Moments(TableComponent):
    """A bank of running means and deviations. Not a `Detector`."""

    def __init__(self, capacity: int) -> None:
        self._rows = Table(
            {name: Column(np.float64, 0.0) for name in ("number", "mean", "square", "beyond")}, capacity,
        )

    def number(self, rows: IntArray) -> FloatArray:
        """(n,) windows learned."""
        number: FloatArray = self._rows["number"][rows]
        return number

    def mean(self, rows: IntArray) -> FloatArray:
        """(n,) the means, NaN before the second window."""
        return np.where(self._rows["number"][rows] > 1, self._rows["mean"][rows], np.nan)

    def deviation(self, rows: IntArray) -> FloatArray:
        """(n,) the standard deviations, 0 before the second window."""
        deviation: FloatArray = np.sqrt(self._rows["square"][rows] / np.maximum(self._rows["number"][rows] - 1.0, 1.0))
        return deviation

    def learn(self, rows: IntArray, value: FloatArray) -> None:
        """Learn one window of distinct rows."""
        cells = self._rows
        number, mean = cells["number"][rows], cells["mean"][rows]
        deviation, beyond = self.deviation(rows), cells["beyond"][rows]
        limit = _MOST * 2.0 ** (np.maximum(beyond - _LATER, 0.0) / _PATIENCE)
        most = np.minimum(np.sqrt(number), limit) * deviation
        away = value - mean
        held = (most > 0.0) & (np.abs(away) > most)
        # A row goes on counting while it is beyond what it would be held by at first.
        far = np.abs(away) > _MOST * deviation
        cells["beyond"][rows] = np.where(far, np.minimum(beyond + 1.0, _LONGEST), 0.0)
        away = np.where(held, np.clip(away, -most, most), away)
        cells["number"][rows] = number + 1.0
        cells["mean"][rows] = mean + away / (number + 1.0)
        cells["square"][rows] += away * away * (number / (number + 1.0))
