"""Sums of the current hour of rows, and from them the means of every hour of the day and of the week (UTC)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from detectors.banks.composite import Composite
from detectors.banks.table import Column, Table, TableComponent
from detectors.base import BoolArray, FloatArray, IntArray

HOUR_S = 3600.0
DAY, WEEK = 24, 168
WEEK_S = WEEK * HOUR_S


class Finished(NamedTuple):
    """(n,) each: the rows whose hour is over, its number since the epoch, and the mean of its values."""

    rows: IntArray
    hour: IntArray
    mean: FloatArray


class HourSums(TableComponent):
    """The sum and the number of the values of each row's current hour."""

    def __init__(self, capacity: int) -> None:
        self._rows = Table(
            {"hour": Column(np.int64, -1), "sum": Column(np.float64, 0.0), "number": Column(np.float64, 0.0)}, capacity,
        )

    def add(self, rows: IntArray, at_s: FloatArray, value: FloatArray) -> Finished:
        """Add values of distinct rows to their hours; returns the hours that are over with them."""
        cells, hour = self._rows, np.floor(at_s / HOUR_S).astype(np.int64)
        number = cells["number"][rows]
        begins = cells["hour"][rows] != hour
        done = rows[begins & (number > 0)]
        finished = Finished(done, cells["hour"][done], cells["sum"][done] / cells["number"][done])
        cells["hour"][rows] = hour
        cells["sum"][rows] = np.where(begins, 0.0, cells["sum"][rows]) + value
        cells["number"][rows] = np.where(begins, 0.0, number) + 1.0
        return finished


class HourlyMeans(Composite):
    """The means of hours, over so many visits of each."""

    def __init__(self, visits: float, capacity: int) -> None:
        self._visits = visits
        self._sums = HourSums(capacity)
        self._means = Table(
            {"week": Column(np.float32, np.nan, (WEEK,)), "day": Column(np.float32, np.nan, (DAY,))}, capacity,
        )
        super().__init__({"sums": self._sums, "means": self._means})

    def interpolated(self, rows: IntArray, at_s: FloatArray, by_week: BoolArray) -> FloatArray:
        """(n,) the mean at a time, between the middles of hours: of the week where it is known and wanted, else of the
        day; NaN while unknown.
        """
        place = at_s / HOUR_S - 0.5
        before = np.floor(place)
        share, hour = place - before, before.astype(np.int64)
        earlier, later = self._mean(rows, hour, by_week), self._mean(rows, hour + 1, by_week)
        value: FloatArray = (1.0 - share) * earlier + share * later
        return value

    def _mean(self, rows: IntArray, hour: IntArray, by_week: BoolArray) -> FloatArray:
        day = self._means["day"][rows, hour % DAY].astype(np.float64)
        week = self._means["week"][rows, hour % WEEK].astype(np.float64)
        return np.where(by_week & np.isfinite(week), week, day)

    def learn(self, rows: IntArray, at_s: FloatArray, value: FloatArray) -> None:
        """Add values of distinct rows to their hours; the mean of a finished hour is learned."""
        done = self._sums.add(rows, at_s, value)
        if not len(done.rows):
            return
        for table, length in (("week", WEEK), ("day", DAY)):
            at = done.hour % length
            old = self._means[table][done.rows, at]
            learned = np.where(np.isnan(old), done.mean, old + (done.mean - old) / self._visits)
            self._means[table][done.rows, at] = learned
