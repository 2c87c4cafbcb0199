"""Closed windows to transitions of incidents: score, tell triage, then learn what may be learned. Pure.

One instant is the end of one base window. Each is worked through completely before the next, so that what an incident
freezes is frozen from its first alarm on, and the result does not depend on how records were cut into batches.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from math import floor, inf

import numpy as np

from classifiers.evidence.evidence_table import ABSENCE, GAP
from classifiers.incidents.triage import ServiceKey, Transition, Triage
from classifiers.model import Anomaly, Scope
from detectors.base import Block, BoolArray, IntArray
from detectors.suite import Suite, Verdict
from streams.shard.provenance import Provenance
from streams.shard.readings import absences, readings
from streams.shard.rows import Rows
from streams.windows.series import SeriesTable
from streams.windows.windower import Closed

CATCH_UP_INSTANTS = 120
"""Instants without any window that are looked at for silence, at most, when the clock leaps."""


class Detection:
    """Suite and triage over the rows of one shard.

    size_s: the base window. retire_s: a series silent for longer is gone, and its silence no anomaly any more.
    cut_off: the scopes that our own breakers keep traffic away from; their silence is no news. alarms: counted by
    detector since the owner last cleared it.
    """

    def __init__(
        self, series: SeriesTable, suite: Suite, rows: Rows, triage: Triage, size_s: float, retire_s: float,
        cut_off: Callable[[], list[Scope]], provenance: Provenance,
    ) -> None:
        self._series = series
        self._suite = suite
        self._rows = rows
        self._triage = triage
        self._size_s = size_s
        self._retire_s = retire_s
        self._cut_off = cut_off
        self._provenance = provenance
        self.judged_until_s = -inf
        self.alarms: Counter[str] = Counter()

    def close(self, closed: Closed) -> list[Transition]:
        """Work through one base window's end; the evicted rows are forgotten, the empty instants before it passed."""
        for service, version in self._rows.admit(closed.block.rows):
            self._triage.note_version(service, version, closed.end_s)
        self._provenance.note(closed)
        judged = self._rows.judged[closed.block.rows]
        block = closed.block if judged.all() else closed.block.take(judged)
        self.judged_until_s = closed.end_s
        return self._instant(closed.end_s, block)

    def empty_until(self, clock_s: float) -> Iterator[float]:
        """The window ends up to `clock_s` that had no windows of their own; each is for `pass_empty`."""
        if self.judged_until_s == -inf:
            return
        last = floor(clock_s / self._size_s + 1e-9)
        first = max(floor(self.judged_until_s / self._size_s + 1e-9) + 1, last - CATCH_UP_INSTANTS + 1)
        for number in range(first, last + 1):
            yield number * self._size_s

    def pass_empty(self, now_s: float) -> list[Transition]:
        """Look for silence at a window end that had no windows."""
        self.judged_until_s = now_s
        return self._instant(now_s, None)

    def _instant(self, now_s: float, block: Block | None) -> list[Transition]:
        found: defaultdict[ServiceKey, list[Anomaly]] = defaultdict(list)
        verdict: Verdict | None = None
        if block is not None and len(block):
            verdict = self._suite.score(block)
            self._suite.arrived(block)
        for silence in self._silences(now_s):
            found[silence.scope.service, silence.scope.model].append(silence)
        for service in self._triage.episodes:
            found.setdefault(service, [])
        if block is not None and verdict is not None:
            self._present(block, verdict, found)
        transitions = self._triage.instant(now_s, found)
        for transition in transitions:
            if transition.accepted:
                self._start_afresh(transition)
        if block is not None and verdict is not None:
            self._learn(block, verdict.level >= 1.0)
        return transitions

    def _present(self, block: Block, verdict: Verdict, found: dict[ServiceKey, list[Anomaly]]) -> None:
        """Readings of the services that alarm, and of those already in `found`, before what stands there."""
        services, alarming = self._rows.service_of[block.rows], verdict.level >= 1.0
        hot = set(self._rows.numbers(found))
        if alarming.any():
            hot.update(np.unique(services[alarming]).tolist())
            for detector, count in zip(*np.unique(verdict.detector[alarming], return_counts=True), strict=True):
                self.alarms[Suite.names[detector]] += int(count)
        for number in sorted(hot):
            at = np.flatnonzero(services == number)
            keys = [self._series.key(row) for row in block.rows[at].tolist()]
            service = self._rows.services[number]
            found[service] = [*readings(block, verdict, at, keys, self._provenance.of), *found[service]]

    def _silences(self, now_s: float) -> list[Anomaly]:
        """What has been silent for too long, one reading a series."""
        # A row swept since the last window is no series any more, though its detectors have not been told yet.
        rows: IntArray = np.flatnonzero(self._rows.missed)
        rows = rows[self._series.metric_of[rows] >= 0]
        if not len(rows):
            return []
        for scope in self._cut_off():
            self._suppress_absence(rows, scope, now_s)
        silence = self._suite.silence(rows, now_s)
        at = np.flatnonzero((silence.level >= 1.0) & (silence.silence_s <= self._retire_s))
        if not len(at):
            return []
        keys = [self._series.key(row) for row in rows[at].tolist()]
        silences = absences(silence, at, keys, now_s)
        self.alarms[ABSENCE] += len(silences)
        return silences

    def _suppress_absence(self, rows: IntArray, cut: Scope, now_s: float) -> None:
        """While a breaker of ours is in force the silence behind it does not count, nor does it right after."""
        mine = rows[np.isin(self._rows.service_of[rows], self._rows.numbers([(cut.service, cut.model)]))]
        behind = [
            row for row in mine.tolist()
            if (scope := self._series.key(row)[1]) and cut.replica in (None, scope.replica)
            and cut.tenant in (None, scope.tenant)
        ]
        self._suite.suppress_absence(np.array(behind, np.intp), now_s)

    def _start_afresh(self, accepted: Transition) -> None:
        """What was strange for so long is the new normal: nothing learned before it says what to expect."""
        service = (accepted.incident.service, accepted.incident.model)
        rows = np.flatnonzero(np.isin(self._rows.service_of, self._rows.numbers([service])))
        if accepted.relearn:
            own = set(accepted.relearn)
            keys = map(self._series.key, rows.tolist())
            rows = rows[[not own.isdisjoint((key, (ABSENCE, key[1]), (GAP, key[1]))) for key in keys]]
        self._suite.forget(rows)

    def _learn(self, block: Block, alarming: BoolArray) -> None:
        """Never from a window that alarms, nor from a service with a pending or open episode."""
        keep = ~alarming
        if frozen := self._rows.numbers(self._triage.episodes):
            keep &= ~np.isin(self._rows.service_of[block.rows], frozen)
        if keep.any():
            self._suite.learn(block, keep)
