"""Incidents that resolved lately: whether a new one reopens an old one, whether its kind opens too often, and which
silence a person declared over.

An incident is recognised by its fingerprint: service, model, scope and category. The fingerprint it opened with and the
one it ended with both count, since the verdict may get more precise as evidence comes in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from classifiers.causes.observed_shifts import ObservedShifts
from classifiers.evidence.evidence_table import SILENCE_DETECTORS
from classifiers.model import Anomaly, Scope

MAX_RESOLVED = 2_000
"""Resolved incidents that one shard keeps, about 0.5 KB each. Beyond that the oldest are dropped early."""


@dataclass(frozen=True, slots=True)
class ResolvedIncident:
    """An incident that resolved. Times in seconds of event time. shifts: how far its series had shifted. silent: what
    was silent when a person declared it over; empty for one that ended otherwise.
    """

    id: str
    fingerprints: tuple[str, ...]
    opened_at_s: float
    resolved_at_s: float
    shifts: ObservedShifts | None = None
    silent: tuple[Scope, ...] = ()


class History:
    """Incidents that resolved within `keep_s`, by fingerprint. Bounded; its content is part of the snapshot."""

    def __init__(self, keep_s: float) -> None:
        self._keep_s = keep_s
        self._resolved: deque[ResolvedIncident] = deque()
        self._by_fingerprint: dict[str, list[ResolvedIncident]] = {}
        self._ids: set[str] = set()
        self._silent: list[ResolvedIncident] = []

    def __contains__(self, incident_id: object) -> bool:
        return incident_id in self._ids

    @property
    def resolved(self) -> tuple[ResolvedIncident, ...]:
        """All that are kept, in the order in which they resolved."""
        return tuple(self._resolved)

    def shifts_of(self, incident_id: str) -> ObservedShifts | None:
        """How far the series of an incident had shifted; None when it is not kept."""
        return next((one.shifts for one in self._resolved if one.id == incident_id), None)

    def record(self, resolved: ResolvedIncident) -> None:
        """Add an incident, and drop those that resolved more than `keep_s` before it."""
        self._resolved.append(resolved)
        self._ids.add(resolved.id)
        if resolved.silent:
            self._silent.append(resolved)
        for fingerprint in resolved.fingerprints:
            self._by_fingerprint.setdefault(fingerprint, []).append(resolved)
        since_s = resolved.resolved_at_s - self._keep_s
        while len(self._resolved) > MAX_RESOLVED or self._resolved[0].resolved_at_s < since_s:
            self._drop(self._resolved.popleft())

    def without_declared_over(self, readings: Sequence[Anomaly]) -> Sequence[Anomaly]:
        """The readings but those of a silence that a person declared over and that has lasted since without a record.
        Of a whole service its parts are covered too. It holds for as long as the incident is kept here.
        """
        return [one for one in readings if not self._is_declared_over(one)] if self._silent else readings

    def _is_declared_over(self, reading: Anomaly) -> bool:
        if reading.detector not in SILENCE_DETECTORS:
            return False
        covered = {reading.scope, Scope(reading.scope.service, reading.scope.model)}
        return any(
            reading.start_s <= one.resolved_at_s and not covered.isdisjoint(one.silent) for one in self._silent
        )

    def last(self, fingerprints: Iterable[str], opened_at_s: float, within_s: float) -> ResolvedIncident | None:
        """The last one with any of these fingerprints that resolved before an opening, at most `within_s` before."""
        return max(
            (one for one in self._of(fingerprints) if opened_at_s - within_s <= one.resolved_at_s <= opened_at_s),
            key=lambda one: (one.resolved_at_s, one.id), default=None,
        )

    def openings(self, fingerprint: str, since_s: float) -> int:
        """The number of incidents with this fingerprint that opened since then."""
        return sum(one.opened_at_s >= since_s for one in self._of([fingerprint]))

    def _of(self, fingerprints: Iterable[str]) -> list[ResolvedIncident]:
        return [one for fingerprint in fingerprints for one in self._by_fingerprint.get(fingerprint, ())]

    def _drop(self, resolved: ResolvedIncident) -> None:
        self._ids.discard(resolved.id)
        if resolved.silent:
            self._silent.remove(resolved)
        for fingerprint in resolved.fingerprints:
            known = self._by_fingerprint[fingerprint]
            known.remove(resolved)
            if not known:
                del self._by_fingerprint[fingerprint]
