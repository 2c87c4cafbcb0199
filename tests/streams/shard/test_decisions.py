from __future__ import annotations

import json
from dataclasses import replace

import pytest

from actions.model import Status
from actions.playbooks.playbook import Match, Playbook, Step
from classifiers.incidents.dependencies import Dependency
from classifiers.incidents.relations import inhibited
from classifiers.incidents.triage import IncidentChange, TriageParams
from classifiers.model import Incident
from streams.shard.decisions import LINGER_S
from tests.streams.fakes import outcome
from tests.streams.shard.decision_case import Case


def test_an_intent_is_filed_as_pending_with_the_incident_that_tells_it() -> None:
    incident, intent = Case().until_open()
    (filed,) = incident.actions
    assert (filed.key, filed.kind, filed.target, filed.status) == (intent.key, "circuit_breaker", "chat/r0", "pending")
    assert filed.done_at_s is None
    assert intent.params["fleet_size"] == 3


def test_a_pending_step_is_decided_once_however_often_time_passes() -> None:
    case = Case()
    case.until_open()
    assert [case.second(sick=True)[1] for _ in range(30)] == [[]] * 30


def test_the_next_step_is_due_when_the_wait_is_over_without_any_transition() -> None:
    case = Case()
    _, breaker = case.until_open()
    case.answer(breaker)
    done_s = case.now_s
    told, intents = case.second(sick=True)
    while not intents:
        told, intents = case.second(sick=True)
    assert (intents[0].kind, case.now_s) == ("notify", done_s + 10.0)
    assert [transition.change for transition in told] == ["updated"]


def test_what_was_done_is_undone_when_the_incident_resolves_and_then_it_is_let_go() -> None:
    case = Case()
    _, breaker = case.until_open()
    case.answer(breaker)
    resolved, intents = case.until_resolved()
    assert [(intent.kind, intent.undo) for intent in intents] == [("circuit_breaker", True)]
    assert (resolved.state, [action.status for action in resolved.actions]) == ("resolved", ["executed", "pending"])
    assert case.decider.busy
    told, intents = case.answer(intents[0])
    assert [action.status for action in told[0].incident.actions] == ["executed", "executed"]
    assert told[0].incident.state == "resolved"
    assert intents == []
    assert not case.decider.busy


def test_an_outcome_that_comes_after_the_end_still_leads_to_the_undo() -> None:
    case = Case()
    _, breaker = case.until_open()
    _, intents = case.until_resolved()
    assert intents == []
    _, intents = case.answer(breaker)
    assert [(intent.kind, intent.undo) for intent in intents] == [("circuit_breaker", True)]


def test_an_incident_that_waits_for_an_outcome_for_ever_is_let_go_after_a_while() -> None:
    case = Case()
    _, breaker = case.until_open()
    case.until_resolved()
    case.decider.decide([], case.now_s + LINGER_S)
    assert case.decider.busy
    case.decider.decide([], case.now_s + LINGER_S + 1.0)
    assert not case.decider.busy
    assert case.answer(breaker) == ([], [])


def test_an_undo_that_fails_calls_for_help() -> None:
    case = Case()
    _, breaker = case.until_open()
    case.answer(breaker)
    _, (undo,) = case.until_resolved()
    _, intents = case.answer(undo, "failed")
    assert [(intent.kind, intent.undo) for intent in intents] == [("notify", False)]
    assert "still in force" in intents[0].reason


def test_a_breaker_isolates_its_replica_from_its_execution_until_its_undo_is_done() -> None:
    case = Case()
    _, breaker = case.until_open()
    assert case.decider.isolated_scopes() == []
    case.answer(breaker)
    assert [scope.replica for scope in case.decider.isolated_scopes()] == ["r0"]
    _, (undo,) = case.until_resolved()
    assert [scope.replica for scope in case.decider.isolated_scopes()] == ["r0"]
    case.answer(undo)
    assert case.decider.isolated_scopes() == []


