"""Silent series to readings: which silence is an anomaly, and of what.

A replica that is silent may have left (`streams/presence/departures.py`). A service that is silent may be down, or
nobody reports of it (`streams/presence/sources.py`). Only what is left of the silence after that is an anomaly. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np

from classifiers.evidence.evidence_table import DEPARTURE, MONITORING, SOURCE
from classifiers.model import Anomaly, Scope
from detectors.base import BoolArray, FloatArray, IntArray
from detectors.suite import Suite
from streams.presence.departures import Departures
from streams.presence.sources import Cause, ServiceReports, cause_of_silence
from streams.shard.readings import absences, unreported
from streams.shard.rows import Rows
from streams.windows.series import SeriesTable

REPORT_AFTER_S = 30.0
"""The loss of monitoring is reported when it has lasted for so long."""
_Fed = tuple[int, int]
"""Numbers of a service and of a source that brings its metrics."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows that are checked for silence, (n,) each. level: of the absence. silence_s: how long. gap_s: the usual time
    between windows, NaN while unknown. scope_s: for how long the whole scope has been silent. scope, service, source:
    numbers. whole: whether the scope is a whole service."""

    rows: IntArray
    level: FloatArray
    silence_s: FloatArray
    gap_s: FloatArray
    scope_s: FloatArray
    scope: IntArray
    service: IntArray
    source: IntArray
    whole: BoolArray

    def select(self, keep: BoolArray | IntArray) -> _Rows:
        """Those that a mask or an index array selects."""
        return _Rows(*(getattr(self, name)[keep] for name in _Rows.__slots__))

    def fed(self) -> list[_Fed]:
        """By row, its service and source."""
        return list(zip(self.service.tolist(), self.source.tolist(), strict=True))


class Absences:
    """retire_s: a series silent for longer is gone, and its silence is no anomaly any more."""

    def __init__(
        self, series: SeriesTable, suite: Suite, rows: Rows, departures: Departures, retire_s: float,
    ) -> None:
        self._series = series
        self._suite = suite
        self._rows = rows
        self._departures = departures
        self._retire_s = retire_s
        self._silent_until_s: dict[tuple[str, ...], float] = {}
        """When a source, or a service of a source, was last silent as a whole. What is still silent then has its usual
        time to come back."""

    def find(self, now_s: float, isolated: Sequence[Scope], watched: Sequence[str]) -> list[Anomaly]:
        """The silences that are anomalies at an instant, one reading for each series; the loss of monitoring is one
        reading for its scope or source.

        isolated: scopes that our own breakers keep traffic away from, whose silence is expected. watched: sources with
        an episode; of one that reports again there is a quiet reading.
        """
        rows = self._checked_rows()
        for scope in isolated:
            # While a breaker of ours is open, silence behind it is expected; so it is right after.
            self._suite.suppress_absence(self._rows_behind(rows, scope), now_s)
        checked = self._scored(rows, now_s)
        silent = checked.select(checked.level >= 1.0)
        if not len(silent.rows):
            return [unreported(SOURCE, Scope(name), now_s, now_s, REPORT_AFTER_S) for name in watched]
        self._departures.drop_before(now_s - self._retire_s)
        causes = self._causes(checked, silent, now_s)
        found = list(self._silent_sources(checked, causes, watched, now_s))
        kept = silent.select(np.array([causes.get(fed, "down") == "down" for fed in silent.fed()], np.bool_))
        found += self._unmonitored_services(silent, causes, now_s)
        places, parts = self._parts(kept, now_s)
        found += parts
        keep = np.sort(np.concatenate([np.flatnonzero(kept.whole), places]))
        kept = kept.select(keep.astype(np.intp))
        keys = [self._series.key(row) for row in kept.rows.tolist()]
        return [*absences(kept.level, kept.silence_s, kept.gap_s, keys, now_s), *found]

    def _scored(self, rows: IntArray, now_s: float) -> _Rows:
        absence = self._suite.score_absence(rows, now_s)
        scope = self._series.scopes_of(rows)
        _, place = np.unique(scope, return_inverse=True)
        shortest_s = np.full(len(rows), inf)
        np.fmin.at(shortest_s, place, absence.silence_s)  # NaN for a series that relearns
        scored = _Rows(
            rows, absence.level, absence.silence_s, absence.expected_gap_s, shortest_s[place], scope,
            self._rows.service_of[rows], self._series.source_of[rows].astype(np.intp), ~self._rows.of_part[rows],
        )
        return scored.select(absence.silence_s <= self._retire_s)

    def _causes(self, checked: _Rows, silent: _Rows, now_s: float) -> dict[_Fed, Cause]:
        """By service and source of the whole services that are silent, why."""
        reports: dict[int, dict[int, ServiceReports]] = {}
        whole = checked.select(checked.whole)
        last_s = now_s - whole.silence_s
        for (service, source), at_s, gap_s in zip(whole.fed(), last_s.tolist(), whole.gap_s.tolist(), strict=True):
            known = reports.setdefault(source, {}).get(service)
            if known is not None:
                at_s, gap_s = max(at_s, known.last_s), min(gap_s, known.gap_s)
            reports[source][service] = ServiceReports(service, at_s, gap_s if gap_s > 0.0 else inf)
        found: dict[_Fed, Cause] = {}
        whole = silent.select(silent.whole)
        for fed, row, level, silence_s in zip(
            whole.fed(), whole.rows.tolist(), whole.level.tolist(), whole.silence_s.tolist(), strict=True,
        ):
            service, source = fed
            own = reports[source][service]
            others = [one for one in reports[source].values() if one.service != service]
            cause = cause_of_silence(others, own.last_s, now_s, bool(self._series.aggregated[row]))
            back_s = self._silent_until_s.get(self._key(source), -inf)
            if cause == "down" and now_s - back_s < silence_s / level:
                cause = "undecided"
            elif cause in ("source", "undecided"):
                self._silent_until_s[self._key(source)] = now_s
            self._silent_until_s[self._key(source, service)] = now_s
            found[fed] = cause
        return found

    def _silent_sources(
        self, checked: _Rows, causes: Mapping[_Fed, Cause], watched: Sequence[str], now_s: float,
    ) -> Iterator[Anomaly]:
        """A reading for each source that is silent as a whole, and for each that was and reports again."""
        lost = {source for (_, source), cause in causes.items() if cause == "source"}
        for source in sorted(lost):
            since_s = now_s - float(checked.silence_s[checked.source == source].min())
            name = self._series.sources[source]
            if now_s - since_s >= REPORT_AFTER_S or name in watched:
                yield unreported(SOURCE, Scope(name), since_s, now_s, REPORT_AFTER_S)
        names = {self._series.sources[source] for source in lost}
        for name in watched:
            if name not in names:
                yield unreported(SOURCE, Scope(name), now_s, now_s, REPORT_AFTER_S)

    def _unmonitored_services(
        self, silent: _Rows, causes: Mapping[_Fed, Cause], now_s: float,
    ) -> list[Anomaly]:
        found: dict[Scope, float] = {}
        whole = silent.select(silent.whole)
        for fed, row, silent_s in zip(whole.fed(), whole.rows.tolist(), whole.scope_s.tolist(), strict=True):
            if causes.get(fed) == "unmonitored":
                found[self._series.key(row)[1]] = now_s - silent_s
        return self._unmonitored(found, now_s)

    def _unmonitored(self, since_s: Mapping[Scope, float], now_s: float) -> list[Anomaly]:
        return [
            unreported(MONITORING, scope, at_s, now_s, REPORT_AFTER_S)
            for scope, at_s in since_s.items() if now_s - at_s >= REPORT_AFTER_S
        ]

    def _parts(self, silent: _Rows, now_s: float) -> tuple[IntArray, list[Anomaly]]:
        """The places of rows of replicas whose silence is an anomaly, and readings of those that nobody reports of."""
        kept: list[int] = []
        status: dict[int, str] = {}
        since_s: dict[str, dict[Scope, float]] = {"unmonitored": {}, "suspected": {}}
        places = np.flatnonzero(~silent.whole)
        for place in places.tolist():
            at_s = now_s - float(silent.scope_s[place])
            if 2.0 * silent.scope_s[place] < silent.silence_s[place]:
                # The replica reports, and one of its metrics is missing: as the rates of a new exporter are.
                if not self._series.aggregated[silent.rows[place]]:
                    kept.append(place)
                continue
            scope_number = int(silent.scope[place])
            if scope_number not in status:
                status[scope_number] = self._status_of(silent, place, at_s, now_s)
            found = status[scope_number]
            if found == "lost":
                kept.append(place)
            elif found in since_s:
                since_s[found][self._series.key(int(silent.rows[place]))[1]] = at_s
        notes = [
            unreported(DEPARTURE, scope, at_s, now_s, now_s - at_s) for scope, at_s in since_s["suspected"].items()
        ]
        return np.array(kept, np.intp), [*self._unmonitored(since_s["unmonitored"], now_s), *notes]

    def _status_of(self, silent: _Rows, place: int, since_s: float, now_s: float) -> str:
        """Of the replica of a row: a status, or `unmonitored` where only its exporter need be lost."""
        service, source, row = int(silent.service[place]), int(silent.source[place]), int(silent.rows[place])
        back_s = self._silent_until_s.get(self._key(source, service), -inf)
        if now_s - back_s < silent.silence_s[place] / silent.level[place] and back_s < now_s:
            return "undecided"
        status = self._departures.status(self._series.key(row)[1], service, since_s, now_s)
        is_alone = back_s < now_s and bool(self._series.aggregated[row])
        return "unmonitored" if status == "lost" and is_alone else status

    def first_absence_s(self, until_s: float, evaluated_s: float, seen_s: FloatArray, isolated: Sequence[Scope],
                        ) -> float:
        """The first time after `evaluated_s` at which the silence of a series that is not silent yet may be an anomaly,
        if its scope delivers no more; infinity when that is after `until_s`. Changes nothing.

        seen_s: by scope, the event time up to which its open windows hold records.
        """
        rows = self._checked_rows()
        for scope in isolated:
            rows = np.setdiff1d(rows, self._rows_behind(rows, scope))
        absence = self._suite.score_absence(rows, until_s)
        begun = absence.level > 0.0
        silence_s, bound_s = absence.silence_s[begun], absence.silence_s[begun] / absence.level[begun]
        at_s = np.maximum(until_s - silence_s, seen_s[self._series.scopes_of(rows[begun])]) + bound_s
        return float(at_s[at_s > evaluated_s].min(initial=inf))

    def _key(self, source: int, service: int | None = None) -> tuple[str, ...]:
        name = self._series.sources[source]
        if service is None:
            return (name,)
        key = self._rows.services[service]
        return (name, key[0], key[1] or "")

    def _checked_rows(self) -> IntArray:
        """The rows whose silence may be an anomaly."""
        # A row swept since the last window is no series any more, though its detectors do not know it yet.
        rows: IntArray = np.flatnonzero(self._rows.absence_checked)
        return rows[self._series.metric_of[rows] >= 0]

    def _rows_behind(self, rows: IntArray, isolated: Scope) -> IntArray:
        """Those of the rows that an open breaker of ours keeps traffic away from."""
        numbers = self._rows.numbers([(isolated.service, isolated.model)])
        behind = [
            row for row in rows[np.isin(self._rows.service_of[rows], numbers)].tolist()
            if (scope := self._series.key(row)[1]) and isolated.replica in (None, scope.replica)
            and isolated.tenant in (None, scope.tenant)
        ]
        return np.array(behind, np.intp)

    def dump(self) -> list[Any]:
        """When sources and services were last silent as a whole, as JSON values."""
        return [[list(key), at_s] for key, at_s in self._silent_until_s.items()]

    def load(self, data: list[Any]) -> None:
        """Go on from a dump; raises `ValueError` or `TypeError` when it is not one."""
        self._silent_until_s = {tuple(map(str, key)): float(at_s) for key, at_s in data}
