"""From incidents to intents: asks the policy whenever an incident changed or time passed, and records every intent.

An intent is recorded on its incident as `pending` in the step that decides it. So a decision is made once, and the
published incident shows it. Resolved incidents stay here until their undos have come to an end. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

from pydantic import TypeAdapter, ValidationError

from actions.limits import LimitParams
from actions.model import HARMLESS, Intent, Outcome
from actions.playbooks.playbook import Playbook
from actions.playbooks.policy import decide, skipped_steps
from classifiers.accounting.stage_timeline import with_actions
from classifiers.incidents.episode import upsert_action
from classifiers.incidents.recurrence import is_habit
from classifiers.incidents.relations import inhibited
from classifiers.incidents.triage import IncidentChange, ServiceKey, Triage
from classifiers.model import ActionRecord, AuditEntry, Incident, Scope
from classifiers.validation_errors import describe_first
from streams.shard.directives import ShardDirectives

LINGER_S = 900.0
"""How long a resolved incident waits for the outcome of an undo before it is dropped."""


@dataclass(frozen=True, slots=True)
class _Dump:
    """resolved: incidents with undos under way. skipped: by open incident, the reasons in the audit."""

    resolved: list[Incident] = field(default_factory=list)
    skipped: dict[str, tuple[str, ...]] = field(default_factory=dict)


_DUMP: TypeAdapter[_Dump] = TypeAdapter(_Dump)


@dataclass(frozen=True, slots=True)
class DecisionParams:
    """The parameters of the policy."""

    playbooks: tuple[Playbook, ...]
    limits: LimitParams


class Fleet(Protocol):
    """What knows the replicas of a service."""

    def replicas(self, service: ServiceKey, since_s: float) -> int | None:
        """How many were seen since then (event time), None when no record named one."""


class Decider:
    """The decisions of one shard. directives: what silences and who acknowledged its incidents. fleet: a replica counts
    as part of it when it was seen within `fleet_window_s` of event time."""

    def __init__(
        self, params: DecisionParams, triage: Triage, directives: ShardDirectives, fleet: Fleet, fleet_window_s: float,
    ) -> None:
        self._params = params
        self._triage = triage
        self._directives = directives
        self._fleet = fleet
        self._fleet_window_s = fleet_window_s
        self._resolved: dict[str, Incident] = {}
        self._skipped: dict[str, tuple[str, ...]] = {}
        self._audit: list[AuditEntry] = []

    def decide(self, transitions: Sequence[IncidentChange], now_s: float) -> tuple[list[IncidentChange], list[Intent]]:
        """Decide for every live incident. Returns what is to be published: the transitions, with the new actions on
        their incidents, and a transition for each incident whose silence or acknowledgement began or ended.

        A step whose wait is over is due without any transition, so every live incident is evaluated each time.
        """
        changed = {transition.incident.id: self._annotated(transition, now_s) for transition in transitions}
        for transition in changed.values():
            if transition.incident.state == "resolved":
                self._resolved.setdefault(transition.incident.id, transition.incident)
            self._audit_skipped(transition.incident, now_s)
        intents: list[Intent] = []
        for incident in [*self._open(changed, now_s), *self._resolved.values()]:
            for intent in self._due_intents(incident, now_s):
                intents.append(intent)
                recorded = self._record_action(incident.id, _pending(intent))
                if recorded is not None:
                    kind = changed[incident.id].change if incident.id in changed else "updated"
                    changed[incident.id] = self._annotated(IncidentChange(kind, recorded.incident), now_s)
        self._drop_finished(now_s)
        return list(changed.values()), intents

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
        live = [*self._triage.open_incidents(), *self._resolved.values()]
        return [
            Scope(incident.service, incident.model, None, incident.replica, incident.tenant)
            for incident in live if any(map(_is_open_breaker, incident.actions))
        ]

    def record_outcome(self, outcome: Outcome) -> IncidentChange | None:
        """Record an outcome on its incident; None when this shard does not know the incident (any more)."""
        return self._record_action(outcome.incident_id, action_record(outcome))

    def resolve_lost(self, incident: Incident, now_s: float) -> IncidentChange | None:
        """The end of an open incident whose state was lost; None for one that is known here."""
        if incident.id in self._resolved or self._triage.knows(incident.id):
            return None
        resolved_s = max(now_s, incident.opened_at_s)
        return IncidentChange(
            "resolved", replace(incident, state="resolved", resolved_at_s=resolved_s, resolution="lost"),
        )

    def take_audit(self) -> list[AuditEntry]:
        """Steps without a target, since the last call: an entry whenever those of an incident change."""
        audit, self._audit = self._audit, []
        return audit

    def dump(self) -> dict[str, Any]:
        """Resolved incidents with undos under way, and the reasons that the audit has, as JSON values."""
        dumped: dict[str, Any] = _DUMP.dump_python(_Dump(list(self._resolved.values()), self._skipped), mode="json")
        return dumped

    def load(self, data: object) -> None:
        """Put a dump back; raises `ValueError` when it is not one."""
        try:
            dump = _DUMP.validate_python(data)
        except ValidationError as error:
            raise ValueError(f"closed incidents: {describe_first(error)}") from None
        self._resolved = {incident.id: incident for incident in dump.resolved}
        self._skipped = dict(dump.skipped)

    def _audit_skipped(self, incident: Incident, now_s: float) -> None:
        """An entry for each step that has become one without a target."""
        skipped = skipped_steps(incident, self._params.playbooks)
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
        nobody else. Remedies are undone in each case, because a resolved incident no longer needs them.
        """
        is_open = incident.state != "resolved"
        if inhibited(incident) or (is_open and (incident.silenced_by is not None or is_habit(incident))):
            return []
        params = self._params
        due = partial(decide, incident, params.playbooks, incident.actions, params.limits, now_s)
        # Counting a fleet looks at every row, and seldom is anything due: thousands of incidents may be open.
        intents = due(self._fleet_size(incident, now_s)) if due() else []
        is_acknowledged = is_open and incident.acknowledged is not None
        return [intent for intent in intents if not (is_acknowledged and intent.kind in HARMLESS)]

    def _fleet_size(self, incident: Incident, now_s: float) -> int | None:
        return self._fleet.replicas((incident.service, incident.model), now_s - self._fleet_window_s)

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


def _is_open_breaker(action: ActionRecord) -> bool:
    return action.kind == "circuit_breaker" and action.status == "executed"


def _pending(intent: Intent) -> ActionRecord:
    return ActionRecord(intent.key, intent.kind, intent.target, intent.mode, "pending", intent.decided_at_s)


def action_record(outcome: Outcome) -> ActionRecord:
    """An outcome as its incident shows it.

    The outcome of a repeated intent is `duplicate`; it names the outcome that counts, and when that came.
    """
    status: str = outcome.status
    done_at_s = outcome.done_at_s
    if status == "duplicate":
        earlier, earlier_at_s = outcome.data.get("earlier_status"), outcome.data.get("earlier_at_s")
        status = earlier if isinstance(earlier, str) else status
        done_at_s = earlier_at_s if isinstance(earlier_at_s, float) else done_at_s
    return ActionRecord(
        outcome.key, outcome.kind, outcome.target, outcome.mode, status, outcome.decided_at_s, done_at_s,
    )
