"""The advice on an incident: requested when the rules' verdict changes or more is learned, and kept over a restart."""

from __future__ import annotations

import json

from classifiers.incidents.triage import Triage, TriageParams
from classifiers.incidents.triage_snapshot import dump, load
from classifiers.learning.advisor import Advice, Advisor
from classifiers.learning.learning_state import LearningState
from classifiers.learning.prequential import LearningParams
from classifiers.model import Incident, Severity
from classifiers.verdict.severity import SeverityParams
from tests.classifiers.feedback_stream import feedback
from tests.classifiers.readings import CODE, SERVICE, instant

AT_ONCE = TriageParams(severity=SeverityParams(page_after_s=0.0))


class CountingAdvisor(Advisor):
    """Counts its advices."""

    def __init__(self) -> None:
        super().__init__(LearningParams())
        self.advices = 0

    def advise(self, incident: Incident, rules: Severity) -> Advice:
        self.advices += 1
        return super().advise(incident, rules)


def make() -> tuple[Triage, CountingAdvisor]:
    learning = LearningState(LearningParams())
    learning.advisor = advisor = CountingAdvisor()
    return Triage(AT_ONCE, lambda _: 2, "abc", learning=learning), advisor


def taught() -> tuple[Triage, CountingAdvisor]:
    triage, advisor = make()
    triage.learning.learn(feedback(1))
    return triage, advisor


def alarm(triage: Triage, start: int, end: int) -> None:
    for second in range(start, end):
        triage.observe(SERVICE, float(second), instant(float(second), "prompt_tokens", {CODE: 1.0}))


def test_an_advice_is_kept_while_the_verdict_of_the_rules_stays_the_same() -> None:
    triage, advisor = taught()
    alarm(triage, 0, 20)
    assert advisor.advices == 1


def test_a_new_advice_is_requested_as_soon_as_more_is_learned() -> None:
    triage, advisor = taught()
    alarm(triage, 0, 10)
    triage.learning.learn(feedback(2))
    alarm(triage, 10, 20)
    assert advisor.advices == 2


def test_an_advice_is_kept_over_a_restart() -> None:
    (first, first_advisor), (second, second_advisor) = taught(), make()
    alarm(first, 0, 10)
    load(second, json.loads(json.dumps(dump(first))))
    for triage in (first, second):
        alarm(triage, 10, 20)
    assert (first_advisor.advices, second_advisor.advices) == (1, 0)
    assert first.open_incidents() == second.open_incidents() != []
