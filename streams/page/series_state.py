"""The windows that the page can draw: of incidents, and the last minutes of services. Pure.

Memory is bounded: `MAX_INCIDENTS` incidents and `MAX_SERVICES` services, those that were told last; of each
`MAX_SERIES` series with `MAX_POINTS` windows, 28 bytes each. Duplicate: a window that is not newer than the last one of
its series changes nothing.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import nan

from actions.bounded import remember
from classifiers.model import Scope
from classifiers.series_windows import IncidentSeries, ListedSeries, SeriesWindows, ServiceSeries, ShardReport

MAX_INCIDENTS = 200
MAX_SERVICES = 200
MAX_SERIES = 40
MAX_POINTS = 1_500
SERVICE_S = 600.0
"""Windows of a service are kept for so long."""
COLUMNS = ("value", "expected", "low", "high", "level")
Name = tuple[str, str | None]
"""Service and model."""


class Track:
    """The windows of one series. newest: as it was told last. end_s, columns: oldest first, NaN for unknown."""

    def __init__(self, newest: SeriesWindows) -> None:
        self.newest = newest
        self.end_s = array("d")
        self.columns = {name: array("f") for name in COLUMNS}

    def add(self, told: SeriesWindows) -> None:
        """Newer windows."""
        self.newest = told
        last_s = self.end_s[-1] if self.end_s else -1.0
        for at, end_s in enumerate(told.end_s):
            if end_s <= last_s:
                continue
            self.end_s.append(end_s)
            for name, column in self.columns.items():
                number = getattr(told, name)[at]
                column.append(nan if number is None else number)
        self._drop(len(self.end_s) - MAX_POINTS)

    def forget_before(self, at_s: float) -> None:
        """Drop windows that ended before."""
        self._drop(bisect_left(self.end_s, at_s))

    def _drop(self, number: int) -> None:
        if number > 0:
            for column in (self.end_s, *self.columns.values()):
                del column[:number]


Tracks = dict[tuple[str, Scope], Track]


@dataclass(slots=True)
class ServiceTracks:
    """A service. newest: what was told last. levels: when, and the level of each version and replica then. listed: all
    of its series by their newest window, as told at `listed_s`, None before the first time.
    """

    newest: ServiceSeries
    tracks: Tracks = field(default_factory=dict)
    levels: deque[tuple[float, dict[tuple[str, str], float | None]]] = field(default_factory=deque)
    listed: tuple[ListedSeries, ...] = ()
    listed_s: float | None = None


class SeriesState:
    """See the module."""

    def __init__(self) -> None:
        self._incidents: dict[str, Tracks] = {}
        self._services: dict[Name, ServiceTracks] = {}
        self._shards: dict[int, ShardReport] = {}

    def add_incident_series(self, told: IncidentSeries) -> None:
        """Windows of an incident."""
        tracks = self._incidents.pop(told.incident_id, {})
        remember(self._incidents, told.incident_id, tracks, MAX_INCIDENTS)
        for one in told.series:
            _add(tracks, one)

    def add_service_series(self, told: ServiceSeries) -> None:
        """The newest windows of a service."""
        name = told.service, told.model
        known = self._services.pop(name, None) or ServiceTracks(told)
        remember(self._services, name, known, MAX_SERVICES)
        if told.at_s < known.newest.at_s:
            return
        known.newest = told
        if told.listed:
            known.listed, known.listed_s = told.listed, told.at_s
        for one in told.top:
            _add(known.tracks, one)
        for key, track in list(known.tracks.items()):
            track.forget_before(told.at_s - SERVICE_S)
            if not track.end_s:
                del known.tracks[key]
        known.levels.append((told.at_s, {(one.part, one.name): one.level for one in told.parts}))
        while known.levels[0][0] < told.at_s - SERVICE_S:
            known.levels.popleft()

    def add_shard_report(self, told: ShardReport) -> None:
        """How a shard is."""
        self._shards[told.shard] = told

    def shards(self) -> list[ShardReport]:
        """How each shard is, as its owner said last, by number."""
        return [self._shards[number] for number in sorted(self._shards)]

    def forget_incident(self, incident_id: str) -> None:
        """An incident that is not shown any more."""
        self._incidents.pop(incident_id, None)

    def of_incident(self, incident_id: str) -> Mapping[tuple[str, Scope], Track]:
        """The series of an incident, those that alarmed first; empty where none was told."""
        return self._incidents.get(incident_id, {})

    def services(self) -> list[ServiceTracks]:
        """All services."""
        return list(self._services.values())

    def service(self, service: str, model: str | None) -> ServiceTracks | None:
        """A service, None where nothing was told of it."""
        return self._services.get((service, model))


def _add(tracks: Tracks, told: SeriesWindows) -> None:
    key = told.metric, told.scope
    if key not in tracks:
        if len(tracks) >= MAX_SERIES:
            oldest = min(tracks, key=lambda one: tracks[one].end_s[-1] if tracks[one].end_s else 0.0)
            del tracks[oldest]
        tracks[key] = Track(told)
    tracks[key].add(told)
