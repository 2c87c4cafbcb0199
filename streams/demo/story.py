"""What the spectator of a demo knows at one moment: the player's progress, what the topics said, what the gateway did.

It is filled by the runner and read by the view and the verdict; it does nothing and reads no clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from actions.model import Intent, Outcome
from classifiers.model import Incident
from streams.demo.gateway import Change
from streams.demo.scoring import Score, Truth, score

Phase = Literal["starting", "playing", "settling", "done"]
REAL_SWITCHES = ("breaker", "throttle", "version")
MIN_FOUND_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class Act:
    """An intent and what came of it, which may be seen in either order. One of the two is always there."""

    intent: Intent | None
    outcome: Outcome | None

    @property
    def head(self) -> Intent | Outcome:
        if self.intent is not None:
            return self.intent
        assert self.outcome is not None
        return self.outcome

    @property
    def name(self) -> str:
        return f"undo {self.head.kind}" if self.head.undo else self.head.kind

    @property
    def why(self) -> str:
        """The last word on it: the outcome's detail, or the reason of the decision."""
        if self.outcome is not None:
            return self.outcome.detail
        return "" if self.intent is None else self.intent.reason

    @property
    def status(self) -> str:
        """The outcome's status; `decided` while there is none."""
        return "decided" if self.outcome is None else self.outcome.status


@dataclass(frozen=True, slots=True)
class Worker:
    """The worker as its own pages tell it; None where it has not told yet."""

    records: int | None = None
    dead: int | None = None
    lag: int | None = None
    complaints: tuple[str, ...] = ()
    exit_code: int | None = None


@dataclass(slots=True)
class Story:
    """One run of the demo. Times of incidents and acts are on the demo's clock; `origin_s` is its second 0.

    now_s: seconds into the recording. wall_s: since the command began. sent: requests played so far.
    """

    truth: Truth
    speed: float
    origin_s: float = 0.0
    now_s: float = 0.0
    wall_s: float = 0.0
    phase: Phase = "starting"
    note: str = ""
    sent: int = 0
    requests_per_s: float = 0.0
    incidents: dict[str, Incident] = field(default_factory=dict)
    acts: dict[str, Act] = field(default_factory=dict)
    unreadable: int = 0
    worker: Worker = field(default_factory=Worker)
    served: str = ""
    breakers: dict[str, str] = field(default_factory=dict)
    throttles: dict[str, float] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()

    def see_intent(self, intent: Intent) -> None:
        """Take in a decision; seen twice it changes nothing."""
        before = self.acts.get(intent.key)
        self.acts[intent.key] = Act(intent, before.outcome if before else None)

    def see_outcome(self, outcome: Outcome) -> None:
        """Take in an outcome, which may come before its intent was seen; the first word on a key stands."""
        before = self.acts.get(outcome.key)
        if before is None or before.outcome is None or before.outcome.status == "interrupted":
            self.acts[outcome.key] = Act(before.intent if before else None, outcome)

    def score(self) -> Score:
        """Faults and findings as they stand."""
        return score(self.truth, self.incidents.values(), self.origin_s)

    def acts_of(self, incident_ids: set[str]) -> list[Act]:
        """The acts that answered these incidents, in order of decision."""
        acts = [act for act in self.acts.values() if act.head.incident_id in incident_ids]
        return sorted(acts, key=lambda act: (act.head.decided_at_s, act.head.key))

    def changes_by_tocsin(self) -> tuple[Change, ...]:
        """What the actions really switched at the gateway."""
        return tuple(c for c in self.changes if c.actor == "tocsin" and c.switch in REAL_SWITCHES)

    def failures(self) -> tuple[str, ...]:
        """Why the pipeline did not do its work; empty when it did."""
        found = self.score()
        reasons = [f"the worker is not healthy: {reason}" for reason in self.worker.complaints]
        if self.worker.exit_code not in (None, 0):
            reasons.append(f"the worker ended with exit code {self.worker.exit_code}")
        if not self.incidents:
            reasons.append(f"no incident arrived on the incident topic ({self.unreadable} unreadable records)")
        if found.found_share is not None and found.found_share < MIN_FOUND_SHARE:
            reasons.append(f"{found.found} of {len(found.findings)} faults found, expected {MIN_FOUND_SHARE:.0%}")
        executed = [act for act in self.acts.values() if act.status == "executed"]
        if not executed:
            reasons.append(f"none of {len(self.acts)} decided actions was executed")
        if not self.changes_by_tocsin():
            reasons.append("no action changed anything at the gateway")
        return tuple(reasons)
