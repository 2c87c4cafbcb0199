"""What a shard knows of one incident beside the incident: replicas, versions, actions in force, the record of steps.

Looked up only when a step asks for it, and once an instant: a look at the replicas goes over every row. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from actions.model import Fleet
from actions.playbooks.record import StepRecord
from classifiers.incidents.episode import Episode
from classifiers.incidents.triage import ServiceKey, Triage
from classifiers.model import Incident

HEARD_WITHIN_S = 60.0
"""A replica without records for longer is not healthy."""
ALARMING_SHARE = 0.3
"""Least exponentially weighted share of alarming windows at which a series counts as alarming now."""
IN_FORCE = frozenset({"executed", "interrupted"})


class Replicas(Protocol):
    """What knows the replicas of a service."""

    def replicas(self, service: ServiceKey, since_s: float) -> int | None:
        """How many were seen since then (event time), None when no record named one."""


class ShardFacts:
    """The facts about one incident at one instant. live: the incidents whose actions may be in force. size_window_s: a
    replica counts as part of the fleet when it was seen within it."""

    def __init__(
        self, incident: Incident, triage: Triage, replicas: Replicas, live: Callable[[], Iterable[Incident]],
        steps: StepRecord, now_s: float, size_window_s: float,
    ) -> None:
        self._incident = incident
        self._service: ServiceKey = (incident.service, incident.model)
        self._triage = triage
        self._replicas = replicas
        self._live = live
        self._steps = steps
        self._now_s = now_s
        self._size_window_s = size_window_s
        self._fleet: Fleet | None = None

    def fleet(self) -> Fleet:
        """The replicas of the service. Costs a pass over all rows, once."""
        if self._fleet is None:
            episodes = list(self._triage.episodes.get(self._service, {}).values())
            alarming = len({replica for episode in episodes for replica in _alarming_replicas(episode)})
            heard = self._replicas.replicas(self._service, self._now_s - HEARD_WITHIN_S)
            size = self._replicas.replicas(self._service, self._now_s - self._size_window_s)
            since_s = min((one.started_at_s for one in episodes if _whole_alarms(one)), default=None)
            self._fleet = Fleet(
                size, None if heard is None else max(0, heard - alarming), None if size is None else alarming,
                None if since_s is None else self._now_s - since_s,
            )
        return self._fleet

    def concentration(self) -> float | None:
        """How far the part that is hit is ahead of its siblings."""
        episode = self._triage.episode_of(self._incident.id)
        return None if episode is None else self._triage.builder.part_of(episode).concentration

    def version_age_s(self) -> float | None:
        """Since when the version that the incident names has been seen."""
        version = self._incident.version
        seen_s = None if version is None else self._triage.builder.versions.get(self._service, {}).get(version)
        return None if seen_s is None else self._now_s - seen_s

    def in_force(self) -> frozenset[str]:
        """Kinds of action that ran for an incident of the service and were not undone, as far as this shard knows."""
        return frozenset(
            kind for incident in self._live() if incident.service == self._incident.service
            for kind in kinds_in_force(incident)
        )

    def record(self, playbook: str, step_id: str) -> tuple[int, int]:
        """How often the step led to a recovery, of how many judged runs."""
        return self._steps.of(playbook, step_id)

    def ineffective(self, playbook: str, step_id: str, since_s: float) -> int:
        """How often the step did not help this service since then."""
        return self._steps.ineffective(self._incident.service, playbook, step_id, since_s)


def kinds_in_force(incident: Incident) -> set[str]:
    """Kinds of action of an incident that may be in force: they ran, and no undo of them ran."""
    def place(undo: bool) -> set[tuple[str, str]]:
        return {
            (one.kind, one.target) for one in incident.actions if one.undo is undo and one.status in IN_FORCE
        }

    return {kind for kind, _ in place(False) - place(True)}


def _alarming_replicas(episode: Episode) -> Iterable[str]:
    for (_, scope), series in episode.evidence.series.items():
        if scope.replica is not None and series.alarm_ewma >= ALARMING_SHARE:
            yield scope.replica


def _whole_alarms(episode: Episode) -> bool:
    return any(
        scope.version is None and scope.replica is None and scope.tenant is None and series.alarm_ewma >= ALARMING_SHARE
        for (_, scope), series in episode.evidence.series.items()
    )
