"""What becomes of a request: each row of the machine, who counts, and what voids it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actions.approvals.desk import FORGET_AFTER_S, MAX_OPEN, RELEASE_WITHIN_S, UNOWNED_AFTER_S
from actions.approvals.machine import ENDED, OPEN, TRANSITIONS, next_state
from actions.model import ApprovalTerms
from classifiers.by_hand import Decide, Withdraw
from classifiers.model import Incident, Related
from tests.actions.approvals.cases import Case, T, decided, incident, suggested, withdrawn


def test_a_suggestion_is_asked_once_and_its_shard_is_told_nothing_yet() -> None:
    case = Case(suggested())
    (asked,) = case.at(T + 1.0)
    assert (asked.request.state, asked.request.shard, asked.outcome) == ("requested", 2, None)
    assert asked.request.expires_at_s == T + 900.0
    assert case.at(T + 2.0) == []


def test_a_suggestion_without_terms_waits_for_one_approver_for_15_minutes() -> None:
    case = Case(suggested(approval=None))
    (asked,) = case.at(T + 1.0)
    assert (asked.request.terms, asked.request.expires_at_s) == (ApprovalTerms(("approver",), 1, 900.0), T + 900.0)


def test_what_runs_by_itself_and_what_undoes_ask_nobody() -> None:
    assert Case(suggested(mode="auto"), suggested("k2", undo=True), suggested("k3", mode="observe")).at(T) == []


def test_the_last_person_that_is_needed_approves_it_and_the_decisions_go_to_the_shard() -> None:
    intent = suggested(approval=ApprovalTerms(count=2))
    case = Case(intent)
    case.at(T + 1.0)
    assert case.decide(decided(intent, "anna")) == "requested"
    assert case.decide(decided(intent, "ben", at_s=T + 12.0)) == "approved"
    outcome = case.changes[-1].outcome
    assert outcome is not None
    assert (outcome.status, outcome.data["people"]) == ("approved", "anna, ben")
    assert [each.who for each in outcome.decisions] == ["anna", "ben"]
    assert [change.entry.event for change in case.changes] == ["requested", "approval", "approved"]


def test_one_person_counts_once_by_whatever_path() -> None:
    intent = suggested(approval=ApprovalTerms(count=2))
    case = Case(intent)
    case.at(T + 1.0)
    case.decide(decided(intent, "anna"))
    assert case.decide(decided(intent, "anna", at_s=T + 12.0)) == "requested"
    (refused,) = case.desk.refused(lambda *_: True)
    assert "has decided before" in refused.reason
    assert case.desk.refused(lambda *_: True) == []


def test_the_first_decision_of_a_person_counts() -> None:
    intent = suggested()
    case = Case(intent)
    case.at(T + 1.0)
    case.desk.add_by_hand(decided(intent, "anna", "reject"), T + 10.0)
    case.desk.add_by_hand(decided(intent, "anna", "approve", at_s=T + 10.5), T + 10.5)
    case.at(T + 11.0)
    assert case.state() == "rejected"


def test_a_decision_that_comes_before_its_request_is_kept() -> None:
    intent = suggested()
    case = Case()
    case.desk.add_by_hand(decided(intent, "anna"), T + 10.0)
    assert case.at(T + 11.0) == []
    case.desk.add_intent(intent, 2)
    assert [change.request.state for change in case.at(T + 12.0)] == ["requested", "approved"]


@pytest.mark.parametrize(("directive", "reason"), [
    (decided(suggested(), "dan"), "expected approver"),
    (replace(decided(suggested(), "anna"), signature="00" * 64), "does not fit"),
    (decided(suggested(), "anna", key_of="ben"), "of ben"),
    (decided(suggested(params={"factor": 0.1}), "anna"), "does not fit"),
    (decided(suggested(digest="d0"), "anna"), "other terms"),
    (replace(decided(suggested(), "anna"), source="/tocsin/other"), "made for"),
    (withdrawn(suggested(), "anna"), "expected commander"),
    (withdrawn(suggested(), "cleo", T - 100.0), "before it was asked"),
    (decided(suggested(), "anna", "break_glass", comment="now"), "expected commander"),
], ids=["role", "signature", "key of another", "other parameters", "terms", "deployment", "withdraw", "early", "glass"])
def test_a_decision_that_does_not_count_changes_nothing_and_is_audited(
    directive: Decide | Withdraw, reason: str,
) -> None:
    case = Case(suggested())
    case.at(T + 1.0)
    assert case.decide(directive) == "requested"
    (refused,) = case.desk.refused(lambda *_: True)
    assert (refused.event, refused.actor) == ("refused", directive.by)
    assert reason in refused.reason


def test_a_decision_by_another_path_than_asked_does_not_count() -> None:
    intent = suggested(approval=ApprovalTerms(via=("slack",)))
    case = Case(intent)
    case.at(T + 1.0)
    assert case.decide(decided(intent, "anna")) == "requested"


def test_a_commander_withdraws_and_breaks_glass() -> None:
    first, second = suggested("k1"), suggested("k2", "inc-2", approval=ApprovalTerms(count=2))
    case = Case(first, second)
    case.at(T + 1.0)
    assert case.decide(withdrawn(first, "cleo")) == "withdrawn"
    assert case.decide(decided(second, "cleo", "break_glass", comment="checkout is down")) == "approved"
    outcome = case.changes[-1].outcome
    assert outcome is not None
    assert [each.verb for each in outcome.decisions] == ["break_glass"]


def test_a_request_expires_at_its_time_and_a_decision_dated_after_it_is_late() -> None:
    intent = suggested()
    case = Case(intent)
    case.at(T + 1.0)
    assert case.at(T + 899.9) == []
    case.desk.add_by_hand(decided(intent, "anna", at_s=T + 899.0), T + 901.0)
    case.at(T + 902.0)
    assert case.state() == "expired"
    assert case.at(T + 2000.0) == []


def test_a_decision_in_time_counts_although_it_is_read_late() -> None:
    intent = suggested()
    case = Case(intent)
    case.at(T + 1.0)
    assert case.decide(decided(intent, "anna", at_s=T + 899.0), now_s=T + 5000.0) == "approved"


@pytest.mark.parametrize(("told", "reason"), [
    (incident(state="resolved", resolved_at_s=T + 5.0), "resolved"), (incident(silenced_by="sil-1"), "sil-1"),
    (incident(related=(Related("inc-0", "caused_by"),)), "inc-0"),
], ids=["resolved", "silenced", "inhibited"])
def test_what_ends_or_holds_back_the_incident_voids_the_request_even_with_an_approval(
    told: Incident, reason: str,
) -> None:
    intent = suggested()
    case = Case(intent)
    case.at(T + 1.0)
    case.desk.add_incident(told, T + 6.0)
    assert case.decide(decided(intent, "anna")) == "void"
    assert reason in case.changes[-1].request.reason
    assert [change.outcome.status for change in case.changes if change.outcome] == ["void"]


def test_an_incident_of_which_nobody_tells_voids_the_request_only_while_the_topic_is_read() -> None:
    case = Case(suggested(approval=ApprovalTerms(expires_after_s=7200.0)))
    case.at(T + 1.0)
    assert case.at(T + 1000.0) == []
    case.desk.sighted(T + 1000.0)
    assert case.at(T + 1000.0 + UNOWNED_AFTER_S - 1.0) == []
    case.desk.blind()
    assert case.at(T + 1000.0 + UNOWNED_AFTER_S + 1.0) == []
    case.desk.sighted(T + 2000.0)
    case.desk.add_incident(incident(), T + 2100.0)
    assert case.at(T + 2100.0 + UNOWNED_AFTER_S - 1.0) == []
    (change,) = case.at(T + 2100.0 + UNOWNED_AFTER_S)
    assert (change.request.state, "no owner" in change.request.reason) == ("void", True)


def test_other_terms_void_the_request_and_ask_anew_without_the_old_decisions() -> None:
    old = suggested(approval=ApprovalTerms(count=2))
    case = Case(old)
    case.at(T + 1.0)
    case.decide(decided(old, "anna"))
    case.desk.add_intent(replace(old, digest="d2", decided_at_s=T + 20.0), 2)
    assert [change.request.state for change in case.at(T + 21.0)] == ["void", "requested"]
    request = case.desk.requests["k1"]
    assert (request.intent.digest, request.given, request.expires_at_s) == ("d2", (), T + 920.0)


def test_other_terms_void_an_approval_that_was_not_used_and_the_shard_hears_of_each_state_once() -> None:
    old = suggested()
    case = Case(old)
    case.at(T + 1.0)
    case.decide(decided(old, "anna"))
    case.desk.add_intent(replace(old, digest="d2", decided_at_s=T + 20.0), 2)
    assert [change.request.state for change in case.at(T + 21.0)] == ["void", "requested"]
    assert [change.outcome.status for change in case.changes if change.outcome] == ["approved", "void"]


@pytest.mark.parametrize("digests", [{"slow": "d2"}, {}], ids=["changed", "removed"])
def test_a_request_of_a_playbook_that_is_not_in_force_any_more_is_void_even_with_an_approval(
    digests: dict[str, str],
) -> None:
    intent = suggested(playbook="slow")
    case = Case(intent, digests=digests)
    assert case.at(T + 1.0)[0].request.state == "requested"
    assert case.decide(decided(intent, "anna")) == "void"
    assert "the playbook slow was changed since" in case.changes[-1].request.reason


def test_a_request_of_a_playbook_in_force_waits() -> None:
    intent = suggested(playbook="slow")
    case = Case(intent, digests={"slow": "d1"})
    assert case.decide(decided(intent, "anna")) == "approved"


def test_a_step_that_is_only_observed_from_now_on_voids_its_request() -> None:
    case = Case(suggested())
    case.at(T + 1.0)
    case.desk.add_intent(suggested(mode="observe", digest="d2"), 2)
    assert [change.request.state for change in case.at(T + 2.0)] == ["void"]


def test_an_approved_request_is_released_by_the_intent_of_the_shard_and_expires_without_it() -> None:
    first, second = suggested("k1"), suggested("k2", "inc-2")
    case = Case(first, second)
    case.at(T + 1.0)
    case.decide(decided(first, "anna"))
    case.decide(decided(second, "anna"))
    case.desk.add_intent(replace(first, mode="auto"), 2)
    (released,) = case.at(T + 12.0)
    assert (released.request.state, released.outcome) == ("released", None)
    case.at(T + 11.0 + RELEASE_WITHIN_S)
    assert case.state("k2") == "expired"


def test_a_restart_goes_on_from_the_log_and_repeats_nothing() -> None:
    intent = suggested(approval=ApprovalTerms(count=2))
    case = Case(intent)
    case.at(T + 1.0)
    case.decide(decided(intent, "anna"))
    again = case.restarted()
    again.desk.add_intent(intent, 2)
    again.desk.add_by_hand(decided(intent, "anna"), T + 10.0)
    assert again.at(T + 12.0) == []
    assert again.decide(decided(intent, "ben", at_s=T + 12.0)) == "approved"


def test_an_older_version_of_a_request_changes_nothing() -> None:
    case = Case(suggested())
    (asked,) = case.at(T + 1.0)
    case.at(T + 900.0)
    case.desk.record(asked.request)
    assert case.state() == "expired"


def test_beyond_the_limit_of_open_requests_a_suggestion_is_void_and_its_shard_is_told() -> None:
    case = Case(*(suggested(f"k{number}", f"inc-{number}") for number in range(MAX_OPEN + 2)))
    case.at(T + 1.0)
    states = [request.state for request in case.desk.requests.values()]
    assert (states.count("requested"), states.count("void")) == (MAX_OPEN, 2)
    assert [change.outcome.status for change in case.changes if change.outcome] == ["void", "void"]


def test_requests_of_other_owners_are_left_alone() -> None:
    case = Case(suggested())
    assert list(case.desk.changes(T + 1.0, lambda *_: False)) == []


def test_a_request_that_ended_long_ago_leaves_the_log() -> None:
    case = Case(suggested())
    case.at(T + 1.0)
    case.at(T + 900.0)
    assert case.desk.finished(T + 900.0 + FORGET_AFTER_S) == []
    assert [request.key for request in case.desk.finished(T + 901.0 + FORGET_AFTER_S)] == ["k1"]


def test_a_pair_that_is_not_in_the_table_changes_nothing() -> None:
    assert next_state("rejected", "complete") == "rejected"
    assert next_state("approved", "reject") == "approved"
    assert next_state("released", "ask") == "released"
    assert set(TRANSITIONS.values()) == OPEN | ENDED
