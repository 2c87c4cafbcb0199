"""The policy: which step of which playbook is due, once, with a reason."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.limits import LimitParams
from actions.model import Intent, Outcome, Status
from actions.playbooks.playbook import Match, Playbook, Step
from actions.playbooks.policy import UNDO_EXPIRES_AFTER_S, decide
from classifiers.model import Incident
from tests.actions.cases import NOW_S, incident

LIMITS = LimitParams()
BREAK = Step("circuit_breaker", "{service}/{replica}", {"note": "x"}, wait_s=30)
THROTTLE = Step("throttle", "{service}", wait_s=60)
PAGE = Step("notify", "{service}")
LADDER = Playbook("runaway", 3, Match(("resource_exhaustion",), scopes=("replica",)), "auto", (BREAK, THROTTLE, PAGE))
BAD_DEPLOY = Playbook(
    "bad deploy", 1, Match(("model_degradation",), ("P0", "P1"), ("version",), "chat*"), "auto",
    (Step("rollback", "{service}/{model}"), PAGE),
)
BOOKS = (LADDER, BAD_DEPLOY)


def done(of: Intent, status: Status = "executed", at_s: float = NOW_S) -> Outcome:
    return Outcome(
        of.key, of.incident_id, of.kind, of.target, of.mode, status, "", of.decided_at_s, at_s, of.undo,
    )


def due(of: Incident, *past: Outcome, at_s: float = NOW_S, fleet_size: int | None = None) -> list[Intent]:
    return decide(of, BOOKS, past, LIMITS, at_s, fleet_size)


def only(intents: list[Intent]) -> Intent:
    (intent,) = intents
    return intent


def test_opening_incident_gets_the_first_step_with_its_scope_and_reason() -> None:
    first = only(due(incident(), fleet_size=2))
    assert (first.kind, first.target, first.replica, first.mode) == ("circuit_breaker", "chat/r0", "r0", "auto")
    assert first.reason == "playbook runaway v3, step 1 of 3: the incident opened"
    assert (first.decided_at_s, first.expires_at_s) == (NOW_S, NOW_S + 120)
    assert (first.params["fleet_size"], first.params["note"], first.params["severity"]) == (2, "x", "P1")


def test_same_facts_give_the_same_key_and_a_decided_step_is_not_decided_again() -> None:
    first = only(due(incident()))
    assert only(due(incident(), at_s=NOW_S + 9)).key == first.key
    assert due(incident(), done(first)) == []


def test_next_step_waits_for_recovery() -> None:
    first = only(due(incident()))
    assert due(incident(), done(first), at_s=NOW_S + 29.9) == []
    second = only(due(incident(), done(first), at_s=NOW_S + 30))
    assert second.kind == "throttle"
    assert second.reason.endswith("still open 30 s after circuit_breaker was executed")
    third = only(due(incident(), done(first), done(second, at_s=NOW_S + 30), at_s=NOW_S + 90))
    assert third.kind == "notify"
    assert due(incident(), done(first), done(second), done(third), at_s=NOW_S + 9000) == []


@pytest.mark.parametrize("status", ["failed", "refused", "cooldown", "expired"])
def test_step_that_did_nothing_is_followed_at_once(status: Status) -> None:
    first = only(due(incident()))
    assert only(due(incident(), done(first, status))).kind == "throttle"


def test_pending_step_delays_the_next() -> None:
    class Pending:
        key, kind, target, status = only(due(incident())).key, "circuit_breaker", "chat/r0", "pending"
        done_at_s: float | None = None

    assert decide(incident(), BOOKS, [Pending()], LIMITS, NOW_S + 999) == []


def test_first_matching_playbook_wins_and_unmatched_incidents_are_notified() -> None:
    bad = incident(category="model_degradation", replica=None, version="v2")
    assert only(due(bad)).kind == "rollback"
    mild = incident(category="model_degradation", replica=None, version="v2", severity="P3", peak_severity="P3")
    assert (only(due(mild)).kind, only(due(mild)).target) == ("notify", "chat")
    other = incident(category="model_degradation", replica=None, version="v2", service="Chat")
    assert only(due(other)).kind == "notify"
    assert "unmatched" in only(due(mild)).reason


def test_incident_that_rises_starts_the_playbook_it_now_matches() -> None:
    notice = only(due(incident(category="model_degradation", replica=None, version="v2", peak_severity="P3")))
    risen = incident(category="model_degradation", replica=None, version="v2", peak_severity="P1")
    assert only(due(risen, done(notice))).kind == "rollback"


def test_step_without_a_target_is_skipped_and_notified_if_none_has_one() -> None:
    book = Playbook("p", 1, Match(), "auto", (Step("rollback", "{service}/{version}"), THROTTLE))
    passed = only(decide(incident(), [book], [], LIMITS, NOW_S))
    assert passed.kind == "throttle"
    skipped = "step 1 (rollback on {service}/{version}) is skipped, since the incident names no version"
    assert passed.reason == f"playbook p v1, step 2 of 2: {skipped}"
    book = Playbook("p", 1, Match(), "auto", (Step("rollback", "{service}/{version}"),))
    notice = only(decide(incident(), [book], [], LIMITS, NOW_S))
    assert notice.kind == "notify"
    assert notice.reason == f"playbook unmatched v1, step 1 of 1: playbook p v1 has no step to take: {skipped}"


def test_resolving_undoes_what_ran_once_and_keeps_the_rest() -> None:
    first = only(due(incident()))
    past = [done(first), done(only(due(incident(), done(first, "failed"))), "failed")]
    over = incident(state="resolved", replica=None)
    undo = only(due(over, *past, at_s=NOW_S + 60))
    assert (undo.kind, undo.target, undo.replica, undo.undo) == ("circuit_breaker", "chat/r0", "r0", True)
    assert undo.key != first.key
    assert undo.expires_at_s == NOW_S + 60 + UNDO_EXPIRES_AFTER_S
    assert due(over, *past, done(undo), at_s=NOW_S + 61) == []


def test_rollback_and_kept_steps_stay() -> None:
    keep = Playbook("keep", 1, Match(), "auto", (Step("throttle", "{service}", keep=True), Step("rollback", "{model}")))
    first = only(decide(incident(), [keep], [], LIMITS, NOW_S))
    second = only(decide(incident(), [keep], [done(first, "failed")], LIMITS, NOW_S))
    assert second.kind == "rollback"
    assert decide(incident(state="resolved"), [keep], [done(first), done(second)], LIMITS, NOW_S) == []


def test_undo_that_failed_is_notified_once() -> None:
    first = only(due(incident()))
    over = incident(state="resolved")
    undo = only(due(over, done(first)))
    help_ = only(due(over, done(first), done(undo, "failed")))
    assert (help_.kind, help_.undo) == ("notify", False)
    assert "still in force" in help_.reason
    assert due(over, done(first), done(undo, "failed"), done(help_)) == []


def test_undo_of_a_playbook_that_is_gone_is_suggested() -> None:
    first = only(due(incident()))
    undo = only(decide(incident(state="resolved"), [], [done(first)], LIMITS, NOW_S))
    assert (undo.mode, undo.undo) == ("suggest", True)


def test_action_that_keeps_being_needed_is_only_suggested() -> None:
    past = [done(only(due(incident(id=f"old{n}")))) for n in range(3)]
    assert only(due(incident(), *past[:2])).mode == "auto"
    futile = only(due(incident(), *past))
    assert futile.mode == "suggest"
    assert "ran 3 times" in futile.reason


def test_step_may_have_a_mode_of_its_own() -> None:
    book = Playbook("p", 1, Match(), "suggest", (Step("notify", "{service}", mode="auto"), THROTTLE))
    notice = only(decide(incident(), [book], [], LIMITS, NOW_S))
    assert notice.mode == "auto"
    assert only(decide(incident(), [book], [done(notice)], LIMITS, NOW_S + 60)).mode == "suggest"


STORIES = st.lists(
    st.tuples(st.sampled_from(["executed", "failed", "suggested", "refused"]), st.floats(0, 100)), max_size=9
)


@given(STORIES)
def test_no_history_makes_the_policy_decide_a_key_twice(story: list[tuple[Status, float]]) -> None:
    now_s, past, keys = NOW_S, list[Outcome](), list[str]()
    for status, later_s in story:
        intents = due(incident(), *past, at_s=now_s)
        keys += [one.key for one in intents]
        past += [done(one, status, now_s) for one in intents]
        now_s += later_s
    over = incident(state="resolved")
    for _ in range(4):
        intents = due(over, *past, at_s=now_s)
        keys += [one.key for one in intents]
        past += [done(one, "failed", now_s) for one in intents]
    assert len(keys) == len(set(keys))
    assert due(over, *past, at_s=now_s) == []


def flapping() -> Incident:
    return replace(incident(), state="flapping")


def test_while_an_incident_flaps_its_playbook_gives_notice_once_and_nothing_is_remedied() -> None:
    notice = only(due(flapping()))
    assert (notice.kind, notice.target) == ("notify", "chat")
    assert notice.reason == "playbook runaway v3: the incident flaps, no remedy until it was quiet for long"
    assert due(flapping(), done(notice), at_s=NOW_S + 1000.0) == []


def test_flapping_is_notified_also_without_a_notify_step() -> None:
    silent = replace(LADDER, steps=(BREAK, THROTTLE))
    (notice,) = decide(flapping(), (silent,), (), LIMITS, NOW_S)
    assert (notice.kind, notice.target) == ("notify", "chat")
    assert notice.reason.startswith("playbook flapping v1")


def test_the_end_of_flapping_is_notified_like_any_other() -> None:
    notice = only(due(flapping()))
    ended = only(due(replace(flapping(), state="resolved", resolved_at_s=NOW_S + 9.0), done(notice)))
    assert (ended.kind, ended.target, ended.undo) == ("notify", "chat", True)
    assert ended.expires_at_s == NOW_S + UNDO_EXPIRES_AFTER_S
