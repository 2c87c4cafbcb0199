"""Wander: by how much do the means of a row's residuals scatter more widely than those of independent ones?

The deviation of the mean of many successive values of a first-order autoregression, over that of as many independent
ones: the square root of (1 + r) / (1 - r), r the correlation of neighbours. What adds residuals up takes this into
account, or a row that wanders by nature drifts all the time. The correlation is told by how often neighbours lie on the
same side of the row's centre: no jump, however high, counts for more than another window.

Fails: where neighbours tell little of what lies further apart. Cost: 0.2 us per window and series; 32 bytes a series.

Sources: Blomqvist 1950 (correlation from signs); Bayley and Hammersley 1946 (how many independent observations a series
is worth).
"""

from __future__ import annotations

import numpy as np

from detectors.banks.table import Column, Table, Tabled
from detectors.base import FloatArray, IntArray

_PRIOR = 50.0
"""Independence is believed as so many windows would show it."""
_MEMORY = 2000.0
_MOST = 0.95
"""Of a correlation."""


class AutocorrelationInflation(Tabled):
    """A bank of it. Not a detector: drift detectors own one. A cold row is taken for independent."""

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
        """(n,) at least 1."""
        alike = np.clip(np.sin(0.5 * np.pi * self._rows["agreement"][rows]), 0.0, _MOST)
        ratio: FloatArray = np.sqrt((1.0 + alike) / (1.0 - alike))
        return ratio

    def track(self, rows: IntArray, residual: FloatArray) -> None:
        """Take every window's residual, for its neighbours' sake; none is NaN."""
        side = np.sign(residual)
        self._rows["same"][rows] = side * self._rows["side"][rows]
        self._rows["side"][rows] = side

    def learn(self, rows: IntArray) -> None:
        """Count tracked windows that may be learned from."""
        cells = self._rows
        learned = np.minimum(cells["learned"][rows] + 1.0, _MEMORY)
        cells["learned"][rows] = learned
        cells["agreement"][rows] += (cells["same"][rows] - cells["agreement"][rows]) / learned
