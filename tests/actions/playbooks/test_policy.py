"""The policy: which step of which playbook is due, once, with a reason."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions.model import Fleet, Status
from actions.playbooks.playbook import Match, Playbook, Step, Verify
from actions.playbooks.policy import UNDO_EXPIRES_AFTER_S
from classifiers.model import Incident
from tests.actions.cases import NOW_S, incident
from tests.actions.playbooks.ladder_case import LADDER, PAGE, THROTTLE, Course, KnownFacts

BAD_DEPLOY = Playbook(
    "bad deploy", 1, Match(("model_degradation",), ("P0", "P1"), ("version",), "chat*"), "auto",
    (Step("rollback", "{service}/{model}"), PAGE),
)
BOOKS = (LADDER, BAD_DEPLOY)


def course(of: Incident | None = None, **facts: object) -> Course:
    return Course(*BOOKS, of=of, facts=KnownFacts(**facts))  # type: ignore[arg-type]  # a test names its facts itself


def test_opening_incident_gets_the_first_step_with_its_scope_and_reason() -> None:
    first = course(known_fleet=Fleet(size=2)).step()
    assert (first.kind, first.target, first.replica, first.mode) == ("circuit_breaker", "chat/r0", "r0", "auto")
    assert first.reason == "playbook runaway, revision 3, step 1 of 3: the incident opened"
    assert (first.decided_at_s, first.expires_at_s) == (NOW_S, NOW_S + 120)
    assert (first.params["fleet_size"], first.params["note"], first.params["severity"]) == (2, "x", "P1")
    assert (first.step_id, first.attempt, first.playbook) == ("circuit_breaker", 1, "runaway")
    assert first.fleet == Fleet(size=2)
    assert first.remedy is not None
    assert (first.remedy.undo, first.remedy.settle_s, first.remedy.within_s) == ("when_over", 30.0, 30.0)
    assert len(first.digest or "") == 64


def test_same_facts_give_the_same_key_and_a_decided_step_is_not_decided_again() -> None:
    one, other = course(), course()
    assert one.step().key == other.step(later_s=9.0).key
    assert one.due() == []


def test_next_step_waits_for_recovery() -> None:
    story = course()
    story.answer(story.step())
    assert story.steps(later_s=29.9) == []
    second = story.step(later_s=0.1)
    assert second.kind == "throttle"
    assert second.reason.endswith("still open 30 s after circuit_breaker was executed")
    story.answer(second)
    third = story.step(later_s=60.0)
    assert (third.kind, third.step_id) == ("notify", "notify")
    story.answer(third)
    assert story.steps(later_s=9000.0) == []


@pytest.mark.parametrize("status", ["refused", "cooldown", "expired", "withdrawn", "void"])
def test_step_that_did_nothing_is_followed_at_once(status: Status) -> None:
    story = course()
    story.answer(story.step(), status)
    assert story.step().kind == "throttle"


def test_a_step_that_failed_is_tried_once_more_and_then_the_next_is_due() -> None:
    story = course()
    first = story.step()
    story.answer(first, "failed")
    again = story.step()
    assert (again.kind, again.attempt, again.target) == ("circuit_breaker", 2, first.target)
    assert again.key != first.key
    story.answer(again, "failed")
    assert story.step().kind == "throttle"


def test_a_step_without_retries_is_tried_once_and_may_stop_the_ladder() -> None:
    once = Playbook("p", 1, Match(), "auto", (replace(THROTTLE, retries=0), PAGE))
    story = Course(once)
    story.answer(story.step(), "failed")
    assert story.step().kind == "notify"
    story = Course(replace(once, steps=(replace(THROTTLE, retries=0, on_failure="stop"), PAGE)))
    story.answer(story.step(), "failed")
    assert story.steps() == []


def test_pending_step_delays_the_next() -> None:
    story = course()
    story.step()
    assert story.steps(later_s=999.0) == []


def test_first_matching_playbook_wins_and_unmatched_incidents_are_notified() -> None:
    bad = incident(category="model_degradation", replica=None, version="v2")
    assert course(bad).step().kind == "rollback"
    mild = incident(category="model_degradation", replica=None, version="v2", severity="P3", peak_severity="P3")
    (notice,) = course(mild).due()
    assert (notice.kind, notice.target, notice.mode) == ("notify", "chat", "auto")
    assert notice.reason == "playbook unmatched, revision 1: the incident opened"
    other = incident(category="model_degradation", replica=None, version="v2", service="Chat")
    assert [one.kind for one in course(other).due()] == ["notify"]


def test_incident_that_rises_starts_the_playbook_it_now_matches() -> None:
    story = course(incident(category="model_degradation", replica=None, version="v2", peak_severity="P3"))
    assert [one.kind for one in story.due()] == ["notify"]
    story.become(peak_severity="P1")
    assert [one.kind for one in story.due()] == ["rollback"]


def test_a_notice_holds_back_the_steps_after_it_and_none_before_it() -> None:
    tell = Playbook("tell", 1, Match(severities=("P3",)), "auto", (PAGE,))
    story = Course(tell, LADDER, of=incident(peak_severity="P3"))
    assert story.step().kind == "notify"
    story.answer_all()
    story.become(peak_severity="P1")
    assert story.step(later_s=1.0).kind == "circuit_breaker"
    story = Course(replace(LADDER, steps=(PAGE, THROTTLE)))
    story.answer(story.step())
    assert story.steps(later_s=59.0) == []
    assert story.step(later_s=1.0).kind == "throttle"


def test_step_without_a_target_is_skipped_with_the_reason() -> None:
    story = Course(Playbook("p", 1, Match(), "auto", (Step("rollback", "{service}/{version}"), THROTTLE)))
    passed = story.step()
    assert passed.kind == "throttle"
    skipped = "step 1 (rollback on {service}/{version}) is skipped, since the incident names no version"
    assert passed.reason == f"playbook p, revision 1, step 2 of 2: {skipped}"


def test_an_earlier_step_is_taken_once_the_incident_names_its_target_and_nothing_else_is_under_way() -> None:
    story = Course(Playbook("p", 1, Match(), "auto", (Step("rollback", "{service}/{version}"), THROTTLE)))
    second = story.step()
    story.become(version="v2")
    assert story.steps() == []
    story.answer(second)
    assert story.step(later_s=60.0).kind == "rollback"


def test_resolving_undoes_what_ran_once() -> None:
    story = course()
    first = story.step()
    story.answer(first, "executed")
    story.become(state="resolved", replica=None)
    (undo,) = story.steps(later_s=60.0)
    assert (undo.kind, undo.target, undo.replica, undo.undo) == ("circuit_breaker", "chat/r0", "r0", True)
    assert (undo.mode, undo.approval, undo.step_id) == ("auto", None, "circuit_breaker")
    assert undo.key != first.key
    assert undo.expires_at_s == story.now_s + UNDO_EXPIRES_AFTER_S
    assert story.steps(later_s=1.0) == []


def test_a_step_that_failed_needs_no_undo() -> None:
    story = course()
    story.answer(story.step(), "failed")
    story.become(state="resolved")
    assert story.steps() == []


def test_rollback_and_steps_that_are_never_undone_stay() -> None:
    story = Course(Playbook("p", 1, Match(), "auto", (replace(THROTTLE, undo="never"), Step("rollback", "{model}"))))
    story.answer(story.step())
    story.answer(story.step(later_s=60.0))
    story.become(state="resolved")
    assert story.steps() == []


def test_an_undo_goes_by_the_terms_of_the_action_also_when_its_playbook_is_gone() -> None:
    story = course()
    story.answer(story.step())
    story.become(state="resolved")
    story.books = ()
    (undo,) = story.steps()
    assert (undo.kind, undo.mode, undo.undo) == ("circuit_breaker", "auto", True)


def test_undo_that_failed_is_notified_once() -> None:
    story = course()
    story.answer(story.step())
    story.become(state="resolved")
    story.answer(story.steps()[0], "failed")
    (help_,) = story.due()
    assert (help_.kind, help_.undo, help_.mode) == ("notify", False, "auto")
    assert "still in force" in help_.reason
    story.answer(help_)
    assert story.due() == []


def test_action_that_keeps_being_needed_is_only_suggested() -> None:
    assert course(failures=2).step().mode == "auto"
    futile = course(failures=3).step()
    assert futile.mode == "suggest"
    assert futile.approval is not None
    assert "it did not help 3 times" in futile.reason


@pytest.mark.parametrize(("mode", "given"), [("suggest", "auto"), ("auto", "auto"), ("observe", "observe")])
def test_a_notice_is_never_a_matter_for_approval(mode: str, given: str) -> None:
    story = Course(Playbook("p", 1, Match(), mode, (PAGE,)))  # type: ignore[arg-type]  # the modes of the list
    assert [one.mode for one in story.steps()] == [given]


def test_a_step_may_have_a_mode_of_its_own() -> None:
    story = Course(Playbook("p", 1, Match(), "suggest", (replace(THROTTLE, mode="auto", verify=Verify(within_s=1.0)),
                                                         Step("rollback", "{model}"))))
    first = story.step()
    assert (first.mode, first.approval) == ("auto", None)
    story.answer(first)
    assert story.step(later_s=1.0).mode == "suggest"


STORIES = st.lists(
    st.tuples(
        st.sampled_from(["executed", "failed", "suggested", "refused", "approved", "rejected", "void", "interrupted"]),
        st.floats(0, 100),
    ), max_size=9,
)


@settings(deadline=None)
@given(STORIES, st.sampled_from(["auto", "suggest"]))
def test_no_history_makes_the_policy_decide_a_key_twice_in_the_same_mode(
    answers: list[tuple[Status, float]], mode: str,
) -> None:
    story = Course(replace(LADDER, mode=mode))  # type: ignore[arg-type]  # a mode of the list
    for status, later_s in answers:
        story.due(later_s)
        story.answer_all(status)
    story.become(state="resolved")
    for _ in range(4):
        story.due(1.0)
        story.answer_all("failed")
    assert story.due() == []
    modes: dict[str, list[str]] = {}
    for one in story.intents:
        modes.setdefault(one.key, []).append(one.mode)
    # What was held back by a limit is asked for, and what was approved runs: never the same twice.
    assert all(one != after for each in modes.values() for one, after in pairwise(each))


def flapping() -> Incident:
    return replace(incident(), state="flapping")


def test_while_an_incident_flaps_its_playbook_gives_notice_once_and_nothing_is_remedied() -> None:
    story = course(flapping())
    (notice,) = story.due()
    assert (notice.kind, notice.target) == ("notify", "chat")
    assert notice.reason == "playbook runaway, revision 3: the incident flaps, no remedy until it was quiet for long"
    story.answer(notice)
    assert story.due(later_s=1000.0) == []


def test_the_end_of_flapping_is_notified_like_any_other() -> None:
    story = course(flapping())
    story.answer(story.due()[0])
    story.become(state="resolved", resolved_at_s=NOW_S + 9.0)
    (ended,) = story.due()
    assert (ended.kind, ended.target, ended.undo) == ("notify", "chat", True)
    assert ended.expires_at_s == NOW_S + UNDO_EXPIRES_AFTER_S


def test_a_loss_of_monitoring_is_notified_and_not_remedied() -> None:
    story = Course(Playbook("p", 1, Match(), "auto", (THROTTLE,)), of=incident(category="telemetry"))
    assert [(one.kind, one.step_id) for one in story.due()] == [("notify", "on_open")]
