"""The account of rows: how many alarms they raised, and how many were due.

An alarm is an episode and not a window: it begins after a while without one (three hours at a budget of a week), or at
twice the height of the last. Due is the time observed over the budget; a gap counts for a day at most. Where more were
raised than due, the row's heights are raised, and the reverse; as far as so few alarms are evidence. Old alarms fade.

Cost: 0.2 us per window and series; 40 bytes a series.

Source: Robbins 1956 (empirical Bayes).
"""

from __future__ import annotations

import numpy as np

from detectors.banks.table import Column, Table, TableComponent
from detectors.base import BoolArray, FloatArray, IntArray

_DAY_S = 86_400.0
QUIET_SHARE = 1.0 / 56.0
"""An alarm is another one after this share of the budget without one: three hours of a week."""
_HIGHER = 2.0
_PRIOR = 8.0
"""Alarms that are assumed to have come as they were due."""
_MEMORY = 20.0
_POWER = 0.3
_BOUNDS = (0.5, 4.0)


class AlarmAccount(TableComponent):
    """A bank of accounts. Not a `Detector`. budget_s: mean time between alarms of one row."""

    def __init__(self, budget_s: float, capacity: int) -> None:
        self._budget_s = budget_s
        self._rows = Table(
            {
                "last_s": Column(np.float64, np.nan),
                "due": Column(np.float64, 0.0),
                "raised": Column(np.float64, 0.0),
                "alarm_s": Column(np.float64, -np.inf),
                "alarm_level": Column(np.float64, 0.0),
            },
            capacity,
        )

    def factor(self, rows: IntArray) -> FloatArray:
        """(n,) by what the heights of rows are multiplied; above 1 where they raised more than was due."""
        raised, due = self._rows["raised"][rows], self._rows["due"][rows]
        factor: FloatArray = np.clip(((_PRIOR + raised) / (_PRIOR + due)) ** _POWER, *_BOUNDS)
        return factor

    def gap_s(self, rows: IntArray, at_s: FloatArray) -> FloatArray:
        """(n,) time since each row's last window, a day at most; 0 before the second."""
        return np.clip(np.nan_to_num(at_s - self._rows["last_s"][rows]), 0.0, _DAY_S)

    def observe(self, rows: IntArray, at_s: FloatArray, level: FloatArray, warm: BoolArray) -> None:
        """Count one window of distinct rows. level: (n,) 1 and more is an alarm."""
        cells = self._rows
        due = cells["due"][rows] + np.where(warm, self.gap_s(rows, at_s), 0.0) / self._budget_s
        raised = cells["raised"][rows]
        cells["last_s"][rows] = at_s
        hot = np.flatnonzero(level >= 1.0)
        if len(hot):
            alarming, high, now_s = rows[hot], level[hot], at_s[hot]
            begins = now_s - cells["alarm_s"][alarming] > QUIET_SHARE * min(self._budget_s, 7.0 * _DAY_S)
            begins |= high > _HIGHER * cells["alarm_level"][alarming]
            raised[hot] += begins
            cells["alarm_level"][alarming[begins]] = high[begins]
            cells["alarm_s"][alarming] = now_s
        kept = np.minimum(_MEMORY / np.maximum(due, _MEMORY), 1.0)
        cells["due"][rows], cells["raised"][rows] = due * kept, raised * kept

    def withdraw(self, rows: IntArray) -> None:
        """One alarm of each row was none too many."""
        self._rows["raised"][rows] = np.maximum(self._rows["raised"][rows] - 1.0, 0.0)
