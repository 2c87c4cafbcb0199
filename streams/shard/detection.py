"""Closed windows to transitions of incidents: score, triage, then learn. Pure.

One instant is the end of one base window. Each instant is completed before the next begins. So an incident freezes
learning from its first alarm on, and the result does not depend on how records were cut into batches.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from math import floor, inf

import numpy as np

from classifiers.evidence.evidence_table import ABSENCE, GAP
from classifiers.incidents.alarmed_series import AlarmedSeries
from classifiers.incidents.triage import IncidentChange, ServiceKey, Triage
from classifiers.model import Anomaly, Scope
from detectors.base import Block, BoolArray, FloatArray, IntArray
from detectors.suite import Suite, SuiteScores
from streams.shard.provenance import Provenance
from streams.shard.readings import absences, readings
from streams.shard.rows import Rows
from streams.windows.series import SeriesTable
from streams.windows.windower import Closed

CATCH_UP_INSTANTS = 120
"""Instants without any window that are looked at for silence, at most, when the clock leaps."""


class Detection:
    """Suite and triage over the rows of one shard.

    size_s: the base window. retire_s: a series silent for longer is gone, and its silence is no anomaly any more.
    evaluated_until_s: event time of the last instant, minus infinity before the first.

    An instant takes two arguments beside its time: isolated, the scopes that our own breakers keep traffic away from,
    whose silence is expected; and alarms, to which the windows beyond their budget are added by detector.
    """

    def __init__(
        self, series: SeriesTable, suite: Suite, rows: Rows, triage: Triage, provenance: Provenance, size_s: float,
        retire_s: float,
    ) -> None:
        self._series = series
        self._suite = suite
        self._rows = rows
        self._triage = triage
        self._size_s = size_s
        self._retire_s = retire_s
        self._provenance = provenance
        self.evaluated_until_s = -inf

    def close(self, closed: Closed, isolated: Sequence[Scope], alarms: Counter[str]) -> list[IncidentChange]:
        """Evaluate the end of one base window. Forget the evicted rows and pass the empty instants before it."""
        for service, version in self._rows.admit(closed.block.rows):
            self._triage.record_version(service, version, closed.end_s)
        self._provenance.add(closed)
        scored = self._rows.scored[closed.block.rows]
        block = closed.block if scored.all() else closed.block.select(scored)
        self.evaluated_until_s = closed.end_s
        return self._evaluate(closed.end_s, block, isolated, alarms)

    def empty_until(self, clock_s: float) -> Iterator[float]:
        """The window ends up to `clock_s` that had no windows of their own; each is for `pass_empty`."""
        if self.evaluated_until_s == -inf:
            return
        last = floor(clock_s / self._size_s + 1e-9)
        first = max(floor(self.evaluated_until_s / self._size_s + 1e-9) + 1, last - CATCH_UP_INSTANTS + 1)
        for number in range(first, last + 1):
            yield number * self._size_s

    def pass_empty(self, now_s: float, isolated: Sequence[Scope], alarms: Counter[str]) -> list[IncidentChange]:
        """Look for silence at a window end that had no windows."""
        self.evaluated_until_s = now_s
        return self._evaluate(now_s, None, isolated, alarms)

    def first_absence_s(self, until_s: float, seen_s: FloatArray, isolated: Sequence[Scope]) -> float:
        """The first time at which the silence of a series that is not silent yet would be an anomaly, if its scope
        delivers no more; infinity when that is after `until_s`. Changes nothing.

        seen_s: by scope, the event time up to which its open windows hold records.
        """
        rows = self._checked_rows()
        for scope in isolated:
            rows = np.setdiff1d(rows, self._rows_behind(rows, scope))
        absence = self._suite.score_absence(rows, until_s)
        begun = absence.level > 0.0
        silence_s, bound_s = absence.silence_s[begun], absence.silence_s[begun] / absence.level[begun]
        at_s = np.maximum(until_s - silence_s, seen_s[self._series.scopes_of(rows[begun])]) + bound_s
        return float(at_s[at_s > self.evaluated_until_s].min(initial=inf))

    def _evaluate(
        self, now_s: float, block: Block | None, isolated: Sequence[Scope], alarms: Counter[str],
    ) -> list[IncidentChange]:
        found: defaultdict[ServiceKey, list[Anomaly]] = defaultdict(list)
        scores: SuiteScores | None = None
        if block is not None and len(block):
            scores = self._suite.score(block)
            self._suite.observe(block)
        for absence in self._absences(now_s, isolated):
            found[absence.scope.service, absence.scope.model].append(absence)
            alarms[ABSENCE] += 1
        for service in self._triage.episodes:
            found.setdefault(service, [])
        if block is not None and scores is not None:
            alarms.update(_alarms_by_detector(scores))
            self._add_readings(block, scores, found)
        transitions = self._triage.process(now_s, found)
        for transition in transitions:
            if transition.accepted:
                self._relearn(transition)
        if block is not None and scores is not None:
            self._learn(block, scores.level >= 1.0)
        return transitions

    def _add_readings(self, block: Block, scores: SuiteScores, found: dict[ServiceKey, list[Anomaly]]) -> None:
        """Put the readings of the services that alarm, and of those already in `found`, before what stands there."""
        services, alarming = self._rows.service_of[block.rows], scores.level >= 1.0
        concerned = {*self._rows.numbers(found), *np.unique(services[alarming]).tolist()}
        for number in sorted(concerned):
            at = np.flatnonzero(services == number)
            keys = [self._series.key(row) for row in block.rows[at].tolist()]
            service = self._rows.services[number]
            found[service] = [*readings(block, scores, at, keys, self._provenance.of), *found[service]]

    def _absences(self, now_s: float, isolated: Sequence[Scope]) -> list[Anomaly]:
        """The series that have been silent for too long, one reading each."""
        rows = self._checked_rows()
        if not len(rows):
            return []
        for scope in isolated:
            # While a breaker of ours is open, silence behind it is expected; so it is right after.
            self._suite.suppress_absence(self._rows_behind(rows, scope), now_s)
        absence = self._suite.score_absence(rows, now_s)
        at = np.flatnonzero((absence.level >= 1.0) & (absence.silence_s <= self._retire_s))
        if not len(at):
            return []
        keys = [self._series.key(row) for row in rows[at].tolist()]
        return absences(absence, at, keys, now_s)

    def _checked_rows(self) -> IntArray:
        """The rows whose silence is an anomaly."""
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

    def _relearn(self, accepted: IncidentChange) -> None:
        """An anomaly that lasted this long is accepted as normal: the series of the incident learn from the start."""
        service = (accepted.incident.service, accepted.incident.model)
        rows = self._rows_of(service)
        if accepted.relearn:
            own = set(accepted.relearn)
            keys = map(self._series.key, rows.tolist())
            rows = rows[[not own.isdisjoint((key, (ABSENCE, key[1]), (GAP, key[1]))) for key in keys]]
        self._suite.forget(rows)

    def confirm(self, fault: AlarmedSeries) -> None:
        """People confirmed an incident: what its series showed never becomes normal for them."""
        self._suite.confirm(self._alarmed_rows(fault), fault.from_s, fault.until_s)

    def deny(self, alarm: AlarmedSeries) -> None:
        """People called an incident a false alarm: what its series showed may become normal for them."""
        self._suite.deny(self._alarmed_rows(alarm))

    def _alarmed_rows(self, alarmed: AlarmedSeries) -> IntArray:
        rows, own = self._rows_of((alarmed.service, alarmed.model)), set(alarmed.series)
        return rows[[self._series.key(row) in own for row in rows.tolist()]]

    def _rows_of(self, service: ServiceKey) -> IntArray:
        return np.flatnonzero(np.isin(self._rows.service_of, self._rows.numbers([service])))

    def _learn(self, block: Block, alarming: BoolArray) -> None:
        """Never from a window that alarms, nor from a service with a pending or open episode."""
        keep = ~alarming
        if frozen := self._rows.numbers(self._triage.episodes):
            keep &= ~np.isin(self._rows.service_of[block.rows], frozen)
        if keep.any():
            self._suite.learn(block, keep)


def _alarms_by_detector(scores: SuiteScores) -> dict[str, int]:
    detectors, counts = np.unique(scores.detector[scores.level >= 1.0], return_counts=True)
    return {Suite.names[detector]: count for detector, count in zip(detectors, counts.tolist(), strict=True)}
