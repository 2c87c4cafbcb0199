"""Triage: anomalies in, incidents out. When alarms are an incident, what it relates to, and when it ends.

Each cause that alarms in a service and model has an episode (`causes/assignment.py` assigns the alarms). From its first
alarm on, an episode gathers readings, quiet ones too, from which its scope is read. It becomes an incident by
persistence, so that a single anomalous window never pages anybody. Pure: event time is an argument, ids derive from
content, and the same readings give the same incidents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from classifiers.accounting.stage_timeline import with_actions
from classifiers.causes.assignment import AssignAlarms, Assignment, EpisodeView, assign_alarms
from classifiers.causes.observed_shifts import observed_shifts
from classifiers.directive_reasons import resolved_reason
from classifiers.incidents.builder import IncidentBuilder, ServiceKey, differs, incident_id
from classifiers.incidents.confirmation import confirmation, strongest_alarm_text
from classifiers.incidents.episode import Episode, silent_scopes, upsert_action
from classifiers.incidents.history import History, ResolvedIncident
from classifiers.incidents.incident_change import Change, IncidentChange
from classifiers.incidents.inhibition import Inhibition
from classifiers.incidents.lifecycle import Event, Phase
from classifiers.incidents.params import TriageParams
from classifiers.learning.learning_state import LearningState
from classifiers.learning.prequential import LearningParams
from classifiers.model import ActionRecord, Anomaly, AuditEntry, Incident, RemedyRecord, Resolution
from classifiers.verdict.severity import severity_change_reason

__all__ = ["Change", "IncidentChange", "ServiceKey", "Triage", "TriageParams"]

ENDED_BY_ALARM: frozenset[Phase] = frozenset({"watching", "clearing"})
"""Phases that an alarm ends."""


class Triage:
    """The episodes of one shard, pending or open. Detectors must not learn from a service that has one.

    tier_of: the operator's tier (1 to 3) of a service. config_hash: goes into every incident. assign: which alarm has
    which cause. learning: from earlier incidents, empty if not given. After a crash the episodes come back with the
    shard's snapshot, and replayed readings lead to the same changes with the same ids.
    """

    def __init__(
        self, params: TriageParams, tier_of: Callable[[str], int], config_hash: str,
        assign: AssignAlarms = assign_alarms, learning: LearningState | None = None,
    ) -> None:
        self._params = params
        self._assign = assign
        self.learning = learning or LearningState(LearningParams())
        self.builder = IncidentBuilder(params, tier_of, config_hash, self.learning)
        self.episodes: dict[ServiceKey, dict[str, Episode]] = {}
        """By service and model, and there by key; a service without an episode is not in it."""
        self.history = History(max(params.reopen_within_s, params.flap_within_s))
        self.inhibition = Inhibition(params)
        self._opened: dict[str, Episode] = {}
        self._audit: list[AuditEntry] = []

    def open_incidents(self) -> list[Incident]:
        """Every incident that is open now, as last published, oldest first."""
        live = [episode.published for episode in self._opened.values() if episode.published is not None]
        return sorted(live, key=lambda incident: (incident.opened_at_s, incident.id))

    def open_incident(self, incident_id: str) -> Incident | None:
        """An incident that is open now, as last published."""
        episode = self._opened.get(incident_id)
        return None if episode is None else episode.published

    def knows(self, incident_id: str) -> bool:
        """Whether an incident is open here, or ended lately."""
        return incident_id in self._opened or incident_id in self.history

    @property
    def has_open(self) -> bool:
        """Whether any incident is open."""
        return bool(self._opened)

    def record_version(self, service: ServiceKey, version: str, seen_s: float) -> None:
        """Record when a version was first seen. A recent one is a suspect."""
        self.builder.versions.setdefault(service, {}).setdefault(version, seen_s)

    def process(self, now_s: float, readings: Mapping[ServiceKey, Sequence[Anomaly]]) -> list[IncidentChange]:
        """Process all readings of one instant, by service. Returns what is to be published.

        A reading of level 1 or more alarms. Every service with an episode must be in `readings`, without readings where
        there are none, since time passes for it too.
        """
        changes: dict[str, IncidentChange] = {}
        for service in sorted(readings, key=lambda key: (key[0], key[1] or "")):
            for change in self._process_service(service, now_s, readings[service]):
                changes[change.incident.id] = change
        self._update_relations(now_s, changes)
        return list(changes.values())

    def observe(self, service: ServiceKey, now_s: float, readings: Sequence[Anomaly]) -> list[IncidentChange]:
        """Process an instant with the readings of one service."""
        return self.process(now_s, {service: readings})

    def observe_remote(self, incident: Incident, now_s: float) -> list[IncidentChange]:
        """Apply an incident as another shard published it. Returns what is to be published. Idempotent.

        Incidents of this shard are ignored.
        """
        changes: dict[str, IncidentChange] = {}
        known = incident.id in self._opened or incident.id in self.history
        if not known and self.inhibition.remote.observe(incident, self._opened.keys(), now_s):
            self._update_relations(now_s, changes)
        return list(changes.values())

    def record_action(self, incident_id: str, record: ActionRecord) -> IncidentChange | None:
        """Record an action or its outcome on its incident. None when that incident is not open here."""
        episode = self._opened.get(incident_id)
        if episode is None or episode.published is None:
            return None
        upsert_action(episode.actions, record)
        episode.published = with_actions(episode.published, episode.actions)
        return IncidentChange("updated", episode.published)

    def record_remedies(self, incident_id: str, remedies: tuple[RemedyRecord, ...]) -> IncidentChange | None:
        """Record what became of the remedies of an open incident. None when it is not open here, or knows them."""
        episode = self.episode_of(incident_id)
        if episode is None or episode.published is None or episode.remedies == remedies:
            return None
        episode.remedies = remedies
        episode.published = replace(episode.published, remedies=remedies)
        return IncidentChange("updated", episode.published)

    def episode_of(self, incident_id: str) -> Episode | None:
        """The episode of an open incident."""
        return self._opened.get(incident_id)

    def resolve_expected(self, incident_id: str, by: str, now_s: float) -> IncidentChange | None:
        """End an open incident that a human called a planned change, with the series that alarmed to be relearned; None
        when it is not open here."""
        return self._resolve_as(incident_id, now_s, "expect", f"{by} called it a planned change", by, "expected")

    def resolve_by_hand(self, incident_id: str, by: str, now_s: float, comment: str = "") -> IncidentChange | None:
        """End an open incident that a person declared over; None when it is not open here. Alarms open it anew, but
        what is silent does so only once it was heard of again. comment: why the person did so."""
        episode = self._opened.get(incident_id)
        silent = () if episode is None else silent_scopes(episode)
        reason = resolved_reason(by, comment, is_silent=bool(silent))
        return self._resolve_as(incident_id, now_s, "close", reason, by, "manual")

    def note_people(self, incident_id: str, acted: bool) -> None:
        """People acted on an incident, or said that there was nothing to act on. Unknown ids are ignored."""
        episode, recurrence = self._opened.get(incident_id), self.builder.recurrence
        if episode is not None:
            episode.acted_on = acted
        kinds = recurrence.kinds_of(incident_id) if episode is None else episode.fingerprints
        (recurrence.act_on if acted else recurrence.dismiss)(kinds)

    def drain_audit(self) -> list[AuditEntry]:
        """The audit entries since the last call, in order. An event that leaves the phase unchanged has none."""
        audit, self._audit = self._audit, []
        return audit

    def restore(self, episode: Episode) -> None:
        """Restore an episode of a snapshot."""
        self.episodes.setdefault((episode.service, episode.model), {})[episode.key] = episode
        if episode.id:
            self._opened[episode.id] = episode

    def _process_service(
        self, service: ServiceKey, now_s: float, readings: Sequence[Anomaly],
    ) -> Iterator[IncidentChange]:
        live = self.episodes.setdefault(service, {})
        alarmed: set[str] = set()
        readings = self.history.without_declared_over(readings)
        if any(reading.alarming for reading in readings):
            views = sorted(map(_view, live.values()), key=lambda view: (view.started_at_s, view.key))
            params = self._params
            for assignment in self._assign(readings, views, now_s, params.causes, params.concentration_min):
                if any(reading.alarming for reading in assignment.readings):
                    episode = self._apply(assignment, service, live, now_s)
                    alarmed.add(assignment.key)
                    yield from self._on_alarm(episode, now_s, assignment.readings)
        for episode in [one for key, one in live.items() if key not in alarmed]:
            yield from self._on_quiet(episode, now_s, readings)
        if not live:
            del self.episodes[service]

    def _apply(
        self, assignment: Assignment, service: ServiceKey, live: dict[str, Episode], now_s: float,
    ) -> Episode:
        """The episode of an assignment, a new one if need be, with what it claims and absorbs of others."""
        episode = live.get(assignment.key)
        if episode is None:
            episode = live[assignment.key] = Episode(*service, assignment.key, now_s)
        episode.part = assignment.part or episode.part
        for other in live.values():
            if other is not episode:
                other.move_series(assignment.claims, episode)
        for key in assignment.absorbs:
            self._absorb(live, episode, key, now_s)
        return episode

    def _absorb(self, live: dict[str, Episode], episode: Episode, key: str, now_s: float) -> None:
        """Another episode turned out to be this one. One that is not open is merged; an incident becomes its effect.

        A confirmed incident is never explained by a pending episode, and two incidents never explain each other.
        """
        other = live.get(key)
        if other is None or other is episode:
            return
        if other.phase in ("pending", "withheld"):
            self._advance(other, "absorb", now_s, f"turned out to be {episode.subject}")
            episode.merge(other)
            del live[key]
        elif episode.id and episode.id not in other.same_cause_as and other.id not in episode.same_cause_as:
            other.same_cause_as = (*other.same_cause_as, episode.id)

    def _on_alarm(self, episode: Episode, now_s: float, readings: Sequence[Anomaly]) -> Iterator[IncidentChange]:
        episode.add_alarms(readings, now_s)
        alarms = [reading for reading in readings if reading.alarming]
        self._advance(episode, "alarm", now_s, strongest_alarm_text(alarms) if episode.phase in ENDED_BY_ALARM else "")
        if episode.phase == "withheld":
            if self.builder.withheld_because(episode, now_s) is None:
                yield self._open(episode, now_s, _reason_to_open(episode, now_s))
        elif episode.opened_at_s is None:
            why = confirmation(episode, now_s, alarms, self._params)
            if why is not None:
                yield from self._confirm(episode, now_s, why)
        elif now_s - episode.opened_at_s >= self._params.accept_after_s:
            reason = f"lasted longer than {self._params.accept_after_s:g} s: taken as the new normal"
            yield self._resolve(episode, now_s, "accept", reason)
        else:
            before, incident = episode.published, self.builder.build(episode, now_s)
            if before is not None and before.severity != incident.severity:
                reason = severity_change_reason(before.severity, incident.severity, incident.factors)
                self._audit.append(AuditEntry(now_s, episode.id, "severity", episode.phase, episode.phase, reason))
            is_told = self._link_reopened(episode, now_s) or before is None or differs(before, incident)
            # While traffic tries the target again, whoever holds its breaker must hear of each alarm at once.
            if is_told or episode.has_breaker("half_open"):
                yield IncidentChange("updated", _published(episode))

    def _on_quiet(self, episode: Episode, now_s: float, readings: Sequence[Anomaly]) -> Iterator[IncidentChange]:
        """Time passed without an alarm: drop a pending episode, or clear and resolve an open one.

        Recovery needs readings of what was hit. Where none come (a tenant left) the incident ends after
        `silent_after_s` without proof. While none come since a circuit breaker keeps traffic away, quiet is no proof:
        it counts from when traffic tries the target again.
        """
        params, quiet_s = self._params, now_s - episode.last_alarm_s
        if quiet_s < episode.longest_window_s:
            # Exporters report in turns. Readings of the others within a round belong to the alarm and show its extent.
            episode.evidence.add([reading for reading in readings if not reading.alarming])
        if episode.phase == "pending":
            if quiet_s > params.patience_s(params.confirm_within_s, episode.longest_window_s):
                self._advance(episode, "fade", now_s, f"no alarm for {quiet_s:.0f} s")
                del self.episodes[episode.service, episode.model][episode.key]
            return
        if episode.phase == "withheld":
            if quiet_s >= params.patience_s(params.resolve_after_s, episode.longest_window_s):
                why = f"no alarm for {quiet_s:.0f} s; was told as {episode.published_id}"
                self._advance(episode, "hold", now_s, why)
                self.builder.record_occurrence(episode, by_itself=True)
                del self.episodes[episode.service, episode.model][episode.key]
            return
        episode.record_quiet(readings, now_s)
        if episode.has_breaker("open") and now_s - episode.last_data_s > 2.0 * episode.longest_window_s:
            episode.isolated_at_s = now_s
        since_s = max(episode.last_alarm_s, episode.isolated_at_s)
        quiet_s = now_s - since_s
        self._advance(episode, "calm", now_s, "no alarm")
        flapping = episode.phase == "flapping"
        hold_s = params.patience_s(params.flap_hold_s if flapping else params.resolve_after_s, episode.longest_window_s)
        silent_s = max(params.silent_after_s, hold_s) if flapping else params.silent_after_s
        silent_s = params.patience_s(silent_s, 2.0 * episode.longest_window_s)
        if (quiet_s >= hold_s and episode.last_data_s > since_s) or quiet_s >= silent_s:
            yield self._resolve(episode, now_s, "hold", f"quiet for {now_s - episode.last_alarm_s:.0f} s")

    def _confirm(self, episode: Episode, now_s: float, why: str) -> Iterator[IncidentChange]:
        """An episode is an incident now: open it, unless it need not be told."""
        withheld = self.builder.withheld_because(episode, now_s)
        if withheld is None:
            yield self._open(episode, now_s, why)
        else:
            self._advance(episode, "withhold", now_s, f"{why}; {withheld}")

    def _open(self, episode: Episode, now_s: float, why: str) -> IncidentChange:
        """Open an incident; as flapping, when its kind opened too often lately."""
        params, subject = self._params, episode.subject
        episode.opened_at_s = now_s
        episode.published_id = episode.published_at_s = None
        episode.id = incident_id(episode, now_s)
        self._opened[episode.id] = episode
        self.inhibition.remote.open.pop(episode.id, None)
        incident = self.builder.build(episode, now_s)
        openings = 1 + self.history.openings(episode.fingerprints[0], now_s - params.flap_within_s)
        if openings < params.flap_openings:
            self._advance(episode, "confirm", now_s, f"{subject}: {why}")
        else:
            often = f"opening {openings} within {params.flap_within_s:g} s of {episode.fingerprints[0]}"
            self._advance(episode, "flap", now_s, f"{subject}: {why}; {often}")
            episode.published = replace(incident, state="flapping")
        self._link_reopened(episode, now_s)
        return IncidentChange("opened", _published(episode))

    def _link_reopened(self, episode: Episode, now_s: float) -> bool:
        """Relate an incident to the one that it reopens, once its kind is clear. Returns whether that is new."""
        assert episode.opened_at_s is not None
        if episode.reopens is not None or episode.habit is not None:
            return False
        last = self.history.last(episode.fingerprints, episode.opened_at_s, self._params.reopen_within_s)
        if last is None:
            return False
        episode.reopens = last.id
        episode.published = replace(_published(episode), related=episode.related)
        reason = f"{last.id} of its kind resolved {episode.opened_at_s - last.resolved_at_s:.0f} s before it opened"
        self._audit.append(AuditEntry(now_s, episode.id, "reopen", episode.phase, episode.phase, reason))
        return True

    def _resolve_as(
        self, incident_id: str, now_s: float, event: Event, reason: str, by: str, resolution: Resolution,
    ) -> IncidentChange | None:
        """End an open incident as a person says; None when it is not open here."""
        if (episode := self._opened.get(incident_id)) is None:
            return None
        change = self._resolve(episode, now_s, event, reason, by)
        if not self.episodes[episode.service, episode.model]:
            del self.episodes[episode.service, episode.model]
        return replace(change, incident=replace(change.incident, resolution=resolution))

    def _resolve(
        self, episode: Episode, now_s: float, event: Event, reason: str, actor: str | None = None,
    ) -> IncidentChange:
        """End an incident by an event of the life-cycle table."""
        incident = self.builder.build_resolved(episode, now_s)
        self._advance(episode, event, now_s, reason, actor)
        live = self.episodes[episode.service, episode.model]
        del live[episode.key], self._opened[episode.id]
        self.learning.resolution_times.record(incident)
        part = self.builder.part_of(episode)
        shifts = observed_shifts(episode.service, episode.model, part, episode.evidence)
        silent = silent_scopes(episode) if event == "close" else ()
        self.history.record(
            ResolvedIncident(incident.id, episode.fingerprints, incident.opened_at_s, now_s, shifts, silent),
        )
        self.builder.record_occurrence(episode, by_itself=event == "hold")
        own = tuple(key for key, series in episode.evidence.series.items() if series.alarms)
        is_own = event == "expect" or (event == "accept" and bool(live))
        return IncidentChange("resolved", incident, event in ("accept", "expect"), own if is_own else ())

    def _update_relations(self, now_s: float, changes: dict[str, IncidentChange]) -> None:
        """Update the relations of all open incidents, and add those whose relations changed to `changes`."""
        changed, audit = self.inhibition.update(self._opened, now_s)
        self._audit += audit
        for episode in changed:
            kind = changes[episode.id].change if episode.id in changes else "updated"
            changes[episode.id] = IncidentChange(kind, _published(episode))

    def _advance(
        self, episode: Episode, event: Event, now_s: float, reason: str, actor: str | None = None,
    ) -> None:
        """Move an episode along the life-cycle table, with an audit entry where the phase changes."""
        before = episode.advance(event)
        if episode.phase != before:
            known = None if before == "watching" else before
            self._audit.append(AuditEntry(now_s, episode.subject, event, known, episode.phase, reason, actor))


def _view(one: Episode) -> EpisodeView:
    return EpisodeView(
        one.key, one.started_at_s, one.last_alarm_s, one.onset_at_s, one.onset_error_s, one.evidence, one.published,
        one.part,
    )


def _reason_to_open(episode: Episode, now_s: float) -> str:
    """Why a withheld episode is an incident now."""
    assert episode.confirmed_at_s is not None
    lasts = f"more than {episode.published_id}, after {now_s - episode.confirmed_at_s:.0f} s"
    return lasts if episode.habit is None or episode.habit.broken is None else episode.habit.broken


def _published(episode: Episode) -> Incident:
    assert episode.published is not None
    return episode.published
