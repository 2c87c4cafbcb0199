"""A desk of escalations whose changes are recorded at once, the log of its records, and what it notified."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from actions.escalation.desk import EscalationDesk, Rules
from actions.escalation.engine import EscalationChange
from actions.escalation.policy import EscalationPolicy, EscalationStep
from actions.escalation.record import Escalation, Notify
from actions.escalation.situation import TOLD_WITHIN_S
from classifiers.directives import Acknowledge
from classifiers.model import ActionRecord, Incident, RemedyRecord
from classifiers.telling_by_hand import Escalate
from tests.actions.approvals.cases import T, incident

STEPS = (
    EscalationStep("primary", 0.0, ("primary",), ("pager", "slack")), EscalationStep("backup", 300.0, ("backup",)),
    EscalationStep("lead", 900.0, ("commander",), tell=("executive",)),
)
ON_CALL = {"primary": ("anna",), "backup": ("ben",), "commander": ("cleo",)}
TARGETS = {"P0": 1800.0, "P1": 7200.0}


def policy(**over: Any) -> EscalationPolicy:
    """Primary at once, backup after 5 min, commander after 15 min; for P0 and P1."""
    values: dict[str, Any] = {"name": "critical", "steps": STEPS, "severities": ("P0", "P1"), "fallback": "mail"}
    return EscalationPolicy(**{**values, **over})


def remedy(status: str = "executed", key: str = "k1", **over: Any) -> ActionRecord:
    """An automatic remedy."""
    return ActionRecord(key, "throttle", "chat/v2", "auto", status, T, **over)


def ineffective(key: str = "k1") -> RemedyRecord:
    """A remedy that ran and did not help."""
    return RemedyRecord(key, "s1", "throttle", "chat/v2", "not_recovered", T, "latency alarms on")


class World:
    """One installation. log: the records as they were written, which alone survive `restart`."""

    def __init__(self, *policies: EscalationPolicy) -> None:
        self.policies: Sequence[EscalationPolicy] = policies or (policy(),)
        self.on_call: dict[str, tuple[str, ...]] = dict(ON_CALL)
        self.log: list[Escalation] = []
        self.changes: list[EscalationChange] = []
        self.notified: list[Notify] = []
        self.incidents: dict[str, tuple[Incident, float]] = {}
        self.given: list[Acknowledge] = []
        self.by_hand: list[Escalate] = []
        self.now_s = T
        self.desk = self._desk()

    def _desk(self) -> EscalationDesk:
        rules = Rules(
            lambda _: self.policies, lambda target, _: self.on_call.get(target, ()), lambda who, _: who != "viewer",
            TARGETS.get, lambda who, _: who != "viewer",
        )
        return EscalationDesk(rules, lambda _: ())

    def tell(self, told: Incident | None = None, **over: Any) -> None:
        """Publish an incident, P1 where nothing else is said."""
        one = told or incident(**{"severity": "P1", "peak_severity": "P1", **over})
        self.incidents[one.id] = one, self.now_s
        self.desk.add_incident(one, self.now_s, self.now_s)

    def acknowledge(self, by: str = "anna", lasts_s: float = 3600.0, incident_id: str = "inc-1") -> None:
        given = Acknowledge(incident_id, by, self.now_s, self.now_s + lasts_s)
        self.given.append(given)
        self.desk.add_acknowledgement(given, is_personal=True)

    def escalate(self, by: str = "anna", to: str | None = None, why: str = "we need help") -> None:
        given = Escalate("inc-1", by, self.now_s, why, to)
        self.by_hand.append(given)
        self.desk.add_by_hand(given)

    def at(self, after_s: float) -> list[str]:
        """What is notified when the clock reaches `after_s` after `T`: kind, step, round and recipient."""
        self.now_s = max(self.now_s, T + after_s)
        for change in self.desk.changes(self.now_s, lambda *_: True):
            self._write(change)
        new = [one for one in self.desk.pending(lambda *_: True) if one.id not in {each.id for each in self.notified}]
        self.notified += new
        for change in self.desk.handed_over([one.id for one in self.notified], self.now_s, lambda *_: True):
            self._write(change)
        return [f"{one.kind} {one.step}/{one.round} {one.recipient}" for one in new]

    def due(self, after_s: float) -> list[str]:
        """What is notified of what the time `after_s` after `T` makes due: the end would have been told by then."""
        return self.at(after_s + TOLD_WITHIN_S)

    def _write(self, change: EscalationChange) -> None:
        self.log.append(change.escalation)
        self.changes.append(change)
        self.desk.record(change.escalation)

    def restart(self) -> None:
        """A new process, which knows what stands in the topics and nothing else."""
        self.desk = self._desk()
        for one in self.log:
            self.desk.record(replace(one))
        for told, at_s in self.incidents.values():
            self.desk.add_incident(told, self.now_s, at_s)
        for given in self.given:
            self.desk.add_acknowledgement(given, is_personal=True)
        for asked in self.by_hand:
            self.desk.add_by_hand(asked)

    @property
    def state(self) -> str | None:
        """The state of the first escalation."""
        found = self.desk.escalations.get("inc-1")
        return None if found is None else found.state

    @property
    def reason(self) -> str:
        """Why it has it."""
        return self.desk.escalations["inc-1"].reason
