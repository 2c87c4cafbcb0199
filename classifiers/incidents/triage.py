"""Anomalies in, incidents out: when alarms are an incident, which it is, what it relates to, and when it is over.

Each cause that alarms in a service and model has an episode (which alarm is whose: `causes.py`). From its first alarm
on an episode gathers readings, quiet ones too, which tell the scope; it becomes an incident by persistence, so that a
single strange window never pages anybody. Pure: event time is an argument, ids derive from content, the same readings
give the same incidents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from classifiers.accounting.stage_timeline import with_actions
from classifiers.causes.causes import Live, ShareOut, share_out
from classifiers.incidents.builder import IncidentBuilder, ServiceKey, differs, incident_id
from classifiers.incidents.confirmation import confirmation, loudest_text
from classifiers.incidents.episode import Episode, file_action
from classifiers.incidents.history import Ended, History
from classifiers.incidents.inhibition import Inhibition
from classifiers.incidents.lifecycle import Event, Phase
from classifiers.incidents.params import TriageParams
from classifiers.incidents.transition import Change, Transition
from classifiers.learning.experience import Experience
from classifiers.learning.prequential import LearningParams
from classifiers.model import ActionRecord, Anomaly, AuditEntry, Incident

__all__ = ["Change", "ServiceKey", "Transition", "Triage", "TriageParams"]

QUIETER: frozenset[Phase] = frozenset({"watching", "clearing"})
"""Phases that an alarm ends."""


class Triage:
    """The episodes of one shard: pending or open, and nothing may be learned from their services meanwhile.

    tier_of: the operator's tier (1 to 3) of a service. config_hash goes into every incident. share: which alarm is of
    which cause. experience: what earlier incidents taught, nothing unless told. On a crash the episodes come back with
    the shard's snapshot; replayed readings lead to the same transitions with the same ids.
    """

    def __init__(
        self, params: TriageParams, tier_of: Callable[[str], int], config_hash: str, share: ShareOut = share_out,
        experience: Experience | None = None,
    ) -> None:
        self._params = params
        self._share_out = share
        self.experience = experience or Experience(LearningParams())
        self.teller = IncidentBuilder(params, tier_of, config_hash, self.experience)
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

    @property
    def has_open(self) -> bool:
        """Whether any incident is open."""
        return bool(self._opened)

    def note_version(self, service: ServiceKey, version: str, seen_s: float) -> None:
        """Remember when a version was first seen; a recent one is a suspect."""
        self.teller.versions.setdefault(service, {}).setdefault(version, seen_s)

    def instant(self, now_s: float, readings: Mapping[ServiceKey, Sequence[Anomaly]]) -> list[Transition]:
        """All readings of one instant, by service; level 1 or more alarms. Returns what is to be published.

        Every service with an episode must be named, without readings where there are none: time passes for it too.
        """
        told: dict[str, Transition] = {}
        for service in sorted(readings, key=lambda key: (key[0], key[1] or "")):
            for transition in self._service(service, now_s, readings[service]):
                told[transition.incident.id] = transition
        self._tie(now_s, told)
        return list(told.values())

    def observe(self, service: ServiceKey, now_s: float, readings: Sequence[Anomaly]) -> list[Transition]:
        """An instant in which one service alone is looked at."""
        return self.instant(now_s, {service: readings})

    def foreign(self, incident: Incident, now_s: float) -> list[Transition]:
        """An incident as another shard published it; what changes here. Idempotent; our own are ignored."""
        told: dict[str, Transition] = {}
        known = incident.id in self._opened or incident.id in self.history
        if not known and self.inhibition.foreigners.take(incident, self._opened.keys()):
            self._tie(now_s, told)
        return list(told.values())

    def record_action(self, incident_id: str, record: ActionRecord) -> Transition | None:
        """Note an action or its outcome on the open incident it belongs to; None when there is no such incident."""
        episode = self._opened.get(incident_id)
        if episode is None or episode.published is None:
            return None
        file_action(episode.actions, record)
        episode.published = with_actions(episode.published, episode.actions)
        return Transition("updated", episode.published)

    def take_audit(self) -> list[AuditEntry]:
        """What happened to episodes since the last call, in order. Repeats of a phase are not told."""
        audit, self._audit = self._audit, []
        return audit

    def restore(self, episode: Episode) -> None:
        """Put an episode of a snapshot back."""
        self.episodes.setdefault((episode.service, episode.model), {})[episode.key] = episode
        if episode.id:
            self._opened[episode.id] = episode

    def _service(self, service: ServiceKey, now_s: float, readings: Sequence[Anomaly]) -> Iterator[Transition]:
        live = self.episodes.setdefault(service, {})
        hit: set[str] = set()
        if any(reading.alarming for reading in readings):
            known = sorted(map(_view, live.values()), key=lambda one: (one.started_at_s, one.key))
            params = self._params
            for share in self._share_out(readings, known, now_s, params.causes, params.concentration_min):
                if not any(reading.alarming for reading in share.readings):
                    continue
                episode = live.get(share.key)
                if episode is None:
                    episode = live[share.key] = Episode(*service, share.key, now_s)
                episode.part = share.part or episode.part
                for other in live.values():
                    if other is not episode:
                        other.hand_over(share.takes, episode)
                for key in share.absorbs:
                    self._absorb(live, episode, key, now_s)
                hit.add(share.key)
                yield from self._alarm(episode, now_s, share.readings)
        for episode in [one for key, one in live.items() if key not in hit]:
            yield from self._calm(episode, now_s, readings)
        if not live:
            del self.episodes[service]

    def _absorb(self, live: dict[str, Episode], episode: Episode, key: str, now_s: float) -> None:
        """Another episode turned out to be this one: merged while it is pending, said to be its effect once it is not.

        A confirmed incident is never explained by one that is not, nor both by each other.
        """
        other = live.get(key)
        if other is None or other is episode:
            return
        if other.phase == "pending":
            self._move(other, "absorb", now_s, f"turned out to be {episode.subject}")
            episode.take_over(other)
            del live[key]
        elif episode.id and episode.id not in other.one_with and other.id not in episode.one_with:
            other.one_with = (*other.one_with, episode.id)

    def _alarm(self, episode: Episode, now_s: float, readings: Sequence[Anomaly]) -> Iterator[Transition]:
        episode.take(readings, now_s)
        alarms = [reading for reading in readings if reading.alarming]
        self._move(episode, "alarm", now_s, loudest_text(alarms) if episode.phase in QUIETER else "")
        if episode.opened_at_s is None:
            why = confirmation(episode, now_s, alarms, self._params)
            if why is not None:
                yield self._open(episode, now_s, why)
        elif now_s - episode.opened_at_s >= self._params.accept_after_s:
            yield self._resolve(episode, now_s, accepted=True)
        else:
            before, incident = episode.published, self.teller.tell(episode, now_s)
            if self._link(episode, now_s) or before is None or differs(before, incident):
                yield Transition("updated", _told(episode))

    def _calm(self, episode: Episode, now_s: float, readings: Sequence[Anomaly]) -> Iterator[Transition]:
        """Time passed without an alarm: fade a pending episode, or clear and resolve an open one.

        Recovery needs readings of what was hit. Where none come (a breaker keeps traffic away, a tenant left) the
        incident ends after `silent_after_s`, unproven, and the undo of its actions is the test.
        """
        params, quiet_s = self._params, now_s - episode.last_alarm_s
        if quiet_s < episode.cadence_s:
            # Exporters take turns: what the others tell within a round is beside the alarm, and shows how far it goes.
            episode.tally.add([reading for reading in readings if not reading.alarming])
        if episode.phase == "pending":
            if quiet_s > params.patience_s(params.confirm_within_s, episode.cadence_s):
                self._move(episode, "fade", now_s, f"no alarm for {quiet_s:.0f} s")
                del self.episodes[episode.service, episode.model][episode.key]
            return
        if any(map(episode.proves_recovery, readings)):
            episode.last_data_s = now_s
            episode.account.calm(now_s)
        self._move(episode, "calm", now_s, "no alarm")
        flapping = episode.phase == "flapping"
        hold_s = params.patience_s(params.flap_hold_s if flapping else params.resolve_after_s, episode.cadence_s)
        silent_s = max(params.silent_after_s, hold_s) if flapping else params.silent_after_s
        silent_s = params.patience_s(silent_s, 2.0 * episode.cadence_s)
        if (quiet_s >= hold_s and episode.last_data_s > episode.last_alarm_s) or quiet_s >= silent_s:
            yield self._resolve(episode, now_s, accepted=False)

    def _open(self, episode: Episode, now_s: float, why: str) -> Transition:
        """Confirm an episode: as flapping, when its kind opened too often lately."""
        params, subject = self._params, episode.subject
        episode.opened_at_s = now_s
        episode.id = incident_id(episode, now_s)
        self._opened[episode.id] = episode
        self.inhibition.foreigners.open.pop(episode.id, None)
        incident = self.teller.tell(episode, now_s)
        openings = 1 + self.history.openings(episode.prints[0], now_s - params.flap_within_s)
        if openings < params.flap_openings:
            self._move(episode, "confirm", now_s, f"{subject}: {why}")
        else:
            often = f"opening {openings} within {params.flap_within_s:g} s of {episode.prints[0]}"
            self._move(episode, "flap", now_s, f"{subject}: {why}; {often}")
            episode.published = replace(incident, state="flapping")
        self._link(episode, now_s)
        return Transition("opened", _told(episode))

    def _link(self, episode: Episode, now_s: float) -> bool:
        """Name the incident that this one is again, once its kind is clear; whether it is named just now."""
        assert episode.opened_at_s is not None
        if episode.reopens is not None:
            return False
        last = self.history.last(episode.prints, episode.opened_at_s, self._params.reopen_within_s)
        if last is None:
            return False
        episode.reopens = last.id
        episode.published = replace(_told(episode), related=episode.related)
        reason = f"{last.id} of its kind resolved {episode.opened_at_s - last.resolved_at_s:.0f} s before it opened"
        self._audit.append(AuditEntry(now_s, episode.id, "reopen", episode.phase, episode.phase, reason))
        return True

    def _resolve(self, episode: Episode, now_s: float, accepted: bool) -> Transition:
        reason = f"quiet for {now_s - episode.last_alarm_s:.0f} s"
        if accepted:
            reason = f"lasted longer than {self._params.accept_after_s:g} s: taken as the new normal"
        incident = self.teller.conclude(episode, now_s)
        self._move(episode, "accept" if accepted else "hold", now_s, reason)
        live = self.episodes[episode.service, episode.model]
        del live[episode.key], self._opened[episode.id]
        self.experience.durations.note(incident)
        self.history.note(Ended(incident.id, episode.prints, incident.opened_at_s, now_s))
        relearn = tuple(key for key, line in episode.tally.lines.items() if line.alarms) if accepted and live else ()
        return Transition("resolved", incident, accepted, relearn)

    def _tie(self, now_s: float, told: dict[str, Transition]) -> None:
        """Relations of all that is open now; an incident that tells others than before is to be published."""
        changed, audit = self.inhibition.tie(self._opened, now_s)
        self._audit += audit
        for episode in changed:
            change = told[episode.id].change if episode.id in told else "updated"
            told[episode.id] = Transition(change, _told(episode))

    def _move(self, episode: Episode, event: Event, now_s: float, reason: str) -> None:
        """Along the table, and into the audit where the phase changes."""
        before = episode.advance(event)
        if episode.phase != before:
            told = None if before == "watching" else before
            self._audit.append(AuditEntry(now_s, episode.subject, event, told, episode.phase, reason))


def _view(episode: Episode) -> Live:
    return Live(
        episode.key, episode.started_at_s, episode.last_alarm_s, episode.onset_at_s, episode.onset_error_s,
        episode.tally, episode.published, episode.part,
    )


def _told(episode: Episode) -> Incident:
    assert episode.published is not None
    return episode.published
