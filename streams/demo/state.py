"""The state of a demo: the progress of the player, the records of the topics, the changes of the gateway.

The runner and the observer fill it. The view reads it. It reads no clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from actions.approvals.request import ApprovalRequest
from actions.model import Intent, Outcome
from classifiers.model import Incident, RemedyRecord
from streams.demo.scoring import GroundTruth, Score, score
from streams.sandbox.gateway import Change, Notice

Phase = Literal["starting", "playing", "settling", "done"]
REAL_SWITCHES = ("breaker", "throttle", "version")
MIN_FOUND_SHARE = 0.8
PROVISIONAL = ("interrupted", "suggested", "approved")
"""Statuses after which another one of the same key comes, in this order."""
JUDGED = ("recovered", "not_recovered", "inconclusive")
"""States of a remedy that say whether it helped."""


@dataclass(frozen=True, slots=True)
class ActionProgress:
    """An intent and its outcome, which may arrive in either order. At least one of the two is there."""

    intent: Intent | None
    outcome: Outcome | None

    @property
    def decision(self) -> Intent | Outcome:
        if self.intent is not None:
            return self.intent
        assert self.outcome is not None
        return self.outcome

    @property
    def name(self) -> str:
        return f"undo {self.decision.kind}" if self.decision.undo else self.decision.kind

    @property
    def approved_by(self) -> str:
        """The people who approved it, as the intent says that the executor checked; empty where nobody was asked."""
        decisions = () if self.intent is None else self.intent.decisions
        return ", ".join(decision.who for decision in decisions if decision.verb == "approve")

    @property
    def reason(self) -> str:
        """The detail of the outcome; while there is none, the reason of the decision."""
        if self.outcome is not None:
            return self.outcome.detail
        return "" if self.intent is None else self.intent.reason

    @property
    def status(self) -> str:
        """The outcome's status; `decided` while there is none."""
        return "decided" if self.outcome is None else self.outcome.status


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """The status of the worker from its own pages; None where it is not known yet."""

    records: int | None = None
    dead: int | None = None
    lag: int | None = None
    problems: tuple[str, ...] = ()
    exit_code: int | None = None


@dataclass(slots=True)
class DemoState:
    """One run of the demo. Times of incidents and actions are on the clock of the demo; `origin_s` is its second 0.

    now_s: seconds into the recording. wall_s: since the command began. sent: requests played so far.
    """

    truth: GroundTruth
    speed: float
    origin_s: float = 0.0
    now_s: float = 0.0
    wall_s: float = 0.0
    phase: Phase = "starting"
    note: str = ""
    sent: int = 0
    requests_per_s: float = 0.0
    incidents: dict[str, Incident] = field(default_factory=dict)
    actions: dict[str, ActionProgress] = field(default_factory=dict)
    requests: dict[str, ApprovalRequest] = field(default_factory=dict)
    unreadable: int = 0
    worker: WorkerStatus = field(default_factory=WorkerStatus)
    served: str = ""
    breakers: dict[str, str] = field(default_factory=dict)
    throttles: dict[str, float] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    told: tuple[Notice, ...] = ()

    def add_intent(self, intent: Intent) -> None:
        """Add a decision; a repeat changes nothing. One that was approved takes the place of its suggestion."""
        before = self.actions.get(intent.key)
        self.actions[intent.key] = ActionProgress(intent, before.outcome if before else None)

    def add_outcome(self, outcome: Outcome) -> None:
        """Add an outcome, also before its intent. The first one of a key counts, unless another is to come after it."""
        before = self.actions.get(outcome.key)
        if before is None or before.outcome is None or _follows(outcome.status, before.outcome.status):
            self.actions[outcome.key] = ActionProgress(before.intent if before else None, outcome)

    def score(self) -> Score:
        """The injected faults and what was found of them so far."""
        return score(self.truth, self.incidents.values(), self.origin_s)

    def actions_of(self, incident_ids: set[str]) -> list[ActionProgress]:
        """The actions on these incidents, in order of decision; those of one decision by kind, the same in each run."""
        actions = [action for action in self.actions.values() if action.decision.incident_id in incident_ids]
        return sorted(actions, key=lambda action: (action.decision.decided_at_s, action.name, action.decision.key))

    def verdicts(self) -> dict[str, RemedyRecord]:
        """Whether remedies helped, by the key of the action, as far as that is judged."""
        return {
            remedy.key: remedy for incident in self.incidents.values() for remedy in incident.remedies
            if remedy.state in JUDGED
        }

    def changes_by_tocsin(self) -> tuple[Change, ...]:
        """The switches of the gateway that actions changed."""
        return tuple(c for c in self.changes if c.actor == "tocsin" and c.switch in REAL_SWITCHES)

    def failures(self) -> tuple[str, ...]:
        """The reasons why the demo failed; empty when it succeeded."""
        found = self.score()
        reasons = [f"the worker is not healthy: {reason}" for reason in self.worker.problems]
        if self.worker.exit_code not in (None, 0):
            reasons.append(f"the worker ended with exit code {self.worker.exit_code}")
        if not self.incidents:
            reasons.append(f"no incident arrived on the incident topic ({self.unreadable} unreadable records)")
        if found.found_share is not None and found.found_share < MIN_FOUND_SHARE:
            reasons.append(f"{found.found} of {len(found.findings)} faults found, expected {MIN_FOUND_SHARE:.0%}")
        executed = [action for action in self.actions.values() if action.status == "executed"]
        if not executed:
            reasons.append(f"none of {len(self.actions)} decided actions was executed")
        if not self.changes_by_tocsin():
            reasons.append("no action changed anything at the gateway")
        return tuple(reasons)


def _follows(status: str, before: str) -> bool:
    if before not in PROVISIONAL:
        return False
    return status not in PROVISIONAL or PROVISIONAL.index(status) > PROVISIONAL.index(before)
