"""Autocorrelation inflation: by how much do the means of a row's residuals vary more than those of independent ones?

The ratio of two standard deviations: that of the mean of many successive values of a first-order autoregression, and
that of the mean of as many independent values. It is the square root of (1 + r) / (1 - r), where r is the correlation
of neighbouring values. A detector that sums residuals divides by it; otherwise an autocorrelated row would seem to
drift all the time. The correlation is estimated from how often neighbours lie on the same side of the row's centre, so
that a jump, however high, counts for no more than its windows.

Fails: where the correlation of neighbours says little about that of more distant values. Cost: 0.2 us per window and
series; 32 bytes a series.

Sources: Blomqvist 1950 (correlation from signs); Bayley and Hammersley 1946 (effective number of independent
observations of a time series).
"""

from __future__ import annotations

import numpy as np

from detectors.banks.table import Column, Table, TableComponent
from detectors.base import FloatArray, IntArray

_PRIOR = 50.0
"""The assumption of independence is worth this many windows."""
_MEMORY = 2000.0
_MAX_CORRELATION = 0.95


class AutocorrelationInflation(TableComponent):
    """A bank of these ratios. Not a `Detector`: each drift detector owns one. A cold row has ratio 1."""

    def __init__(self, capacity: int) -> None:
        self._rows = Table(
            {
                "side": Column(np.float64, 0.0),
                "same": Column(np.float64, 0.0),
                "agreement": Column(np.float64, 0.0),
                "learned": Column(np.float64, _PRIOR),
            },
            capacity,
        )

    def ratio(self, rows: IntArray) -> FloatArray:
        """(n,) the ratio, from 1 to 6.2."""
        correlation = np.clip(np.sin(0.5 * np.pi * self._rows["agreement"][rows]), 0.0, _MAX_CORRELATION)
        ratio: FloatArray = np.sqrt((1.0 + correlation) / (1.0 - correlation))
        return ratio

    def observe(self, rows: IntArray, residual: FloatArray) -> None:
        """Record every window's residual, NaN excluded, and whether it lies on its neighbour's side."""
        side = np.sign(residual)
        self._rows["same"][rows] = side * self._rows["side"][rows]
        self._rows["side"][rows] = side

    def learn(self, rows: IntArray) -> None:
        """Count observed windows that may be learned from."""
        cells = self._rows
        learned = np.minimum(cells["learned"][rows] + 1.0, _MEMORY)
        cells["learned"][rows] = learned
        cells["agreement"][rows] += (cells["same"][rows] - cells["agreement"][rows]) / learned
