"""The course of rows in the suite: holds alarms of what the time of day and week explains.

For rows without `block_maxima`, which has a course of its own. An alarm of robust location or CUSUM counts only where
the window is also beyond the band of its hour (`detectors/maxima/hourly_band.py`): by the profile's minimum deviation
and by some spreads.
"""

from __future__ import annotations

import numpy as np

from detectors.banks.scaled_block import ScaledBlock
from detectors.banks.sparse import SparseBank
from detectors.base import Block, BoolArray, FloatArray, IntArray
from detectors.ensemble.profile_table import ProfileTable
from detectors.ensemble.suite_scores import UNCOUNTED
from detectors.maxima.hourly_band import HourlyBand, HourlyBandParams

_SPREADS = 3.0


class CourseBand:
    """See the module. bank: part of the suite's state."""

    def __init__(self, profiles: ProfileTable, window_s: float, capacity: int) -> None:
        self._profiles = profiles
        self.bank = SparseBank(HourlyBandParams(window_s).build, capacity)

    @property
    def _hourly(self) -> HourlyBand:
        inner = self.bank.inner
        assert isinstance(inner, HourlyBand)
        return inner

    def hold(self, at_s: FloatArray, scaled: ScaledBlock, exempt: BoolArray, levels: FloatArray) -> None:
        """Hold levels below 1, in place, where the band explains the window. exempt: (n,) rows it is not for. levels:
        (detectors, n).
        """
        alarms = np.flatnonzero((levels >= 1.0).any(axis=0) & ~exempt)
        slots = self.bank.slots(scaled.block.rows[alarms])
        alarms, slots = alarms[slots > 0], slots[slots > 0]
        if not len(alarms):
            return
        rows, value = scaled.block.rows[alarms], scaled.block.value[alarms]
        band = self._hourly.band(slots, at_s[alarms])
        edge = np.clip(value, band.low, band.high)
        expected = self._profiles.to_unit(rows, edge)
        least = self._profiles.min_deviation(rows, expected) * self._profiles.slope(rows, expected)
        beyond = np.abs(value - edge) > np.maximum(least, _SPREADS * scaled.spread[alarms])
        held = alarms[band.proved & ~beyond]
        levels[:, held] = np.minimum(levels[:, held], UNCOUNTED)

    def observe(self, block: Block, exempt: BoolArray) -> None:
        """Learn from the windows that are due."""
        due = self._hourly.due(block) & ~exempt
        if due.any():
            self.bank.observe(block if due.all() else block.select(due))

    def withdraw(self, rows: IntArray, start_s: float, end_s: float) -> None:
        """Forget the hours in which a fault was."""
        slots = self.bank.slots(rows)
        self._hourly.withdraw(slots[slots > 0], start_s, end_s)