@pytest.mark.parametrize("status", ["failed", "refused", "suggested", "dry_run"])
def test_a_breaker_that_did_not_run_isolates_nothing(status: Status) -> None:
    case = Case()
    _, breaker = case.until_open()
    case.answer(breaker, status)
    assert case.decider.isolated_scopes() == []


def test_a_repeated_intent_is_filed_as_what_came_of_it_first_and_when() -> None:
    case = Case()
    incident, breaker = case.until_open()
    again = replace(
        outcome(breaker, "duplicate", 50.0), data={"earlier_status": "interrupted", "earlier_at_s": 7.0},
    )
    told = case.decider.record_outcome(again, case.now_s)
    assert told is not None
    (filed,) = told.incident.actions
    assert (told.incident.id, filed.status, filed.done_at_s) == (incident.id, "interrupted", 7.0)


def test_an_outcome_of_an_unknown_incident_is_nobodys() -> None:
    case = Case()
    _, breaker = case.until_open()
    assert case.decider.record_outcome(outcome(replace(breaker, incident_id="inc-other")), case.now_s) is None


def test_a_restart_goes_on_with_what_was_to_be_undone() -> None:
    case, other = Case(), Case()
    _, breaker = case.until_open()
    case.answer(breaker)
    _, (undo,) = case.until_resolved()
    other.decider.load(json.loads(json.dumps(case.decider.dump())))
    other.now_s = case.now_s
    assert other.decider.isolated_scopes() == case.decider.isolated_scopes()
    assert other.answer(undo) == case.answer(undo)


def test_a_dump_that_is_none_is_refused_by_place() -> None:
    with pytest.raises(ValueError, match="closed incidents"):
        Case().decider.load([{"id": 5}])


def test_nothing_is_begun_for_an_effect_until_it_is_released() -> None:
    params = TriageParams(dependencies=(Dependency("chat", ("db",)),), inhibit_hold_s=5.0)
    case = Case(triage=params)
    case.triage.observe_remote(replace(_incident_of_db(), opened_at_s=0.0), 0.0)
    told, intents = case.second(sick=True)
    while not told:
        told, intents = case.second(sick=True)
    assert (intents, inhibited(told[0].incident), told[0].incident.actions) == ([], True, ())
    case.triage.observe_remote(replace(_incident_of_db(), state="resolved"), case.now_s)
    ended_s = case.now_s
    while not intents:
        told, intents = case.second(sick=True)
    assert (intents[0].kind, case.now_s) == ("circuit_breaker", ended_s + 6.0)


def _incident_of_db() -> Incident:
    opened, _ = Case().until_open()
    return replace(opened, id="inc-db", service="db", onset_at_s=0.0, onset_error_s=1.0, actions=())


LATER_STEP = Playbook(
    "by-tenant", 2, Match(), "auto", (Step("notify", "{service}"), Step("throttle", "{service}/{tenant}")), on_open=(),
)
WHY = (
    "playbook by-tenant, revision 2: step 2 (throttle on {service}/{tenant}) is skipped, since the incident names no "
    "tenant"
)


def test_a_step_without_a_target_is_in_the_audit_once_with_its_reason() -> None:
    case = Case(LATER_STEP)
    incident, notice = case.until_open()
    (entry,) = case.decider.take_audit()
    assert (entry.subject, entry.event, entry.at_s, entry.reason) == (incident.id, "skip", case.now_s, WHY)
    case.answer(notice)
    case.until_resolved()
    assert case.decider.take_audit() == []


def test_the_audit_of_a_skipped_step_is_not_written_again_after_a_restart() -> None:
    case, other = Case(LATER_STEP), Case(LATER_STEP)
    incident, _ = case.until_open()
    other.decider.load(json.loads(json.dumps(case.decider.dump())))
    worse = replace(incident, peak_severity="P0")
    other.decider.decide([IncidentChange("updated", worse)], case.now_s + 1.0)
    assert other.decider.take_audit() == []
    other.decider.decide([IncidentChange("updated", replace(worse, state="resolved", resolved_at_s=9.0))], 9.0)
    other.decider.decide([IncidentChange("updated", worse)], 10.0)
    assert [entry.reason for entry in other.decider.take_audit()] == [WHY]
