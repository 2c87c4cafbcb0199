"""The advisor: what confirmed incidents teach about severity and category, and how far that may go.

It advises on every incident and moves nothing until its record beats the rules'. Then it may move the severity by one
level, where it has gained so far on what the rules say. The category it never moves. Every use is a factor of the
incident: what it says, by how much it moved, and its record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from classifiers.directives import Feedback
from classifiers.learning.features import RULES, Features, features, rules_said
from classifiers.learning.learner import Learner, Weights
from classifiers.learning.prequential import LearningParams, Record, Trial
from classifiers.model import Category, Factor, Incident, Severity
from classifiers.verdict.hysteresis import ORDER

ADVISOR = "advisor"


@dataclass(frozen=True, slots=True)
class Advice:
    """The severity to use, and the factors that tell why."""

    severity: Severity
    factors: tuple[Factor, ...]


@dataclass(frozen=True, slots=True)
class Advised:
    """An advice and what it was given on: it holds while the rules say the same and nothing was learned since."""

    basis: tuple[str | int | None, ...]
    advice: Advice


@dataclass(frozen=True, slots=True)
class _Kept:
    trials: list[Trial]
    trusted: bool
    slump: int


@dataclass(frozen=True, slots=True)
class _Memory:
    learned: int
    weights: list[Weights] | None
    severity: _Kept
    category: _Kept


_MEMORY = TypeAdapter(_Memory)


class Advisor:
    """What one shard has learned. Every shard hears every feedback, so all come to the same.

    On a crash it comes back with the shard's snapshot, as weights and trials. A feedback on an incident that is on
    record is learned but not counted: the answer is known by then.
    """

    def __init__(self, params: LearningParams) -> None:
        self.severity = Record(params)
        self.category = Record(params)
        self.learned = 0
        """Feedbacks taken in."""
        self._learner: Learner | None = None

    def take(self, feedback: Feedback) -> str:
        """Answer, be judged, then learn. Returns what came of it, in words for the audit."""
        if not feedback.confirmed:
            return "a false alarm has no severity to learn"
        if not feedback.features:
            return "it names no features to learn from"
        if feedback.severity is None and feedback.category is None:
            return "it says neither severity nor category"
        learner = self._learner = self._learner or Learner()
        rules, category = rules_said(feedback.features)
        if feedback.severity is not None and feedback.incident_id not in self.severity:
            advice = _one_level(rules, learner.severity(feedback.features))
            self.severity.note(Trial(feedback.incident_id, feedback.severity, rules, advice))
        if feedback.category is not None and category is not None and feedback.incident_id not in self.category:
            named = learner.category(feedback.features)
            self.category.note(Trial(feedback.incident_id, feedback.category, category, named))
        learner.learn(feedback.features, feedback.severity, feedback.category)
        self.learned += 1
        return f"learned as number {self.learned}; severity: {self._standing()}"

    def advise(self, incident: Incident, rules: Severity) -> Advice:
        """What to make of an incident of which the rules say so, once anything has been learned. About 0.2 ms."""
        assert self._learner is not None
        numbers = features(incident, rules)
        said = self._learner.severity(numbers)
        wanted = _one_level(rules, said)
        used = wanted if self.severity.trusted and self.severity.gained(rules) > 0 else rules
        moved = float(ORDER.index(rules) - ORDER.index(used))
        text = f"{said} from {self.learned} confirmed incidents: {self._standing()}"
        if wanted != used:
            text += f"; it has not gained on {rules} yet" if self.severity.trusted else "; it only advises"
        alone = Factor(RULES, rules, 0.0, f"{rules} by the other factors")
        return Advice(used, (alone, Factor(ADVISOR, said, moved, text), self._on_category(numbers)))

    def dump(self) -> dict[str, Any]:
        """Everything learned, as JSON values."""
        weights = None if self._learner is None else self._learner.dump()
        memory = _Memory(self.learned, weights, _kept(self.severity), _kept(self.category))
        found: dict[str, Any] = _MEMORY.dump_python(memory)
        return found

    def load(self, data: object) -> None:
        """Put a dump back into a fresh advisor; raises `ValueError` when it is not one."""
        try:
            memory = _MEMORY.validate_python(data)
        except ValidationError as error:
            raise ValueError(f"learning: {error.errors()[0]['loc']}: {error.errors()[0]['msg']}") from None
        self.learned = memory.learned
        for record, kept in ((self.severity, memory.severity), (self.category, memory.category)):
            record.restore(kept.trials, kept.trusted, kept.slump)
        if memory.weights is not None:
            self._learner = Learner()
            self._learner.load(memory.weights)

    def _standing(self) -> str:
        return f"{self.severity.overall}; {'trusted' if self.severity.trusted else 'not trusted'}"

    def _on_category(self, numbers: Features) -> Factor:
        assert self._learner is not None
        named: Category = self._learner.category(numbers)
        return Factor(f"{ADVISOR}_category", named, 0.0, f"{named}: {self.category.overall}; it only advises")


def _one_level(rules: Severity, said: Severity) -> Severity:
    """What would be used: the rules' severity, moved towards the advisor's by one level at most."""
    rank, wanted = ORDER.index(rules), ORDER.index(said)
    return ORDER[rank + max(-1, min(1, wanted - rank))]


def _kept(record: Record) -> _Kept:
    return _Kept(list(record.trials), record.trusted, record.slump)
