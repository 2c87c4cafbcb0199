"""Closed windows to transitions of incidents: score, triage, then learn. Pure.

One instant is the end of one base window. Each instant is completed before the next begins. So an incident freezes
learning from its first alarm on, and the result does not depend on how records were cut into batches.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import floor, inf

import numpy as np

from classifiers.evidence.evidence_table import ABSENCE, GAP
from classifiers.incidents.alarmed_series import AlarmedSeries
from classifiers.incidents.triage import IncidentChange, ServiceKey, Triage
from classifiers.model import Anomaly, Scope
from detectors.base import Block, BoolArray, FloatArray, IntArray
from detectors.ensemble.suite_scores import hold_uncounted
from detectors.suite import Suite, SuiteScores
from streams.shard.planned_changes import PlannedChanges
from streams.shard.presence import Presence
from streams.shard.readings import readings
from streams.shard.recent.recent_windows import RecentWindows
from streams.shard.rows import Rows
from streams.windows.provenance import Provenance
from streams.windows.series import SeriesTable
from streams.windows.windower import Closed

CATCH_UP_INSTANTS = 120
"""Instants without any window that are looked at for silence, at most, when the clock leaps."""


class Detection:
    """Suite and triage over the rows of one shard.

    size_s: the base window. presence: who serves and who reports. planned: changes that are expected, None for none.
    recent: gets the windows as they were scored, None for nobody.
    evaluated_until_s: event time of the last instant, minus infinity before the first.

    An instant takes two arguments beside its time: isolated, the scopes that our own breakers keep traffic away from,
    whose silence is expected; and alarms, to which the windows beyond their budget are added by detector.
    """

    def __init__(
        self, series: SeriesTable, suite: Suite, rows: Rows, triage: Triage, provenance: Provenance,
        presence: Presence, size_s: float, planned: PlannedChanges | None = None,
        recent: RecentWindows | None = None,
    ) -> None:
        self._series = series
        self._suite = suite
        self._rows = rows
        self._triage = triage
        self._size_s = size_s
        self._presence = presence
        self._provenance = provenance
        self._planned = planned
        self._recent = recent
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
        """See `Absences.first_absence_s`."""
        return self._presence.absences.first_absence_s(until_s, self.evaluated_until_s, seen_s, isolated)

    def _evaluate(
        self, now_s: float, block: Block | None, isolated: Sequence[Scope], alarms: Counter[str],
    ) -> list[IncidentChange]:
        if self._planned:
            self._planned.end_due(now_s)
        found: defaultdict[ServiceKey, list[Anomaly]] = defaultdict(list)
        scores: SuiteScores | None = None
        unusual = np.zeros(0, np.bool_)
        if block is not None and len(block):
            block = self._presence.traffic.with_totals(block)
            scores = self._suite.score(block)
            if self._planned:
                scores = self._planned.judge(block, scores, now_s)
            self._suite.observe(block)
            self._presence.traffic.observe(block, self._series.last_seen_s[block.rows])
            scores = self._presence.part_rates.weigh(block, scores, now_s)
            unusual = scores.level >= 1.0
            explained = self._presence.draining.explains(block, scores, now_s)
            if explained.any():
                scores = replace(scores, level=hold_uncounted(scores.level, ~explained))
            if self._recent is not None:
                self._recent.add(now_s, block, scores, self._suite.frame(block))
        watched = [name for name, model in self._triage.episodes if model is None and name in self._series.sources]
        for absence in self._presence.absences.find(now_s, isolated, watched):
            found[absence.scope.service, absence.scope.model].append(absence)
            if absence.alarming:
                alarms[absence.detector] += 1
        for service in self._triage.episodes:
            found.setdefault(service, [])
        if block is not None and scores is not None:
            alarms.update(_alarms_by_detector(scores))
            self._add_readings(block, scores, found)
        transitions = self._triage.process(now_s, found)
        for transition in transitions:
            if transition.accepted:
                self.relearn(transition)
        if block is not None and scores is not None:
            self._learn(block, unusual)
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

    def relearn(self, accepted: IncidentChange) -> None:
        """What an incident showed is accepted as normal, since it lasted long or a human said so: its series learn from
        the start. A planned change keeps what was learned before of those that it covers."""
        service = (accepted.incident.service, accepted.incident.model)
        rows = self._rows_of(service)
        if accepted.relearn:
            own = set(accepted.relearn)
            keys = map(self._series.key, rows.tolist())
            rows = rows[[not own.isdisjoint((key, (ABSENCE, key[1]), (GAP, key[1]))) for key in keys]]
        if self._planned and accepted.incident.resolution == "expected":
            rows = rows[~self._planned.relearn(rows)]
        self._suite.forget(rows)
        if self._planned:
            self._planned.forget(rows)

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

    def _learn(self, block: Block, unusual: BoolArray) -> None:
        """Never from a window that alarms, explained or not, nor from a service with a pending or open episode."""
        keep = ~unusual
        if frozen := self._rows.numbers(self._triage.episodes):
            keep &= ~np.isin(self._rows.service_of[block.rows], frozen)
        if keep.any():
            self._suite.learn(block, keep)


def _alarms_by_detector(scores: SuiteScores) -> dict[str, int]:
    detectors, counts = np.unique(scores.detector[scores.level >= 1.0], return_counts=True)
    return {Suite.names[detector]: count for detector, count in zip(detectors, counts.tolist(), strict=True)}
