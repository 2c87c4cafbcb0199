"""The advice within an incident: asked for when the rules say otherwise or more is known, and kept over a restart."""

from __future__ import annotations

import json

import pytest

from classifiers.incidents.triage import Triage, TriageParams
from classifiers.incidents.triage_snapshot import dump, load
from classifiers.learning.advisor import Advice, Advisor
from classifiers.learning.learning_state import LearningState
from classifiers.learning.prequential import LearningParams
from classifiers.model import Incident, Severity
from tests.classifiers.confirmed import feedback
from tests.classifiers.story import CODE, SERVICE, instant


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Severity]:
    """What the rules said each time that an advisor was asked."""
    said: list[Severity] = []
    advise = Advisor.advise

    def noted(advisor: Advisor, incident: Incident, rules: Severity) -> Advice:
        said.append(rules)
        return advise(advisor, incident, rules)

    monkeypatch.setattr(Advisor, "advise", noted)
    return said


def make() -> Triage:
    learning = LearningState(LearningParams())
    learning.learn(feedback(1))
    return Triage(TriageParams(), lambda _: 2, "abc", learning=learning)


def alarm(triage: Triage, start: int, end: int) -> None:
    for second in range(start, end):
        triage.observe(SERVICE, float(second), instant(float(second), "prompt_tokens", {CODE: 1.0}))


def test_an_advice_holds_while_the_rules_say_the_same(asked: list[Severity]) -> None:
    alarm(make(), 0, 20)
    assert len(asked) == 1


def test_what_is_learned_meanwhile_is_asked_for_at_once(asked: list[Severity]) -> None:
    triage = make()
    alarm(triage, 0, 10)
    triage.learning.learn(feedback(2))
    alarm(triage, 10, 20)
    assert len(asked) == 2


def test_an_advice_survives_a_restart(asked: list[Severity]) -> None:
    first, second = make(), Triage(TriageParams(), lambda _: 2, "abc")
    alarm(first, 0, 10)
    load(second, json.loads(json.dumps(dump(first))))
    for triage in (first, second):
        alarm(triage, 10, 20)
    assert len(asked) == 1
    assert first.open_incidents() == second.open_incidents() != []
