"""The advisor: learns severity and category from confirmed incidents, and may move the severity within limits.

It gives advice on every incident. It changes nothing until its prequential record is better than that of the rules.
Then it may move the severity by one level, where it has won more often than lost against what the rules say. It never
moves the category. Every advice is published as factors: the advised value, by how much it moved, and the record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from classifiers.directives import Feedback
from classifiers.learning.features import RULES, Features, Weights, features, rules_verdict
from classifiers.learning.prequential import LearningParams, PrequentialRecord, Trial
from classifiers.model import Category, Factor, Incident, Severity
from classifiers.validation_errors import describe_first
from classifiers.verdict.hysteresis import SEVERITY_ORDER

if TYPE_CHECKING:
    from classifiers.learning.learner import Learner

ADVISOR = "advisor"


@dataclass(frozen=True, slots=True)
class Advice:
    """The severity to use, and the factors that explain it."""

    severity: Severity
    factors: tuple[Factor, ...]


@dataclass(frozen=True, slots=True)
class CachedAdvice:
    """An advice and its basis. It is valid while the basis stays the same: the rules' verdict and what is learned."""

    basis: tuple[str | int | None, ...]
    advice: Advice


@dataclass(frozen=True, slots=True)
class _RecordSnapshot:
    trials: list[Trial]
    trusted: bool
    net_losses: int


@dataclass(frozen=True, slots=True)
class _AdvisorSnapshot:
    feedback_count: int
    weights: list[Weights] | None
    severity: _RecordSnapshot
    category: _RecordSnapshot


_SNAPSHOT = TypeAdapter(_AdvisorSnapshot)


class Advisor:
    """The advisor of one shard. Every shard reads every feedback, so all advisors are the same.

    After a crash it comes back with the shard's snapshot, as weights and trials. A second feedback on an incident that
    is on record is learned but not counted as a trial, since the answer is known by then.
    """

    def __init__(self, params: LearningParams) -> None:
        from classifiers.learning.learner import Learner  # here, because river takes a second to import

        self.severity = PrequentialRecord(params)
        self.category = PrequentialRecord(params)
        self.feedback_count = 0
        """Feedbacks learned."""
        self._learner: Learner | None = None
        self._new_learner = Learner

    def learn(self, feedback: Feedback) -> str:
        """Predict, score the prediction, then learn. Returns the result as a text for the audit."""
        if feedback.expected:
            return "a planned change has no severity to learn"
        if not feedback.confirmed:
            return "a false alarm has no severity to learn"
        if not feedback.features:
            return "it names no features to learn from"
        if feedback.severity is None and feedback.category is None:
            return "it says neither severity nor category"
        learner = self._learner = self._learner or self._new_learner()
        rules, rules_category = rules_verdict(feedback.features)
        if feedback.severity is not None and feedback.incident_id not in self.severity:
            advice = _within_one_level(rules, learner.severity(feedback.features))
            self.severity.add(Trial(feedback.incident_id, feedback.severity, rules, advice))
        if feedback.category is not None and rules_category is not None and feedback.incident_id not in self.category:
            predicted = learner.category(feedback.features)
            self.category.add(Trial(feedback.incident_id, feedback.category, rules_category, predicted))
        learner.learn(feedback.features, feedback.severity, feedback.category)
        self.feedback_count += 1
        return f"learned as number {self.feedback_count}; severity: {self._standing()}"

    def advise(self, incident: Incident, rules: Severity) -> Advice:
        """The advice on an incident, once anything has been learned. rules: the rules' severity. About 0.2 ms."""
        assert self._learner is not None
        numbers = features(incident, rules)
        predicted = self._learner.severity(numbers)
        advised = _within_one_level(rules, predicted)
        used = advised if self.severity.trusted and self.severity.net_wins(rules) > 0 else rules
        moved = float(SEVERITY_ORDER.index(rules) - SEVERITY_ORDER.index(used))
        text = f"{predicted} from {self.feedback_count} confirmed incidents: {self._standing()}"
        if advised != used:
            text += f"; it has not gained on {rules} yet" if self.severity.trusted else "; it only advises"
        rules_factor = Factor(RULES, rules, 0.0, f"{rules} by the other factors")
        return Advice(used, (rules_factor, Factor(ADVISOR, predicted, moved, text), self._category_factor(numbers)))

    def dump(self) -> dict[str, Any]:
        """Everything learned, as JSON values."""
        weights = None if self._learner is None else self._learner.dump()
        snapshot = _AdvisorSnapshot(
            self.feedback_count, weights, _dump_record(self.severity), _dump_record(self.category),
        )
        found: dict[str, Any] = _SNAPSHOT.dump_python(snapshot)
        return found

    def load(self, data: object) -> None:
        """Restore a dump into a new advisor; raises `ValueError` when it is not one."""
        try:
            snapshot = _SNAPSHOT.validate_python(data)
        except ValidationError as error:
            raise ValueError(f"learning: {describe_first(error)}") from None
        self.feedback_count = snapshot.feedback_count
        for record, dumped in ((self.severity, snapshot.severity), (self.category, snapshot.category)):
            record.restore(dumped.trials, dumped.trusted, dumped.net_losses)
        if snapshot.weights is not None:
            self._learner = self._new_learner()
            self._learner.load(snapshot.weights)

    def _standing(self) -> str:
        return f"{self.severity.overall}; {'trusted' if self.severity.trusted else 'not trusted'}"

    def _category_factor(self, numbers: Features) -> Factor:
        assert self._learner is not None
        predicted: Category = self._learner.category(numbers)
        text = f"{predicted}: {self.category.overall}; it only advises"
        return Factor(f"{ADVISOR}_category", predicted, 0.0, text)


def _within_one_level(rules: Severity, predicted: Severity) -> Severity:
    """The rules' severity, moved towards the predicted one by at most one level."""
    rank, wanted = SEVERITY_ORDER.index(rules), SEVERITY_ORDER.index(predicted)
    return SEVERITY_ORDER[rank + max(-1, min(1, wanted - rank))]


def _dump_record(record: PrequentialRecord) -> _RecordSnapshot:
    return _RecordSnapshot(list(record.trials), record.trusted, record.net_losses)
