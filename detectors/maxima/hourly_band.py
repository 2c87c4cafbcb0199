"""The band that a row's daily and weekly course expects at an hour: for rows whose windows are short and many.

It keeps a mean of every hour of the week (UTC). The band at a time spans the means of this hour and of the two beside
it, so a ramp of any steepness lies within, and a course that moves by daylight saving time does. Until a row is a week
old, an hour has the mean of the same hour of the days that are known. The band is used only where it has proved to
explain: where the means of hours lie outside of it by less than half of what they lie outside of a band of the same
width around the mean of all hours before.

A base window in eleven is enough for the mean of an hour, so only these are learned. All windows count, also those that
alarm: a peak that alarmed on its first days is part of the course. It is no `Detector` of its own, and its level is
unknown: the suite asks it when another detector alarms.

Fails: in a row's first two days; a fault that makes a row at a steep hour look like the hour before. Cost: 0.05 us per
window and series; 430 bytes a series from its first full hour on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.banks.composite import CompositeBank
from detectors.banks.hourly_means import DAY, HOUR_S, WEEK, Finished, HourSums
from detectors.banks.table import Column, Table
from detectors.base import Block, BoolArray, FloatArray, IntArray, Scores

_EVERY = 11
_VISITS = 6.0
_PROOF = 0.5
_FAR = 10.0
_LARGEST = 6e4
"""Means are kept as float16, in units of the row's first."""


@dataclass(frozen=True, slots=True)
class HourlyBandParams:
    """window_s: the base window. warm_up: hours that a row must have shown. by_week: hours from which on the means of
    the week are used by themselves.
    """

    window_s: float = 1.0
    warm_up: float = 48.0
    by_week: float = 168.0

    def build(self, capacity: int) -> HourlyBand:
        """The bank."""
        return HourlyBand(self, capacity)


@dataclass(frozen=True, slots=True)
class Band:
    """(n,) each. low, high: what is expected, NaN while unknown. proved: whether it may be used."""

    low: FloatArray
    high: FloatArray
    proved: BoolArray


class HourlyBand(CompositeBank):
    """The bank; see the module. Values are in the scale of their rows' profiles."""

    def __init__(self, params: HourlyBandParams, capacity: int) -> None:
        self._params = params
        self._rows = Table(
            {
                "week": Column(np.float16, np.nan, (WEEK,)),
                "unit": Column(np.float64, np.nan),
                "hours": Column(np.float64, 0.0),
                "mean": Column(np.float64, 0.0),
                "away": Column(np.float64, 0.0),
                "plain": Column(np.float64, 0.0),
                "compared": Column(np.float64, 0.0),
            },
            capacity,
        )
        self._sums = HourSums(capacity)
        super().__init__({"rows": self._rows, "sums": self._sums})

    def score(self, block: Block) -> Scores:
        """No level; `expected` is the middle of the band."""
        band = self.band(block.rows, block.end_s)
        unknown = np.full(len(block), np.nan)
        return Scores(unknown, unknown, np.zeros(len(block), np.intp), (band.low + band.high) / 2.0)

    def band(self, rows: IntArray, at_s: FloatArray) -> Band:
        """What is expected of rows at a time, in seconds since the epoch. Cost: 3 us a row."""
        cells = self._rows
        low, high = self._limits(rows, np.floor(at_s / HOUR_S).astype(np.int64))
        shown = np.isfinite(low) & (cells["hours"][rows] >= self._params.warm_up) & (cells["compared"][rows] >= DAY)
        return Band(low, high, shown & (cells["away"][rows] < _PROOF * cells["plain"][rows]))

    def _limits(self, rows: IntArray, hour: IntArray) -> tuple[FloatArray, FloatArray]:
        means = np.stack([self._mean(rows, hour + beside) for beside in (-1, 0, 1)])
        return np.fmin.reduce(means), np.fmax.reduce(means)

    def _mean(self, rows: IntArray, hour: IntArray) -> FloatArray:
        """(n,) what these hours usually show, NaN while unknown."""
        cells = self._rows
        own = cells["week"][rows, hour % WEEK].astype(np.float64)
        days = (hour[:, None] + DAY * np.arange(7)) % WEEK
        all_days = cells["week"][rows[:, None], days].astype(np.float64)
        known = np.isfinite(all_days)
        number = known.sum(axis=1)
        mean = np.where(known, all_days, 0.0).sum(axis=1) / np.maximum(number, 1)
        mean = np.where(number > 0, mean, np.nan)
        by_week = (cells["hours"][rows] >= self._params.by_week) & np.isfinite(own)
        found: FloatArray = np.where(by_week, own, mean) * cells["unit"][rows]
        return found

    def due(self, block: Block) -> BoolArray:
        """(n,) whether each window is one of those to learn from."""
        window_s = self._params.window_s
        due: BoolArray = np.rint(block.end_s / window_s) % _EVERY == 0
        return due | (block.end_s - block.start_s >= _EVERY * window_s)

    def observe(self, block: Block) -> None:
        """Add windows to their hours; the mean of a finished hour is learned."""
        done = self._sums.add(block.rows, block.end_s, block.value)
        if len(done.rows):
            self._learn_hours(done)

    def learn(self, block: Block) -> None:
        """Nothing: `observe` learns from all windows."""

    def withdraw(self, rows: IntArray, start_s: float, end_s: float) -> None:
        """Forget the hours from `start_s` to `end_s`, of which a fault was part."""
        first, last = (int(np.floor(one / HOUR_S)) for one in (start_s, end_s))
        hours = np.arange(first, min(last, first + WEEK - 1) + 1) % WEEK
        self._rows["week"][rows[:, None], hours] = np.nan

    def _learn_hours(self, done: Finished) -> None:
        cells, (rows, hour, mean) = self._rows, done
        unit = cells["unit"][rows]
        unit = np.where(np.isnan(unit), np.where(mean == 0.0, 1.0, np.abs(mean)), unit)
        cells["unit"][rows] = unit
        low, high = self._limits(rows, hour)
        hours, past = cells["hours"][rows], cells["mean"][rows]
        known = np.isfinite(low) & (hours >= DAY)
        away = np.maximum(np.maximum(low - mean, mean - high), 0.0)
        step = np.where(known, 1.0 / np.minimum(cells["compared"][rows] + 1.0, WEEK), 0.0)
        cells["compared"][rows] += known
        held, most = hours >= self._params.warm_up, _FAR * cells["plain"][rows]
        plain = np.maximum(np.abs(mean - past) - (high - low) / 2.0, 0.0)
        for name, distance in (("away", away), ("plain", plain)):
            usual = cells[name][rows]
            distance = np.where(held, np.minimum(distance, most), distance)
            cells[name][rows] = usual + step * (np.where(known, distance, 0.0) - usual)
        cells["mean"][rows] = past + (mean - past) / (np.minimum(hours, WEEK) + 1.0)
        cells["hours"][rows] = hours + 1.0
        at, shown = hour % WEEK, np.clip(mean / unit, -_LARGEST, _LARGEST)
        old = cells["week"][rows, at].astype(np.float64)
        cells["week"][rows, at] = np.where(np.isnan(old), shown, old + (shown - old) / _VISITS)
