"""What ranks the windows of a row beside their level: the distance from the centre, and what the row never showed.

The distance fades over the two windows that follow. Novelty is given once per change. Cost: 0.2 us per window and
series; 40 bytes a series.
"""

from __future__ import annotations

import numpy as np

from detectors.banks.composite import Composite
from detectors.banks.table import Column, Table
from detectors.base import FloatArray, IntArray
from detectors.ensemble.refractory import Refractory

_REFRACTORY = 100
"""Windows during which only a higher novelty than before counts."""


class Ranking(Composite):
    """The rows' recent distances and novelties; see the module."""

    def __init__(self, capacity: int) -> None:
        self._distances = Table({"older": Column(np.float64, np.nan), "newer": Column(np.float64, np.nan)}, capacity)
        self._refractory = Refractory(_REFRACTORY, capacity)
        super().__init__({"distances": self._distances, "refractory": self._refractory})

    def score(self, rows: IntArray, distance: FloatArray) -> FloatArray:
        """(n,) the highest of this and the last two windows' mean distances from the centres, in spreads."""
        return np.fmax(distance, np.fmax(self._distances["older"][rows], self._distances["newer"][rows]))

    def novelty(self, rows: IntArray, level: FloatArray) -> FloatArray:
        """(n,) the level of what each row never showed, 0 where it showed as much lately."""
        return np.where(self._refractory.passes(rows, level), level, 0.0)

    def observe(self, rows: IntArray, distance: FloatArray, level: FloatArray) -> None:
        """Remember the distances and the levels of novelty of distinct rows."""
        self._refractory.observe(rows, level)
        self._distances["older"][rows] = self._distances["newer"][rows]
        self._distances["newer"][rows] = distance
