"""The series of each service that people look at: those of the whole service, and of its parts the worst. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from classifiers.model import Scope
from classifiers.series_windows import Part, PartLevel, ServiceSeries, part_text
from detectors.base import BoolArray, FloatArray, IntArray
from detectors.suite import Suite
from streams.shard.recent.recent_windows import Windows
from streams.shard.recent.written_series import Writer
from streams.shard.rows import Rows
from streams.windows.series import SeriesTable

MAX_SERVICES = 100
MAX_WHOLE = 16
MAX_PARTS_TOP = 8
"""Series of the whole service, and of its parts, in one report."""
MAX_PARTS = 200
"""Versions and replicas with their levels."""
STAYS = 0.2
"""A series of a part that was reported last is preferred by so much level, so that the choice is steady."""


Wanted = tuple[str, str | None, str, str]
"""A series: service, model, metric, and what of the service, such as `replica/r0`."""


class Picker:
    """Remembers the rows that it chose last, `MAX_PARTS_TOP` a service."""

    LOOK_AT = 50_000
    """Windows that are looked at in one report."""

    def __init__(self, series: SeriesTable, suite: Suite, rows: Rows, writer: Writer) -> None:
        self._series = series
        self._suite = suite
        self._rows = rows
        self._writer = writer
        self._chosen = np.empty(0, np.intp)

    def pick(self, now_s: float, windows: Windows, wanted: Collection[Wanted] = ()) -> list[ServiceSeries]:
        """A report of each service that has windows here, `MAX_SERVICES` at most, those with the highest level first.

        wanted: series that are reported whatever their level is.
        """
        rows, level = _highest_of_rows(windows)
        services = self._rows.service_of[rows]
        rows, level, services = rows[services >= 0], level[services >= 0], services[services >= 0]
        counts = self._counts(now_s)
        chosen: list[IntArray] = []
        found = []
        for number in _by_level(services, level)[:MAX_SERVICES]:
            at = np.flatnonzero(services == number)
            service, model = self._rows.services[number]
            chosen.append(self._top(rows[at], level[at]))
            asked = self._asked(rows[at], {one[2:] for one in wanted if one[:2] == (service, model)})
            top = self._writer.written(np.concatenate([chosen[-1], np.setdiff1d(asked, chosen[-1])]), windows)
            series, warming, silent = (int(of_service[number]) for of_service in counts)
            found.append(ServiceSeries(
                service, model, now_s, series, warming, silent, top, tuple(self._parts(rows[at], level[at])),
            ))
        self._chosen = np.concatenate(chosen) if chosen else self._chosen[:0]
        return found

    def _counts(self, now_s: float) -> tuple[IntArray, IntArray, IntArray]:
        """By number of the service: all its series, those that warm up, those that are silent. 0.1 us a series."""
        active = self._series.active()
        active = active[self._rows.is_admitted(active)]
        services, size = self._rows.service_of[active], len(self._rows.services)
        checked = active[self._rows.absence_checked[active]]
        silent = checked[self._suite.score_absence(checked, now_s).level >= 1.0]
        return (
            np.bincount(services, minlength=size), np.bincount(services[~self._suite.is_warm(active)], minlength=size),
            np.bincount(self._rows.service_of[silent], minlength=size),
        )

    def _top(self, rows: IntArray, level: FloatArray) -> IntArray:
        of_part: BoolArray = self._rows.of_part[rows]
        whole = rows[~of_part][np.argsort(-level[~of_part], kind="stable")][:MAX_WHOLE]
        parts, levels = rows[of_part], level[of_part] + STAYS * np.isin(rows[of_part], self._chosen)
        return np.concatenate([whole, parts[np.argsort(-levels, kind="stable")][:MAX_PARTS_TOP]])

    def _asked(self, rows: IntArray, wanted: set[tuple[str, str]]) -> IntArray:
        """The rows among these that are wanted, by metric and part."""
        if not wanted:
            return rows[:0]
        keys = ((row, *self._series.key(row)) for row in rows.tolist())
        return np.array([row for row, metric, scope in keys if (metric, part_text(scope)) in wanted], np.intp)

    def _parts(self, rows: IntArray, level: FloatArray) -> Iterator[PartLevel]:
        """The highest level of each version and replica, the worst first."""
        order = np.argsort(-level, kind="stable")
        scopes, first = np.unique(self._series.scopes_of(rows[order]), return_index=True)
        left = MAX_PARTS
        for at in np.sort(first[scopes >= 0]).tolist():
            row = int(rows[order[at]])
            metric, scope = self._series.key(row)
            if (part := _part_of(scope)) is not None and left:
                left -= 1
                known = float(level[order[at]])
                yield PartLevel(*part, *((round(known, 3), metric) if known >= 0.0 else (None, None)))


def _part_of(scope: Scope) -> tuple[Part, str] | None:
    if scope.replica is not None:
        return "replica", scope.replica
    return None if scope.version is None else ("version", scope.version)


def _highest_of_rows(windows: Windows) -> tuple[IntArray, FloatArray]:
    """The rows, and the highest level of each; -1 while it warms up."""
    highest = np.full(windows.rows.max(initial=-1) + 1, -np.inf)
    np.maximum.at(highest, windows.rows, np.where(np.isfinite(windows.level), windows.level, -1.0))
    rows = np.flatnonzero(highest > -np.inf)
    return rows, highest[rows]


def _by_level(services: IntArray, level: FloatArray) -> list[int]:
    """The numbers of the services, that with the highest level first."""
    order = np.lexsort((services, -level))
    return list(dict.fromkeys(services[order].tolist()))
