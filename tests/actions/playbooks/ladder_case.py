"""An incident whose decisions are answered one after the other: for the tests of the policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from actions.limits import LimitParams
from actions.model import Fleet, Intent, Status
from actions.playbooks.playbook import Match, Playbook, Step, Verify
from actions.playbooks.policy import decide
from actions.playbooks.prerequisites import Unknown
from classifiers.model import ActionRecord, Incident, RemedyRecord, RemedyState
from tests.actions.cases import NOW_S, incident

LIMITS = LimitParams()
BREAK = Step("circuit_breaker", "{service}/{replica}", {"note": "x"}, verify=Verify(within_s=30.0))
THROTTLE = Step("throttle", "{service}")
PAGE = Step("notify", "{service}")
LADDER = Playbook("runaway", 3, Match(("resource_exhaustion",), scopes=("replica",)), "auto", (BREAK, THROTTLE, PAGE))


@dataclass
class KnownFacts(Unknown):
    """Facts as a test states them. records: by step id, how often it helped, of how many judged runs."""

    known_fleet: Fleet | None = None
    known_concentration: float | None = None
    known_age_s: float | None = None
    known_in_force: frozenset[str] = frozenset()
    records: dict[str, tuple[int, int]] = field(default_factory=dict)
    failures: int = 0

    def fleet(self) -> Fleet | None:
        return self.known_fleet

    def concentration(self) -> float | None:
        return self.known_concentration

    def version_age_s(self) -> float | None:
        return self.known_age_s

    def in_force(self) -> frozenset[str]:
        return self.known_in_force

    def record(self, playbook: str, step_id: str) -> tuple[int, int]:  # noqa: ARG002 - the protocol's signature
        return self.records.get(step_id, (0, 0))

    def ineffective(self, playbook: str, step_id: str, since_s: float) -> int:  # noqa: ARG002 - likewise
        return self.failures


class Course:
    """The course of one incident. What is decided is recorded on it as pending, and in `intents`."""

    def __init__(self, *books: Playbook, of: Incident | None = None, facts: KnownFacts | None = None) -> None:
        self.incident = of or incident()
        self.books: Sequence[Playbook] = books or (LADDER,)
        self.facts = facts or KnownFacts()
        self.now_s = NOW_S
        self.intents: list[Intent] = []

    def due(self, later_s: float = 0.0) -> list[Intent]:
        """What is decided after so many seconds more."""
        self.now_s += later_s
        found = decide(self.incident, self.books, LIMITS, self.now_s, self.facts)
        self.intents += found
        for one in found:
            terms = None if one.remedy is None else one.remedy.undo
            self._put(ActionRecord(
                one.key, one.kind, one.target, one.mode, "pending", one.decided_at_s, None, one.step_id, one.attempt,
                one.undo, one.playbook, terms, digest=one.digest,
            ))
        return found

    def steps(self, later_s: float = 0.0) -> list[Intent]:
        """The same, without the notices beside the ladder."""
        return [one for one in self.due(later_s) if not is_beside(one)]

    def step(self, later_s: float = 0.0) -> Intent:
        """The one step that is due."""
        (found,) = self.steps(later_s)
        return found

    def answer(self, intent: Intent, status: Status = "executed") -> None:
        """The outcome of an intent, now."""
        known = next(one for one in self.incident.actions if one.key == intent.key)
        self._put(replace(known, status=status, done_at_s=self.now_s))

    def answer_all(self, status: Status = "executed") -> None:
        """The outcome of all that is pending."""
        for one in self.incident.actions:
            if one.status == "pending":
                self._put(replace(one, status=status, done_at_s=self.now_s))

    def judge(self, intent: Intent, state: RemedyState) -> None:
        """What the detectors say of a remedy."""
        record = RemedyRecord(intent.key, intent.step_id or "", intent.kind, intent.target, state, self.now_s, "so")
        others = tuple(one for one in self.incident.remedies if one.key != intent.key)
        self.incident = replace(self.incident, remedies=(*others, record))

    def become(self, **changes: object) -> None:
        """Another state of the incident."""
        self.incident = replace(self.incident, **changes)  # type: ignore[arg-type]  # a test names its fields itself

    def _put(self, record: ActionRecord) -> None:
        actions = {one.key: one for one in self.incident.actions}
        self.incident = replace(self.incident, actions=tuple({**actions, record.key: record}.values()))


def is_beside(intent: Intent) -> bool:
    """Whether an intent notifies beside the ladder."""
    return (intent.step_id or "").partition("/")[0] in ("on_open", "on_change", "on_failure", "undo_failed")
