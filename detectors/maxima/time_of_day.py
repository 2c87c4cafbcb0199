"""What a row shows at a time of day, day after day: the height of its habit.

For each of the last 96 hours the row's largest deviation is kept. The habit at a time is the second largest of the last
three days, each with its largest deviation within an hour of that time of day. So what came on two of three days at
about this time is expected, and a daily job that moves by daylight saving time is too.

Fails: a real fault at the same hour on two of three days is a habit, unless somebody says that it is a fault. Cost: 0.2
us per window and series; 220 bytes a series.
"""

from __future__ import annotations

import numpy as np

from detectors.banks.hourly_means import DAY, HOUR_S
from detectors.banks.table import Column, Table, TableComponent
from detectors.base import FloatArray, IntArray

_DAYS = 3
_OF = 2
_KEPT = (_DAYS + 1) * DAY
_LARGEST = 60_000.0
"""Deviations are kept as float16."""


class TimeOfDay(TableComponent):
    """A bank of habits. Not a `Detector`."""

    def __init__(self, capacity: int) -> None:
        self._rows = Table(
            {
                "hour": Column(np.int64, -1),
                "top": Column(np.float64, 0.0),
                "kept": Column(np.float16, 0.0, (_KEPT,)),
                "habit": Column(np.float64, 0.0),
            },
            capacity,
        )

    def habit(self, rows: IntArray, at_s: FloatArray) -> FloatArray:
        """(n,) the height of what each row does at this time of day."""
        hour = np.floor(at_s / HOUR_S).astype(np.int64)
        habit: FloatArray = self._rows["habit"][rows]
        turns = hour != self._rows["hour"][rows]
        if turns.any():
            habit[turns] = self._habit(rows[turns], hour[turns])
        return habit

    def _habit(self, rows: IntArray, hour: IntArray) -> FloatArray:
        back = (DAY * np.arange(1, _DAYS + 1)[:, None] + np.arange(-1, 2)).ravel()
        number = hour[:, None] - back
        values = self._values(rows, number)
        by_day = values.reshape(len(rows), _DAYS, 3).max(axis=2)
        habit: FloatArray = np.sort(by_day, axis=1)[:, _DAYS - _OF]
        return habit

    def _values(self, rows: IntArray, number: IntArray) -> FloatArray:
        """(n, k) the largest deviations of these hours, of the last 96; 0 where the row was not seen."""
        newest = self._rows["hour"][rows][:, None]
        values = self._rows["kept"][rows[:, None], number % _KEPT].astype(np.float64)
        values = np.where(number == newest, self._rows["top"][rows][:, None], values)
        return np.where((number <= newest) & (number > newest - _KEPT), values, 0.0)

    def observe(self, rows: IntArray, at_s: FloatArray, deviation: FloatArray) -> None:
        """Add one deviation of distinct rows to their hours."""
        cells = self._rows
        hour = np.floor(at_s / HOUR_S).astype(np.int64)
        turns = hour > cells["hour"][rows]
        if turns.any():
            self._turn(rows[turns], hour[turns])
        cells["top"][rows] = np.maximum(cells["top"][rows], np.minimum(deviation, _LARGEST))

    def _turn(self, rows: IntArray, hour: IntArray) -> None:
        """The hours of these rows are over and others begin; hours between were not seen."""
        cells = self._rows
        habit = self._habit(rows, hour)
        old = cells["hour"][rows]
        cells["kept"][rows, old % _KEPT] = np.where(old >= 0, cells["top"][rows], 0.0)
        gap = hour - old > 1
        if gap.any():
            number = hour[gap][:, None] - (hour[gap][:, None] - np.arange(_KEPT)) % _KEPT
            kept = cells.take("kept", rows[gap])
            kept[number > old[gap][:, None]] = 0.0
            cells["kept"][rows[gap]] = kept
        cells["hour"][rows], cells["top"][rows], cells["habit"][rows] = hour, 0.0, habit

    def withdraw(self, rows: IntArray, start_s: float, end_s: float) -> FloatArray:
        """Forget what came from `start_s` to `end_s`, within the last 96 hours; (n,) the largest of it, 0 for none."""
        cells = self._rows
        first, last = (int(np.floor(one / HOUR_S)) for one in (start_s, end_s))
        newest = cells["hour"][rows][:, None]
        number = newest - (newest - np.arange(_KEPT)) % _KEPT
        hit = (number >= first) & (number <= last)
        found: FloatArray = np.where(hit, self._values(rows, number), 0.0).max(axis=1)
        kept = cells.take("kept", rows)
        kept[hit] = 0.0
        cells["kept"][rows] = kept
        current = (newest[:, 0] >= first) & (newest[:, 0] <= last)
        cells["top"][rows[current]] = 0.0
        cells["habit"][rows] = self._habit(rows, newest[:, 0])
        return found

    def highest_since(self, rows: IntArray, start_s: FloatArray) -> FloatArray:
        """(n,) the largest deviation since a time within the last 96 hours, by whole hours."""
        newest = self._rows["hour"][rows][:, None]
        number = newest - np.arange(_KEPT)
        inside = number >= np.floor(start_s / HOUR_S).astype(np.int64)[:, None]
        highest: FloatArray = np.where(inside, self._values(rows, number), 0.0).max(axis=1)
        return highest
