"""Effects under causes: an incident of a service that needs another with an open incident is explained by that one.

The cause must not have begun later than the effect, both onsets taken with their uncertainty; which of the two was
noticed first does not matter. Incidents of other shards count as they were published.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from classifiers.incidents.dependencies import DependencyMap
from classifiers.model import Incident

MAX_FOREIGN = 5_000
"""Incidents of other shards that one shard keeps, about 0.3 KB each; beyond that those heard of first are let go."""
MAX_CAUSES = 5
"""Causes told of one incident."""
MAX_EFFECTS = 50
"""Effects told of one incident."""


class Dated(Protocol):
    """An open incident, ours or another shard's. onset_error_s: None where nothing says how sure the onset is."""

    @property
    def id(self) -> str: ...
    @property
    def service(self) -> str: ...
    @property
    def onset_at_s(self) -> float: ...
    @property
    def onset_error_s(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Foreign:
    """An open incident of another shard. causes: the incidents that it says it is an effect of."""

    id: str
    service: str
    opened_at_s: float
    onset_at_s: float
    onset_error_s: float | None
    causes: tuple[str, ...]


def inhibited(incident: Incident) -> bool:
    """Whether an open incident is an effect of one that is open or ended just now: nothing is decided for it."""
    return incident.state != "resolved" and any(related.relation == "caused_by" for related in incident.related)


class RemoteIncidents:
    """Open incidents of other shards, as far as they matter to this one. Bounded; part of the snapshot."""

    def __init__(self, dependencies: DependencyMap, max_age_s: float) -> None:
        self._dependencies = dependencies
        self._max_age_s = max_age_s
        self.open: dict[str, Foreign] = {}

    def take(self, incident: Incident, ours: Collection[str]) -> bool:
        """An incident as published; whether anything changed. Idempotent. ours: ids of this shard's open incidents.

        Kept while open: those that may explain another service's, and effects that name one of ours.
        """
        causes = tuple(one.id for one in incident.related if one.relation == "caused_by")
        matters = self._dependencies.explains(incident.service) or any(cause in ours for cause in causes)
        if incident.state == "resolved" or not matters:
            return self.open.pop(incident.id, None) is not None
        found = Foreign(
            incident.id, incident.service, incident.opened_at_s, incident.onset_at_s, incident.onset_error_s, causes,
        )
        if self.open.get(incident.id) == found:
            return False
        self.open[incident.id] = found
        while len(self.open) > MAX_FOREIGN:
            del self.open[next(iter(self.open))]
        return True

    def expire(self, now_s: float) -> None:
        """Let go of what must have ended by now, though nobody told: its shard may be gone."""
        for foreign in [one for one in self.open.values() if now_s - one.opened_at_s > self._max_age_s]:
            del self.open[foreign.id]

    def effects(self) -> dict[str, list[str]]:
        """By cause, the open incidents of other shards that name it."""
        found: dict[str, list[str]] = {}
        for foreign in self.open.values():
            for cause in foreign.causes:
                found.setdefault(cause, []).append(foreign.id)
        return found


def causes_of(
    incidents: Sequence[Dated], others: Sequence[Dated], dependencies: DependencyMap, slack_s: float,
) -> dict[str, tuple[str, ...]]:
    """By id, the causes of these incidents among themselves and `others`: ids, earliest onset first.

    Of a chain only the far end is named: the incident whose own cause is not among them. slack_s: the error of an onset
    that tells none.
    """
    by_service: dict[str, list[Dated]] = {}
    for one in (*incidents, *others):
        by_service.setdefault(one.service, []).append(one)
    needs = dependencies.candidates(by_service, by_service)
    found: dict[str, tuple[str, ...]] = {}
    for effect in incidents:
        if effect.service not in needs:
            continue
        until_s = effect.onset_at_s + _error_s(effect, slack_s)
        early = {
            service: known for service in needs[effect.service]
            if (known := [one for one in by_service[service] if one.onset_at_s - _error_s(one, slack_s) <= until_s])
        }
        causes = [
            one for service, known in early.items() if early.keys().isdisjoint(needs.get(service, ())) for one in known
        ]
        if causes:
            causes.sort(key=lambda one: (one.onset_at_s, one.id))
            found[effect.id] = tuple(one.id for one in causes[:MAX_CAUSES])
    return found


def _error_s(incident: Dated, slack_s: float) -> float:
    return slack_s if incident.onset_error_s is None else incident.onset_error_s
