"""How incidents are answered: figures where something is on record, None where nothing is."""

from __future__ import annotations

import pytest

from classifiers.accounting.response_report import compute_response, week_of
from classifiers.accounting.slo_report import StageTargets
from classifiers.model import Acknowledgement, ActionRecord, Incident, StageTime
from tests.actions.audiences.cases import T, deviating, incident

ACK = Acknowledgement("ben", T, T + 60)
ENDED = {"state": "resolved", "resolved_at_s": T + 60, "opened_severity": "P3", "evidence": deviating("a")}


def test_without_an_answer_of_a_person_nothing_is_said_about_escalations_and_noise() -> None:
    found = compute_response([incident(**ENDED)], {})
    assert (found.wrong_escalations, found.automation, found.pages_per_person_week) == (None, None, None)
    assert [(one.rule, one.incidents, one.noise) for one in found.rules] == [("cusum on latency_ms", 1, None)]


def test_an_escalation_that_was_called_a_planned_change_was_wrong() -> None:
    right = incident(id="a", **ENDED, acknowledged=ACK)
    wrong = incident(id="b", **ENDED, resolution="expected")
    unanswered = incident(id="c", **ENDED)
    found = compute_response([right, wrong, unanswered], {})
    assert found.wrong_escalations == 0.5
    assert found.rules[0].noise == pytest.approx(1 / 3)
    assert [(one.cause, one.count) for one in found.causes] == [("performance_degradation at chat/gpt/r0", 3)]


def test_feedback_of_a_person_is_an_answer_and_says_whether_it_was_a_fault() -> None:
    three = [incident(id=name, **ENDED) for name in ("a", "b", "c")]
    found = compute_response(three, {}, faults={"a": True, "b": False, "elsewhere": False})
    assert found.wrong_escalations == 0.5
    assert found.rules[0].noise == pytest.approx(2 / 3)
    acknowledged = incident(id="a", **ENDED, acknowledged=ACK)
    assert compute_response([acknowledged], {}, faults={"a": False}).rules[0].noise == 1.0


def test_weeks_show_the_trend_of_medians_and_of_targets_met() -> None:
    def took(number: int, seconds: float | None) -> dict[str, object]:
        time = StageTime(seconds, "recorded" if seconds is not None else "pending")
        return {"id": str(number), "opened_at_s": T + number * 604_800.0, "stage_times": {"resolve": time}}

    found = compute_response([incident(**took(0, 50.0)), incident(**took(1, 90.0)), incident(**took(2, None))],
                             {"P1": StageTargets(resolve_s=60.0)})
    assert [(one.resolve_median_s, one.resolve_met) for one in found.weeks] == [(50.0, 1.0), (90.0, 0.0), (None, None)]
    assert [one.detect_median_s for one in found.weeks] == [None] * 3


def test_pages_are_counted_by_person_and_week() -> None:
    found = compute_response([], {}, pages=[("ben", T), ("ben", T + 1), ("anna", T + 604_800.0)])
    assert found.pages_per_person_week == {"anna": 0.5, "ben": 1.0}


def test_only_pages_of_the_period_count_and_none_of_it_is_not_unknown() -> None:
    pages = [("ben", T), ("ben", T + 604_800.0), ("anna", T + 604_801.0)]
    found = compute_response([], {}, since_s=T + 1.0, until_s=T + 604_801.0, pages=pages)
    assert found.pages_per_person_week == {"ben": 1.0}
    assert compute_response([], {}, since_s=T + 9e6, pages=pages).pages_per_person_week == {}


def test_a_remedy_that_ran_unasked_is_automated_and_one_that_was_approved_is_not() -> None:
    def acted(name: str, mode: str, status: str, *by: str) -> Incident:
        action = ActionRecord(name, "throttle", "chat", mode, status, T, approved_by=by)
        return incident(id=name, actions=(action,))

    found = compute_response([
        acted("a", "auto", "executed"), acted("b", "auto", "executed", "kim"), acted("c", "auto", "refused"),
        acted("d", "auto", "executed"), incident(id="e"),
    ], {})
    assert (found.automation, found.automation_target) == (0.5, 0.8)


def test_causes_are_told_by_how_often_they_come_back_and_one_that_came_once_is_none() -> None:
    found = compute_response([
        incident(id="a", opened_at_s=T), incident(id="b", opened_at_s=T + 5.0),
        *(incident(id=f"c{number}", category="availability", opened_at_s=T + number) for number in range(3)),
        incident(id="d", category="data_quality"),
    ], {})
    assert [(one.cause.partition(" ")[0], one.count, one.last_s) for one in found.causes] == [
        ("availability", 3, T + 2.0), ("performance_degradation", 2, T + 5.0),
    ]


def test_a_week_begins_on_monday() -> None:
    assert week_of(345_600.0) == 345_600.0
    assert week_of(345_599.0) == 345_600.0 - 604_800.0
