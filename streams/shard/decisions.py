"""From incidents to intents: asks the policy whenever an incident changed or time passed, and files every answer.

An intent is noted on its incident as `pending` in the same step that decides it, so that a decision is made once and
the published incident tells it. Incidents that resolved stay here until their undos have come to an end. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from pydantic import TypeAdapter, ValidationError

from actions.limits import LimitParams
from actions.model import HARMLESS, Intent, Outcome
from actions.playbook import Playbook
from actions.policy import decide
from classifiers.accounting.stage_timeline import with_actions
from classifiers.incidents.episode import file_action
from classifiers.incidents.relations import inhibited
from classifiers.incidents.triage import Transition, Triage
from classifiers.model import ActionRecord, Incident
from streams.shard.applied_directives import Control

LINGER_S = 900.0
"""How long a resolved incident waits for the outcome of an undo before it is let go."""

_CLOSED = TypeAdapter(list[Incident])


@dataclass(frozen=True, slots=True)
class DecisionParams:
    """What the policy decides by. fleet_size of a service is given by the shard: how many replicas it knows."""

    playbooks: tuple[Playbook, ...]
    limits: LimitParams


class Decider:
    """The decisions of one shard. control: what silences and who acknowledged its incidents. fleet_size: replicas known
    of an incident's service, None when there are none."""

    def __init__(
        self, params: DecisionParams, triage: Triage, control: Control, fleet_size: Callable[[Incident], int | None],
    ) -> None:
        self._params = params
        self._triage = triage
        self._control = control
        self._fleet_size = fleet_size
        self._closed: dict[str, Incident] = {}

    def follow(self, transitions: Sequence[Transition], now_s: float) -> tuple[list[Transition], list[Intent]]:
        """Decide for every live incident. Returns what is to be published: the transitions, with the new actions told,
        and what is silenced or acknowledged, or no longer.

        A step whose wait is over is due without any transition, so live incidents are asked each time.
        """
        told = {transition.incident.id: self._marked(transition, now_s) for transition in transitions}
        for transition in told.values():
            if transition.incident.state == "resolved":
                self._closed.setdefault(transition.incident.id, transition.incident)
        intents: list[Intent] = []
        for incident in [*self._open(told, now_s), *self._closed.values()]:
            for intent in self._ask(incident, now_s):
                intents.append(intent)
                changed = self._note(incident.id, _pending(intent))
                if changed is not None:
                    kind = told[incident.id].change if incident.id in told else "updated"
                    told[incident.id] = self._marked(Transition(kind, changed.incident), now_s)
        self._let_go(now_s)
        return list(told.values()), intents

    def _open(self, told: dict[str, Transition], now_s: float) -> list[Incident]:
        """The open incidents as marked now; those whose marks changed since they were last told are told again."""
        found = []
        for incident in self._triage.open_incidents():
            marked, has_changed = self._control.mark(incident, now_s)
            found.append(marked)
            if has_changed:
                told.setdefault(incident.id, Transition("updated", marked))
        return found

    def _marked(self, transition: Transition, now_s: float) -> Transition:
        """A resolved incident keeps the marks that it ended with."""
        if transition.incident.id in self._closed:
            return transition
        marked, _ = self._control.mark(transition.incident, now_s)
        return transition if marked is transition.incident else replace(transition, incident=marked)

    @property
    def busy(self) -> bool:
        """Whether any incident is live, so that time alone may make a step due."""
        return bool(self._closed) or self._triage.has_open

    def cut_off(self) -> list[Incident]:
        """Incidents with a breaker of ours in force: their replica or tenant gets no traffic."""
        live = [*self._triage.open_incidents(), *self._closed.values()]
        return [incident for incident in live if any(map(_cuts_off, incident.actions))]

    def record(self, outcome: Outcome) -> Transition | None:
        """File an outcome on its incident; None when this shard does not know the incident (any more)."""
        return self._note(outcome.incident_id, action_record(outcome))

    def dump(self) -> list[dict[str, Any]]:
        """Resolved incidents with undos under way, as JSON values."""
        return [_CLOSED.dump_python([incident], mode="json")[0] for incident in self._closed.values()]

    def load(self, data: object) -> None:
        """Put a dump back; raises `ValueError` when it is not one."""
        try:
            closed = _CLOSED.validate_python(data)
        except ValidationError as error:
            raise ValueError(f"closed incidents: {error.errors()[0]['loc']}: {error.errors()[0]['msg']}") from None
        self._closed = {incident.id: incident for incident in closed}

    def _ask(self, incident: Incident, now_s: float) -> list[Intent]:
        """An effect is left to its cause, a silenced one to whoever silenced it: nothing is begun. What somebody works
        on is told to nobody else. What was done is undone all the same, since an incident that is over needs it not.
        """
        is_open = incident.state != "resolved"
        if inhibited(incident) or (is_open and incident.silenced_by is not None):
            return []
        params = self._params
        due = partial(decide, incident, params.playbooks, incident.actions, params.limits, now_s)
        # Counting a fleet looks at every row, and hardly ever is anything due: thousands of incidents may be open.
        intents = due(self._fleet_size(incident)) if due() else []
        is_held = is_open and incident.acknowledged is not None
        return [intent for intent in intents if not (is_held and intent.kind in HARMLESS)]

    def _note(self, incident_id: str, record: ActionRecord) -> Transition | None:
        closed = self._closed.get(incident_id)
        if closed is None:
            return self._triage.record_action(incident_id, record)
        actions = list(closed.actions)
        file_action(actions, record)
        self._closed[incident_id] = with_actions(closed, actions)
        return Transition("updated", self._closed[incident_id])

    def _let_go(self, now_s: float) -> None:
        """Drop resolved incidents that wait for nothing, or have waited long enough."""
        for incident in list(self._closed.values()):
            waiting = any(action.done_at_s is None for action in incident.actions)
            assert incident.resolved_at_s is not None
            if not waiting or now_s - incident.resolved_at_s > LINGER_S:
                del self._closed[incident.id]


def _cuts_off(action: ActionRecord) -> bool:
    return action.kind == "circuit_breaker" and action.status == "executed"


def _pending(intent: Intent) -> ActionRecord:
    return ActionRecord(intent.key, intent.kind, intent.target, intent.mode, "pending", intent.decided_at_s)


def action_record(outcome: Outcome) -> ActionRecord:
    """An outcome as its incident tells it.

    A repeated intent answers `duplicate` and names the outcome that counts, and when it came.
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
