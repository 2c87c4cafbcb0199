"""The ladder in a shard: suggestions that people answer, remedies that are judged, and all of it over a restart."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from actions.model import Intent, Outcome, Status
from actions.playbooks.playbook import Match, Playbook, Step, Verify
from actions.playbooks.prerequisites import When
from classifiers.incidents.triage import TriageParams
from classifiers.model import Incident
from streams.shard.ladder.outcomes import pending, with_outcome
from tests.actions.cases import intent
from tests.streams.fakes import outcome
from tests.streams.shard.decision_case import BREAKER, LADDER, Case

ASKING = replace(LADDER, mode="suggest", on_failure=())
THROTTLE = Step("throttle", "{service}", verify=Verify(2.0, 6.0, 5), undo="when_failed")
JUDGED = Playbook("judged", 1, Match(), "auto", (THROTTLE, replace(THROTTLE, id="more")), on_open=(), on_failure=())


def incident_of(case: Case) -> Incident:
    (found,) = case.triage.open_incidents()
    return found


def seconds(case: Case, count: int, *, sick: bool) -> list[Intent]:
    return [intent for _ in range(count) for intent in case.second(sick)[1]]


def states(found: Incident) -> list[tuple[str, str]]:
    return [(remedy.step_id, remedy.state) for remedy in found.remedies]


def test_a_suggestion_runs_only_after_it_was_approved_and_under_the_same_key() -> None:
    case = Case(ASKING)
    _, asked = case.until_open()
    assert (asked.mode, asked.approval is not None) == ("suggest", True)
    case.answer(asked, "suggested")
    assert seconds(case, 5, sick=True) == []
    told, (released,) = case.answer(asked, "approved")
    assert (released.key, released.mode) == (asked.key, "auto")
    (action,) = told[0].incident.actions
    assert (action.status, action.mode, action.step_id) == ("pending", "auto", "circuit_breaker")
    case.answer(released)
    assert incident_of(case).actions[0].status == "executed"


@pytest.mark.parametrize("late", ["suggested", "approved", "rejected"])
def test_an_answer_that_comes_again_or_late_changes_nothing(late: Status) -> None:
    case = Case(ASKING)
    _, asked = case.until_open()
    _, (released,) = case.answer(asked, "approved")
    before = incident_of(case).actions
    assert case.answer(asked, late) == ([], [])
    assert incident_of(case).actions == before
    case.answer(released)
    assert case.answer(asked, late) == ([], [])


def test_an_executed_action_is_not_changed_by_a_second_outcome() -> None:
    known = with_outcome(pending(intent()), outcome(intent(), "executed", 5.0))
    for status in ("failed", "approved", "expired", "executed"):
        assert with_outcome(known, outcome(intent(), status, 6.0)) is known


def test_a_request_that_nobody_answers_is_over_with_an_audit_entry_and_the_next_step_is_due() -> None:
    case = Case(ASKING)
    _, asked = case.until_open()
    case.answer(asked, "suggested")
    case.now_s += 959.0
    _, intents = case.second(sick=True)
    assert intents == []
    _, intents = case.second(sick=True)
    (entry,) = case.decider.take_audit()
    assert (entry.subject, entry.event, entry.after) == (asked.key, "expire", "expired")
    assert incident_of(case).actions[0].status == "expired"
    assert [one.kind for one in case.second(sick=True)[1]] == ["notify"]


def test_a_suggestion_shows_the_fleet_that_its_prerequisites_were_judged_by() -> None:
    careful = replace(BREAKER, when=When(siblings_healthy=0.6))
    case = Case(replace(ASKING, steps=(careful,)))
    _, asked = case.until_open()
    assert asked.fleet is not None
    assert (asked.fleet.size, asked.fleet.healthy, asked.fleet.alarming) == (3, 2, 1)
    assert asked.approval is not None


def test_what_fails_is_tried_twice_then_paged_and_the_next_step_is_due_at_once() -> None:
    case = Case(replace(LADDER, on_failure=("page",)))
    _, breaker = case.until_open()
    _, (again,) = case.answer(breaker, "failed")
    assert (again.attempt, again.kind) == (2, "circuit_breaker")
    _, intents = case.answer(again, "failed")
    assert [(one.kind, one.step_id) for one in intents] == [
        ("notify", "on_failure/circuit_breaker"), ("notify", "notify"),
    ]
    assert intents[0].decided_at_s == case.now_s


def test_a_remedy_that_helps_is_shown_as_recovered_by_the_readings_after_it() -> None:
    case = Case(JUDGED)
    _, ran = case.until_open()
    case.answer(ran)
    assert seconds(case, 7, sick=False) == []
    resolved, intents = case.until_resolved()
    assert states(resolved) == [("throttle", "recovered")]
    assert intents == []
    assert [one.after for one in case.decider.take_audit() if one.event == "verify"][-1] == "recovered"


def test_a_remedy_that_does_not_help_is_undone_and_the_next_step_is_due() -> None:
    case = Case(JUDGED)
    _, ran = case.until_open()
    case.answer(ran)
    intents = seconds(case, 6, sick=True)
    assert [(one.step_id, one.undo) for one in intents] == [("more", False), ("throttle", True)]
    assert states(incident_of(case)) == [("throttle", "not_recovered")]
    case.answer(intents[1])
    case.second(sick=True)
    assert states(incident_of(case)) == [("throttle", "undone")]


def test_a_restart_between_remedy_and_verdict_changes_nothing() -> None:
    case, other = Case(JUDGED), Case(JUDGED)
    for each in (case, other):
        _, ran = each.until_open()
        each.answer(ran)
        seconds(each, 3, sick=True)
    other.decider.load(json.loads(json.dumps(other.decider.dump())))
    assert seconds(case, 4, sick=True) == seconds(other, 4, sick=True)
    assert incident_of(case).remedies == incident_of(other).remedies


def test_what_did_not_help_three_times_is_only_suggested() -> None:
    case = Case(replace(JUDGED, steps=(THROTTLE,)), triage=TriageParams(flap_openings=99))
    modes = []
    for _ in range(4):
        _, ran = case.until_open()
        modes.append(ran.mode)
        case.answer(ran, "executed" if ran.mode == "auto" else "rejected")
        seconds(case, 8, sick=True)
        while case.triage.has_open:
            case.second(sick=False)
    assert modes == ["auto", "auto", "auto", "suggest"]


def test_an_outcome_that_comes_for_an_action_of_an_older_release_counts() -> None:
    case = Case(LADDER)
    found, _ = case.until_open()
    old = Outcome("k-old", found.id, "throttle", "chat", "auto", "executed", "", 1.0, 2.0)
    change = case.decider.record_outcome(old, case.now_s)
    assert change is not None
    assert change.incident.actions[-1].status == "executed"
