"""From incidents to intents: asks the policy whenever an incident changed or time passed, and records every intent.

An intent is recorded on its incident as `pending` in the step that decides it. So a decision is made once, and the
published incident shows it, with what became of its remedies. Resolved incidents stay here until their undos have come
to an end. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from actions.limits import LimitParams
from actions.model import HARMLESS, Decision, Intent, Outcome
from actions.playbooks.ladder import lapsed
from actions.playbooks.notices import is_failure
from actions.playbooks.playbook import Playbook
from actions.playbooks.policy import decide, skipped_steps
from actions.playbooks.verification import Signs
from actions.siblings import too_early
from classifiers.accounting.stage_timeline import with_actions
from classifiers.incidents.episode import upsert_action
from classifiers.incidents.relations import inhibited
from classifiers.incidents.triage import IncidentChange, Triage
from classifiers.model import ActionRecord, AuditEntry, Incident, Scope
from classifiers.recurrence.habit_verdict import is_habit
from classifiers.validation_errors import describe_first
from streams.shard.directives import ShardDirectives
from streams.shard.ladder.facts import Replicas, ShardFacts
from streams.shard.ladder.outcomes import actions_after, pending
from streams.shard.ladder.verifications import Verifications

LINGER_S = 900.0
"""How long a resolved incident waits for the outcome of an undo before it is dropped."""


@dataclass(frozen=True, slots=True)
class _Dump:
    """resolved: incidents with undos under way. skipped: by open incident, the reasons in the audit. verifications: of
    remedies. consents: by intent, the decisions of the people who approved it, until it is released."""

    resolved: list[Incident] = field(default_factory=list)
    skipped: dict[str, tuple[str, ...]] = field(default_factory=dict)
    verifications: dict[str, Any] = field(default_factory=dict)
    consents: dict[str, tuple[Decision, ...]] = field(default_factory=dict)


_DUMP: TypeAdapter[_Dump] = TypeAdapter(_Dump)


@dataclass(frozen=True, slots=True)
class DecisionParams:
    """The parameters of the policy."""

    playbooks: tuple[Playbook, ...]
    limits: LimitParams


class Decider:
    """The decisions of one shard. directives: what silences and who acknowledged its incidents. fleet: a replica counts
    as part of it when it was seen within `fleet_window_s` of event time."""

    def __init__(
        self, params: DecisionParams, triage: Triage, directives: ShardDirectives, fleet: Replicas,
        fleet_window_s: float,
    ) -> None:
        self._params = params
        self._triage = triage
        self._directives = directives
        self._fleet = fleet
        self._fleet_window_s = fleet_window_s
        self._resolved: dict[str, Incident] = {}
        self._skipped: dict[str, tuple[str, ...]] = {}
        self._verifications = Verifications()
        self._consents: dict[str, tuple[Decision, ...]] = {}
        self._audit: list[AuditEntry] = []

    def decide(self, transitions: Sequence[IncidentChange], now_s: float) -> tuple[list[IncidentChange], list[Intent]]:
        """Decide for every live incident. Returns what is to be published: the transitions, with the new actions on
        their incidents, and a transition for each incident whose silence or acknowledgement began or ended.

        A step whose time is over is due without any transition, so every live incident is evaluated each time.
        """
        changed = {transition.incident.id: self._annotated(transition, now_s) for transition in transitions}
        for transition in changed.values():
            if transition.incident.state == "resolved":
                self._resolved.setdefault(transition.incident.id, transition.incident)
        self._open(changed, now_s)
        self._judge_remedies(changed, now_s)
        for transition in changed.values():
            self._audit_skipped(transition.incident, now_s)
        intents: list[Intent] = []
        for incident in [*self._open(changed, now_s), *self._resolved.values()]:
            records = [*self._lapsed(incident, now_s)]
            due = [self._with_consent(intent) for intent in self._due_intents(incident, now_s)]
            for intent in due:
                self._verifications.expect(intent)
            intents += due
            for record in records:
                self._consents.pop(record.key, None)
            for record in [*records, *map(pending, due)]:
                self._note_change(changed, self._record_action(incident.id, record), now_s)
        self._drop_finished(now_s)
        return list(changed.values()), intents

    def _note_change(self, changed: dict[str, IncidentChange], recorded: IncidentChange | None, now_s: float) -> None:
        """Add a change of an incident to those that are published."""
        if recorded is None:
            return
        known = changed.get(recorded.incident.id)
        kind = "updated" if known is None else known.change
        changed[recorded.incident.id] = self._annotated(IncidentChange(kind, recorded.incident), now_s)

    def _judge_remedies(self, changed: dict[str, IncidentChange], now_s: float) -> None:
        """Judge every remedy that ran, and show on its incident what became of it."""
        for incident in self._triage.open_incidents():
            episode = self._triage.episode_of(incident.id)
            if episode is None or not episode.actions:
                continue
            signs = Signs(episode.last_alarm_s, episode.last_data_s, episode.quiet_samples)
            remedies = self._verifications.judge(incident, signs, now_s)
            self._note_change(changed, self._triage.record_remedies(incident.id, remedies), now_s)
        for incident in list(self._resolved.values()):
            remedies = self._verifications.conclude(incident, now_s)
            if remedies != incident.remedies:
                self._resolved[incident.id] = replace(incident, remedies=remedies)
                self._note_change(changed, IncidentChange("updated", self._resolved[incident.id]), now_s)

    def _lapsed(self, incident: Incident, now_s: float) -> list[ActionRecord]:
        """Requests that nobody answered, and approvals that could not be used: they are over, and in the audit."""
        found = []
        if incident.state != "resolved":
            for action, reason in lapsed(incident, self._params.playbooks, now_s):
                found.append(replace(action, status="expired", done_at_s=now_s))
                text = f"{action.kind} on {action.target}: {reason}"
                self._audit.append(AuditEntry(now_s, action.key, "expire", action.status, "expired", text))
        return found

    def _open(self, changed: dict[str, IncidentChange], now_s: float) -> list[Incident]:
        """The open incidents as annotated now; one whose annotation changed is added to `changed`."""
        found = []
        for incident in self._triage.open_incidents():
            annotated, has_changed = self._directives.annotate(incident, now_s)
            found.append(annotated)
            if has_changed:
                changed.setdefault(incident.id, IncidentChange("updated", annotated))
        return found

    def _annotated(self, transition: IncidentChange, now_s: float) -> IncidentChange:
        """A resolved incident keeps the annotation that it ended with."""
        if transition.incident.id in self._resolved:
            return transition
        annotated, _ = self._directives.annotate(transition.incident, now_s)
        return transition if annotated is transition.incident else replace(transition, incident=annotated)

    @property
    def busy(self) -> bool:
        """Whether any incident is live, so that time alone may make a step due."""
        return bool(self._resolved) or self._triage.has_open

    def isolated_scopes(self) -> list[Scope]:
        """The scopes that our own breakers keep traffic away from: a replica or a tenant, else the whole service."""
        return [
            Scope(incident.service, incident.model, None, incident.replica, incident.tenant)
            for incident in self._live() if _is_isolated(incident)
        ]

    def record_outcome(self, outcome: Outcome, now_s: float) -> IncidentChange | None:
        """Record an outcome on its incident; None when this shard does not know the incident (any more), and when the
        outcome does not count. now_s: pipeline time."""
        incident = self._resolved.get(outcome.incident_id) or self._triage.open_incident(outcome.incident_id)
        if incident is None:
            return None
        change = None
        for record in actions_after(incident.actions, outcome):
            known = next((action for action in incident.actions if action.key == record.key), None)
            if known is None or known.status != record.status:
                self._verifications.record(outcome.incident_id, record, now_s)
                if outcome.status == "approved":
                    self._consents[outcome.key] = outcome.decisions
            change = self._record_action(outcome.incident_id, record)
        return change

    def resolve_lost(self, incident: Incident, now_s: float) -> IncidentChange | None:
        """The end of an open incident whose state was lost; None for one that is known here."""
        if incident.id in self._resolved or self._triage.knows(incident.id):
            return None
        resolved_s = max(now_s, incident.opened_at_s)
        return IncidentChange(
            "resolved", replace(incident, state="resolved", resolved_at_s=resolved_s, resolution="lost"),
        )

    def take_audit(self) -> list[AuditEntry]:
        """What was skipped, what lapsed, and how remedies were judged, since the last call."""
        audit, self._audit = self._audit, []
        return [*audit, *self._verifications.take_audit()]

    def dump(self) -> dict[str, Any]:
        """Resolved incidents with undos under way, the reasons that the audit has, the verifications of remedies and
        the decisions of people, as JSON values."""
        resolved = list(self._resolved.values())
        whole = _Dump(resolved, self._skipped, self._verifications.dump(), self._consents)
        dumped: dict[str, Any] = _DUMP.dump_python(whole, mode="json")
        return dumped

    def load(self, data: object) -> None:
        """Put a dump back; raises `ValueError` when it is not one."""
        try:
            dump = _DUMP.validate_python(data)
        except ValidationError as error:
            raise ValueError(f"closed incidents: {describe_first(error)}") from None
        self._resolved = {incident.id: incident for incident in dump.resolved}
        self._skipped = dict(dump.skipped)
        self._verifications.load(dump.verifications)
        self._consents = dict(dump.consents)

    def _with_consent(self, intent: Intent) -> Intent:
        """An approved intent carries the decisions of the people, for the executor to check."""
        decisions = self._consents.pop(intent.key, None) if intent.mode == "auto" else None
        return intent if decisions is None else replace(intent, decisions=decisions)

    def _audit_skipped(self, incident: Incident, now_s: float) -> None:
        """An entry for each step that has become one that cannot be taken."""
        skipped = skipped_steps(incident, self._params.playbooks, now_s, self._facts(incident, now_s))
        for reason in skipped:
            if reason not in self._skipped.get(incident.id, ()):
                self._audit.append(AuditEntry(now_s, incident.id, "skip", incident.state, incident.state, reason))
        if skipped:
            self._skipped[incident.id] = skipped
        else:
            self._skipped.pop(incident.id, None)

    def _due_intents(self, incident: Incident, now_s: float) -> list[Intent]:
        """The intents that are due for one incident.

        An inhibited or silenced incident starts no action, nor does one that is a habit. An acknowledged one notifies
        nobody else but of what failed. Remedies are undone in each case, because a resolved incident no longer needs
        them.
        """
        is_open = incident.state != "resolved"
        if inhibited(incident) or (is_open and (incident.silenced_by is not None or is_habit(incident))):
            return []
        params = self._params
        intents = [
            intent for intent in decide(incident, params.playbooks, params.limits, now_s, self._facts(incident, now_s))
            # Decided again at the next instant: until then it shows whether the other parts alarm as well.
            if intent.kind in HARMLESS or not too_early(intent, params.limits.outage_wait_s)
        ]
        if not is_open or incident.acknowledged is None:
            return intents
        return [intent for intent in intents if intent.kind not in HARMLESS or is_failure(intent.step_id)]

    def _facts(self, incident: Incident, now_s: float) -> ShardFacts:
        return ShardFacts(
            incident, self._triage, self._fleet, self._live, self._verifications.steps, now_s, self._fleet_window_s,
        )

    def _live(self) -> list[Incident]:
        return [*self._triage.open_incidents(), *self._resolved.values()]

    def _record_action(self, incident_id: str, record: ActionRecord) -> IncidentChange | None:
        resolved = self._resolved.get(incident_id)
        if resolved is None:
            return self._triage.record_action(incident_id, record)
        actions = list(resolved.actions)
        upsert_action(actions, record)
        self._resolved[incident_id] = with_actions(resolved, actions)
        return IncidentChange("updated", self._resolved[incident_id])

    def _drop_finished(self, now_s: float) -> None:
        """Drop resolved incidents that wait for nothing, or have waited long enough."""
        for incident in list(self._resolved.values()):
            waiting = any(action.done_at_s is None for action in incident.actions)
            assert incident.resolved_at_s is not None
            if not waiting or now_s - incident.resolved_at_s > LINGER_S:
                del self._resolved[incident.id]
                self._verifications.drop(incident.id)
                for action in incident.actions:
                    self._consents.pop(action.key, None)


def _is_isolated(incident: Incident) -> bool:
    """Whether a breaker that we opened for the incident keeps traffic away."""
    breakers = [one for one in incident.actions if one.kind == "circuit_breaker" and one.status == "executed"]
    undone = {one.target for one in breakers if one.undo}
    return any(not one.undo and one.target not in undone for one in breakers)
