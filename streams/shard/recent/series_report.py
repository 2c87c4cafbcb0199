"""Which windows are published for people to look at, and when: those of open incidents, and of each service the worst.

Asked once a tick, and every `EVERY_S` of event time at most for incidents, `SERVICES_EVERY_S` for services. So a
backlog that is read costs no more than one report a tick, and each report is bounded. Not in the snapshot: a new owner
goes on with the incidents that are open, and what a former one published stays on the topic. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import inf

import numpy as np

from actions.bounded import remember
from classifiers.incidents.alarmed_series import AlarmedSeriesTable
from classifiers.model import Incident, SeriesKey
from classifiers.series_windows import IncidentSeries, ServiceSeries
from classifiers.viewing_by_hand import Watch
from detectors.base import IntArray
from detectors.suite import Suite
from streams.shard.recent.listed_series import LISTED_EVERY_S, Lister
from streams.shard.recent.recent_windows import RecentWindows
from streams.shard.recent.service_series import Picker, Wanted
from streams.shard.recent.written_series import Writer
from streams.shard.rows import Rows
from streams.windows.series import SeriesTable

EVERY_S = 5.0
SERVICES_EVERY_S = 15.0
BEFORE_S = 300.0
"""An incident's windows begin so long before its onset, where they are known."""
AFTER_S = 60.0
"""They go on for so long after its end."""
FULL_S = 900.0
"""So long after the onset every window is published, then one for each `THIN_S`."""
THIN_S = 60.0
MAX_INCIDENTS = 50
"""Incidents whose windows are published, the oldest first."""
MAX_ALARMED = 8
MAX_WATCHED = 16
"""Series of the shard that people ask to see."""
MAX_CONTEXT = 4
"""Series of an incident that alarmed, and those of the whole service beside them."""


@dataclass(slots=True)
class _Followed:
    """An incident whose windows are published. until_s: after its end, None while it is open.
    fresh: rows of which nothing was published yet, since they alarmed later than the others."""

    incident: Incident
    keys: tuple[SeriesKey, ...]
    rows: IntArray
    written_s: float
    until_s: float | None = None
    fresh: IntArray = field(default_factory=lambda: np.empty(0, np.intp))


class SeriesReport:
    """See the module. One entry for each incident that is followed. watched: series that people ask to see, each with
    the end of that, `MAX_WATCHED` at most, those that were asked for last.
    """

    def __init__(
        self, series: SeriesTable, suite: Suite, rows: Rows, recent: RecentWindows, alarmed: AlarmedSeriesTable,
    ) -> None:
        self._series = series
        self._rows = rows
        self._recent = recent
        self._alarmed = alarmed
        self._writer = Writer(series, suite)
        self._picker = Picker(series, suite, rows, self._writer)
        self._lister = Lister(series, rows)
        self._followed: dict[str, _Followed] = {}
        self._reported_s = -inf
        self._services_reported_s = -inf
        self._listed_s = -inf
        self.watched: dict[Wanted, float] = {}

    def due(
        self, until_s: float, opened: Sequence[Incident],
    ) -> tuple[list[IncidentSeries], list[ServiceSeries]]:
        """What to publish now. until_s: event time up to which windows are closed. opened: the open incidents."""
        if until_s == -inf or until_s - self._reported_s < EVERY_S:
            return [], []
        self._reported_s = until_s
        self._follow(until_s, opened)
        incidents = [made for one in self._followed.values() if (made := self._report(one, until_s)) is not None]
        if until_s - self._services_reported_s < SERVICES_EVERY_S:
            return incidents, []
        since_s, self._services_reported_s = self._services_reported_s, until_s
        self.watched = {wanted: end_s for wanted, end_s in self.watched.items() if end_s > until_s}
        return incidents, self._listed(
            self._picker.pick(until_s, self._recent.after(since_s, limit=self._picker.LOOK_AT), self.watched), until_s,
        )

    def watch(self, asked: Watch) -> None:
        """Publish the windows of a series with those of its service, until a time."""
        wanted = asked.service, asked.model, asked.metric, asked.part
        remember(self.watched, wanted, max(asked.until_s, self.watched.get(wanted, -inf)), MAX_WATCHED)

    def _listed(self, services: list[ServiceSeries], until_s: float) -> list[ServiceSeries]:
        """With all series of each, once in `LISTED_EVERY_S`."""
        if until_s - self._listed_s < LISTED_EVERY_S:
            return services
        self._listed_s = until_s
        found = self._lister.listed(self._recent.after(until_s - LISTED_EVERY_S, limit=self._picker.LOOK_AT))
        return [replace(one, listed=found.get((one.service, one.model), ())) for one in services]

    def _follow(self, until_s: float, opened: Sequence[Incident]) -> None:
        """Begin with new incidents, note which are over, and end those that are over for long enough."""
        now = {one.id: one for one in opened}
        for name, one in list(self._followed.items()):
            if name not in now and one.until_s is None:
                one.until_s = until_s + AFTER_S
            if one.until_s is not None and until_s > one.until_s:
                del self._followed[name]
        for name, incident in now.items():
            known = self._followed.get(name)
            if known is None and len(self._followed) >= MAX_INCIDENTS:
                continue
            keys = self._alarmed.series_of(name)[:MAX_ALARMED]
            if known is None:
                self._followed[name] = _Followed(
                    incident, keys, self._rows_of(incident, keys), incident.onset_at_s - BEFORE_S,
                )
            elif known.keys != keys:
                rows = self._rows_of(incident, keys)
                known.fresh = np.concatenate([known.fresh, np.setdiff1d(rows, known.rows)])
                known.keys, known.rows = keys, rows

    def _rows_of(self, incident: Incident, keys: tuple[SeriesKey, ...]) -> IntArray:
        """The rows of the series that alarmed, in their order, then of the whole service."""
        numbers = self._rows.numbers([(incident.service, incident.model)])
        rows = np.flatnonzero(np.isin(self._rows.service_of, numbers))
        rows = rows[self._series.metric_of[rows] >= 0]
        by_key = {self._series.key(row): row for row in rows.tolist()}
        own = [by_key[key] for key in keys if key in by_key]
        context = [
            row for (metric, scope), row in by_key.items()
            if metric in {key[0] for key in keys} and not (scope.version or scope.replica or scope.tenant)
            and row not in own
        ]
        return np.array([*own, *context[:MAX_CONTEXT]], np.intp)

    def _report(self, one: _Followed, until_s: float) -> IncidentSeries | None:
        is_thin = until_s > one.incident.onset_at_s + FULL_S
        if not len(one.rows) or (is_thin and one.until_s is None and until_s - one.written_s < THIN_S):
            return None
        windows = self._recent.after(one.written_s, one.rows)
        if len(one.fresh):
            windows = self._recent.after(one.incident.onset_at_s - BEFORE_S, one.rows)
            windows = windows.select(np.isin(windows.rows, one.fresh) | (windows.end_s > one.written_s))
            one.fresh = one.fresh[:0]
        one.written_s = until_s
        each_s = THIN_S if is_thin else None
        series = self._writer.written(one.rows, windows, each_s)
        if not series:
            return None
        incident = one.incident
        return IncidentSeries(incident.id, incident.service, incident.model, until_s, each_s, series)
