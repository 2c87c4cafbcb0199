from __future__ import annotations

import json
from typing import get_args

import pytest

from classifiers.learning.features import Weights
from classifiers.learning.learner import MAX_NAMES, Learner
from classifiers.model import ServiceCategory, Severity
from classifiers.verdict.hysteresis import SEVERITY_ORDER
from tests.classifiers.feedback_stream import numbers


@pytest.mark.parametrize("severity", SEVERITY_ORDER)
@pytest.mark.parametrize("category", get_args(ServiceCategory))
def test_before_any_feedback_it_says_what_the_rules_say(severity: Severity, category: ServiceCategory) -> None:
    said = numbers(severity, category=category)
    assert (Learner().severity(said), Learner().category(said)) == (severity, category)


def test_it_learns_what_the_rules_do_not_know() -> None:
    learner = Learner()
    for _ in range(30):
        learner.learn(numbers("P2", tenant=True), "P1", "data_quality")
        learner.learn(numbers("P2"), "P2", "availability")
    assert (learner.severity(numbers("P2", tenant=True)), learner.severity(numbers("P2"))) == ("P1", "P2")
    assert (learner.category(numbers("P2", tenant=True)), learner.category(numbers("P2"))) == (
        "data_quality", "availability",
    )


def test_one_feedback_does_not_turn_it() -> None:
    learner = Learner()
    learner.learn(numbers("P2"), "P0", None)
    assert learner.severity(numbers("P2")) == "P2"


def test_it_goes_on_after_a_restart_as_if_there_had_been_none() -> None:
    whole, first = Learner(), Learner()
    for number in range(40):
        severity: Severity = "P1" if number % 2 else "P3"
        whole.learn(numbers("P2", number % 2 == 1), severity, "security")
        first.learn(numbers("P2", number % 2 == 1), severity, "security")
        second = Learner()
        second.load(json.loads(json.dumps(first.dump())))
        first = second
    assert first.dump() == whole.dump()


def test_names_without_end_take_no_memory_without_end() -> None:
    learner = Learner()
    for number in range(MAX_NAMES + 100):
        learner.learn({f"name {number}": 1.0}, "P1", None)
    assert all(len(weights) <= MAX_NAMES + 2 for model in learner.dump() for weights in model.values())


@pytest.mark.parametrize(
    ("first", "reason"),
    [([{}], "learned weights of"), ([{"milder": {"bias": float("nan")}, "not milder": {}}], "finite")],
)
def test_weights_of_another_shape_are_refused(first: list[Weights], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Learner().load([*first, *Learner().dump()[1:]])
