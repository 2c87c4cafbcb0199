"""Causes and effects across services: an incident is explained by an open incident of a service that it depends on.

The cause must not have begun later than the effect, with both onsets taken with their errors. Which of the two was
detected first does not matter. Incidents of other shards count as they were published.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from classifiers.incidents.dependencies import DependencyMap
from classifiers.model import Incident

MAX_REMOTE = 5_000
"""Incidents of other shards that one shard keeps, about 0.3 KB each. Beyond that the first received are dropped."""
LOST_AFTER_S = 300.0
"""An open incident is published again every minute. One that was not for so long is nobody's and explains nothing."""
MAX_CAUSES = 5
"""Causes published for one incident."""
MAX_EFFECTS = 50
"""Effects published for one incident."""


class OpenIncident(Protocol):
    """An open incident of this or another shard. onset_error_s: None where the error of the onset is unknown."""

    @property
    def id(self) -> str: ...
    @property
    def service(self) -> str: ...
    @property
    def onset_at_s(self) -> float: ...
    @property
    def onset_error_s(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class RemoteIncident:
    """An open incident of another shard. causes: the incidents that it names as its causes. heard_s: event time of
    this shard when it was published last."""

    id: str
    service: str
    opened_at_s: float
    onset_at_s: float
    onset_error_s: float | None
    causes: tuple[str, ...]
    heard_s: float = field(compare=False)


def inhibited(incident: Incident) -> bool:
    """Whether an incident is open and an effect of another one: no action is decided for it."""
    return incident.state != "resolved" and any(related.relation == "caused_by" for related in incident.related)


class RemoteIncidents:
    """Open incidents of other shards that matter to this shard. Bounded; part of the snapshot."""

    def __init__(self, dependencies: DependencyMap, max_age_s: float) -> None:
        self._dependencies = dependencies
        self._max_age_s = max_age_s
        self.open: dict[str, RemoteIncident] = {}

    def observe(self, incident: Incident, ours: Collection[str], now_s: float) -> bool:
        """Apply an incident as published. Returns whether anything changed. Idempotent.

        Kept while open: incidents that may explain another service's, and effects that name one of ours as their cause.
        ours: ids of this shard's open incidents. now_s: event time of this shard.
        """
        causes = tuple(one.id for one in incident.related if one.relation == "caused_by")
        matters = self._dependencies.explains(incident.service) or any(cause in ours for cause in causes)
        if incident.state == "resolved" or not matters:
            return self.open.pop(incident.id, None) is not None
        found = RemoteIncident(
            incident.id, incident.service, incident.opened_at_s, incident.onset_at_s, incident.onset_error_s, causes,
            now_s,
        )
        is_known = self.open.get(incident.id) == found
        self.open[incident.id] = found
        if is_known:
            return False
        while len(self.open) > MAX_REMOTE:
            del self.open[next(iter(self.open))]
        return True

    def expire(self, now_s: float) -> None:
        """Drop incidents that nobody publishes any more, or that are older than any can be."""
        for remote in [
            one for one in self.open.values()
            if now_s - one.heard_s > LOST_AFTER_S or now_s - one.opened_at_s > self._max_age_s
        ]:
            del self.open[remote.id]

    def effects(self) -> dict[str, list[str]]:
        """By cause, the open incidents of other shards that name it."""
        found: dict[str, list[str]] = {}
        for remote in self.open.values():
            for cause in remote.causes:
                found.setdefault(cause, []).append(remote.id)
        return found


def upstream_causes(
    incidents: Sequence[OpenIncident], others: Sequence[OpenIncident], dependencies: DependencyMap, slack_s: float,
) -> dict[str, tuple[str, ...]]:
    """By id, the causes of these incidents among themselves and `others`: ids, earliest onset first.

    Of a chain only the far end is named: an incident without a cause of its own among them. slack_s: the error of an
    onset whose error is unknown.
    """
    by_service: dict[str, list[OpenIncident]] = {}
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


def _error_s(incident: OpenIncident, slack_s: float) -> float:
    return slack_s if incident.onset_error_s is None else incident.onset_error_s
