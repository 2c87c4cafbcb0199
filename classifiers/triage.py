"""Anomalies in, incidents out: which alarms belong together, when they are an incident, and when it is over.

One episode per service and model gathers every alarm and, from its first alarm on, the quiet readings beside them,
which tell the scope. An episode is confirmed by persistence, so that a single strange window never pages anybody.
Pure: event time is an argument, ids derive from content, the same readings give the same incidents.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from classifiers.assess import Verdict, assess
from classifiers.episode import Episode, describe, file_action, resolved
from classifiers.model import ActionRecord, Anomaly, Incident, Scope
from classifiers.severity import SeverityParams
from classifiers.stages import with_actions
from classifiers.tally import ABSENCE, loudness

Change = Literal["opened", "updated", "resolved"]
ServiceKey = tuple[str, str | None]


@dataclass(frozen=True, slots=True)
class TriageParams:
    """When alarms become an incident, and when it is over. Seconds are event time.

    confirm_instants: alarming windows of one metric needed within confirm_within_s to open. sure_level: a level that
    opens at once when two series reach it together. resolve_after_s: quiet time that ends an incident. accept_after_s:
    an incident lasting longer is taken as the new normal and relearned. deploy_within_s: how long a version counts as
    new. silent_after_s: quiet time that ends an incident whose scope sends nothing any more. concentration_min: how far
    ahead (0..1) a replica, tenant or version must be to be singled out. evidence_max: alarms told per incident.
    """

    confirm_instants: int = 2
    confirm_within_s: float = 3.0
    sure_level: float = 3.0
    resolve_after_s: float = 8.0
    accept_after_s: float = 1800.0
    deploy_within_s: float = 1800.0
    silent_after_s: float = 60.0
    concentration_min: float = 0.8
    evidence_max: int = 12
    severity: SeverityParams = field(default_factory=SeverityParams)

    def __post_init__(self) -> None:
        if self.confirm_instants < 1:
            raise ValueError(f"confirm_instants is {self.confirm_instants}, expected at least 1")
        for name in ("confirm_within_s", "sure_level", "resolve_after_s", "accept_after_s", "deploy_within_s",
                     "silent_after_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected more than 0")
        if not 0 < self.concentration_min <= 1:
            raise ValueError(f"concentration_min is {self.concentration_min}, expected a share in (0, 1]")
        if self.evidence_max < 1:
            raise ValueError(f"evidence_max is {self.evidence_max}, expected at least 1")


@dataclass(frozen=True, slots=True)
class Transition:
    """An incident that opened, changed or resolved, as to be published. accepted: it resolved as the new normal."""

    change: Change
    incident: Incident
    accepted: bool = False


class Triage:
    """The episodes of one shard: pending or open, and nothing may be learned from their services meanwhile.

    tier_of: the operator's tier (1 to 3) of a service. config_hash goes into every incident. On a crash the episodes
    come back with the shard's snapshot; replayed readings lead to the same transitions with the same ids.
    """

    def __init__(self, params: TriageParams, tier_of: Callable[[str], int], config_hash: str) -> None:
        self._params = params
        self._tier_of = tier_of
        self._config_hash = config_hash
        self.episodes: dict[ServiceKey, Episode] = {}
        self.versions: dict[ServiceKey, dict[str, float]] = {}

    def open_incidents(self) -> list[Incident]:
        """Every incident that is open now, as last published, oldest first."""
        live = [episode.published for episode in self.episodes.values() if episode.published is not None]
        return sorted(live, key=lambda incident: (incident.opened_at_s, incident.id))

    def note_version(self, service: ServiceKey, version: str, seen_s: float) -> None:
        """Remember when a version was first seen; a recent one is a suspect."""
        self.versions.setdefault(service, {}).setdefault(version, seen_s)

    def observe(self, service: ServiceKey, now_s: float, readings: Sequence[Anomaly]) -> list[Transition]:
        """All readings of one service at one instant; level 1 or more alarms. Returns what is to be published."""
        alarms = [reading for reading in readings if reading.alarming]
        episode = self.episodes.get(service)
        if episode is None:
            if not alarms:
                return []
            episode = self.episodes[service] = Episode(service[0], service[1], started_at_s=now_s)
        if alarms:
            return self._alarm(episode, now_s, readings, alarms)
        return self._calm(service, episode, now_s, readings)

    def _calm(
        self, service: ServiceKey, episode: Episode, now_s: float, readings: Sequence[Anomaly],
    ) -> list[Transition]:
        """Time passed without an alarm: fade a pending episode, or clear and resolve an open one.

        Recovery needs readings of the scope that was hit. Where none come (a breaker keeps traffic away, a tenant left)
        the incident ends after `silent_after_s`, unproven, and the undo of its actions is the test.
        """
        quiet_s = now_s - episode.last_alarm_s
        if episode.phase == "pending":
            if quiet_s > self._params.confirm_within_s:
                episode.advance("fade")
                del self.episodes[service]
            return []
        if any(_concerns(reading.scope, episode.published) for reading in readings):
            episode.last_data_s = now_s
            episode.account.calm(now_s)
        episode.advance("calm")
        proven = quiet_s >= self._params.resolve_after_s and episode.last_data_s > episode.last_alarm_s
        if proven or quiet_s >= self._params.silent_after_s:
            return [self._resolve(service, episode, now_s, accepted=False)]
        return []

    def record_action(self, incident_id: str, record: ActionRecord) -> Transition | None:
        """Note an action or its outcome on the open incident it belongs to; None when there is no such incident."""
        for episode in self.episodes.values():
            if episode.id == incident_id and episode.published is not None:
                file_action(episode.actions, record)
                episode.published = with_actions(episode.published, episode.actions)
                return Transition("updated", episode.published)
        return None

    def _alarm(
        self, episode: Episode, now_s: float, readings: Sequence[Anomaly], alarms: Sequence[Anomaly],
    ) -> list[Transition]:
        service = (episode.service, episode.model)
        episode.last_alarm_s = now_s
        episode.tally.add(readings)
        episode.account.alarm()
        episode.date(alarms)
        if episode.phase == "pending":
            episode.advance("alarm")
            if not self._confirmed(episode, now_s, alarms):
                return []
            episode.advance("confirm")
            episode.opened_at_s = now_s
            episode.id = _incident_id(service, now_s)
            return [self._publish(episode, now_s, "opened")]
        episode.advance("alarm")
        assert episode.opened_at_s is not None
        if now_s - episode.opened_at_s >= self._params.accept_after_s:
            return [self._resolve(service, episode, now_s, accepted=True)]
        before = episode.published
        transition = self._publish(episode, now_s, "updated")
        return [transition] if before is None or _differs(before, transition.incident) else []

    def _confirmed(self, episode: Episode, now_s: float, alarms: Sequence[Anomaly]) -> bool:
        """Persistence: one metric alarmed in enough instants lately; or two series at once beyond all doubt."""
        metrics = tuple(sorted({ABSENCE if a.detector == ABSENCE else f"{a.metric} {a.direction}" for a in alarms}))
        since_s = now_s - self._params.confirm_within_s
        episode.alarm_instants = [known for known in episode.alarm_instants if known[0] >= since_s]
        episode.alarm_instants.append((now_s, metrics))
        instants = [seen for _, seen in episode.alarm_instants]
        bar = self._params.confirm_instants
        persistent = any(sum(metric in seen for seen in instants) >= bar for metric in metrics)
        sure = len({(a.metric, a.scope) for a in alarms if loudness(a) >= self._params.sure_level}) >= 2
        return persistent or sure

    def _verdict(self, episode: Episode, now_s: float) -> Verdict:
        params = self._params
        age_s = now_s - (episode.opened_at_s if episode.opened_at_s is not None else now_s)
        tier = self._tier_of(episode.service)
        return assess(episode.tally, age_s, tier, params.concentration_min, params.severity)

    def _publish(self, episode: Episode, now_s: float, change: Change) -> Transition:
        verdict = self._verdict(episode, now_s)
        episode.account.judge(verdict.pattern.category, verdict.severity, now_s)
        version = self._suspect_version(episode)
        incident = describe(episode, verdict, version, self._params.evidence_max, self._config_hash)
        episode.peak_severity = incident.peak_severity
        episode.published = incident
        return Transition(change, incident)

    def _resolve(self, service: ServiceKey, episode: Episode, now_s: float, accepted: bool) -> Transition:
        episode.advance("accept" if accepted else "hold")
        assert episode.published is not None
        del self.episodes[service]
        return Transition("resolved", resolved(episode.published, episode.account, now_s), accepted)

    def _suspect_version(self, episode: Episode) -> str | None:
        """The newest version that served during the episode, if it is not the first one and appeared lately."""
        service = (episode.service, episode.model)
        serving = {scope.version for _, scope in episode.tally.lines}
        known = self.versions.get(service, {})
        suspects = {version: since_s for version, since_s in known.items() if version in serving}
        if not suspects:
            return None
        version, since_s = max(suspects.items(), key=lambda item: (item[1], item[0]))
        fresh = episode.started_at_s - since_s <= self._params.deploy_within_s
        return version if fresh and since_s > min(known.values()) else None


def _concerns(scope: Scope, incident: Incident | None) -> bool:
    """Whether a reading of this scope says how the incident's replica or tenant is doing; any does for a wider one."""
    if incident is None:
        return False
    if incident.replica is None and incident.tenant is None:
        return True
    return scope.replica == incident.replica and scope.tenant == incident.tenant


def _incident_id(service: ServiceKey, opened_at_s: float) -> str:
    text = f"{service[0]}\x1f{service[1] or ''}\x1f{opened_at_s:.3f}"
    return "inc-" + hashlib.sha256(text.encode()).hexdigest()[:16]


def _differs(before: Incident, after: Incident) -> bool:
    """True when a reader of the incident would decide differently: not for every new peak in the evidence."""
    def gist(incident: Incident) -> tuple[object, ...]:
        return (
            incident.category, incident.severity, incident.peak_severity, incident.version, incident.replica,
            incident.tenant, incident.actions,
        )

    return gist(before) != gist(after)
