"""A suggestion waits for people: what each of their answers leads to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actions.model import ApprovalTerms, Fleet, Status
from actions.playbooks.ladder import LAPSE_S, lapsed
from actions.playbooks.playbook import Match, Playbook, Step
from actions.playbooks.prerequisites import When
from tests.actions.cases import incident
from tests.actions.playbooks.ladder_case import LADDER, THROTTLE, Course, KnownFacts

ASKING = replace(LADDER, mode="suggest")


def test_a_suggestion_asks_one_approver_unless_its_step_says_otherwise() -> None:
    asked = Course(ASKING).step()
    assert (asked.mode, asked.approval) == ("suggest", ApprovalTerms())
    assert asked.expires_at_s - asked.decided_at_s == 900.0
    terms = ApprovalTerms(("commander",), 2, 60.0, True, ("cli",))
    asked = Course(replace(ASKING, steps=(replace(THROTTLE, approval=terms),))).step()
    assert (asked.approval, asked.expires_at_s - asked.decided_at_s) == (terms, 60.0)


def test_a_step_with_terms_of_approval_asks_also_in_mode_auto() -> None:
    asked = Course(replace(LADDER, steps=(replace(THROTTLE, approval=ApprovalTerms()),))).step()
    assert asked.mode == "suggest"


def test_a_rollback_in_an_outage_wants_four_eyes() -> None:
    book = Playbook("p", 1, Match(), "suggest", (Step("rollback", "{model}"),))
    for severity, four_eyes in (("P0", True), ("P1", False)):
        asked = Course(book, of=incident(peak_severity=severity)).step()
        assert asked.approval is not None
        assert asked.approval.four_eyes is four_eyes


def test_nothing_else_is_asked_while_people_think() -> None:
    story = Course(ASKING)
    asked = story.step()
    story.answer(asked, "suggested")
    assert story.steps(later_s=800.0) == []


def test_what_was_approved_is_written_again_under_its_key_to_run() -> None:
    story = Course(ASKING)
    asked = story.step()
    story.answer(asked, "approved")
    released = story.step(later_s=2.0)
    assert (released.key, released.mode, released.step_id) == (asked.key, "auto", asked.step_id)
    assert (released.approval, released.digest, released.attempt) == (asked.approval, asked.digest, 1)
    assert (released.decided_at_s, released.expires_at_s) == (story.now_s, story.now_s + 120.0)
    assert story.steps() == []
    story.answer(released, "executed")
    assert story.step(later_s=30.0).kind == "throttle"


def test_people_are_asked_for_what_a_limit_of_the_executor_held_back() -> None:
    story = Course(LADDER)
    held = story.step()
    story.answer(held, "suggested")
    asked = story.step(later_s=1.0)
    assert (held.mode, asked.mode, asked.approval, asked.key) == ("auto", "suggest", ApprovalTerms(), held.key)
    assert asked.reason.endswith("a limit held circuit_breaker back, so it needs an approval")
    story.answer(asked, "suggested")
    assert story.steps(later_s=800.0) == []
    (lapse,) = lapsed(story.incident, story.books, asked.decided_at_s + 900.5 + LAPSE_S)
    assert lapse[0].key == held.key
    story.answer(asked, "approved")
    released = story.step(later_s=1.0)
    assert (released.key, released.mode, released.approval) == (held.key, "auto", ApprovalTerms())


def test_what_was_held_back_is_left_where_its_prerequisites_hold_no_more() -> None:
    breaker, other = replace(LADDER.steps[0], when=When(siblings_healthy=0.5)), THROTTLE
    story = Course(replace(LADDER, steps=(breaker, other)), facts=KnownFacts(Fleet(size=4, healthy=3)))
    held = story.step()
    story.answer(held, "suggested")
    story.facts.known_fleet = Fleet(size=4, healthy=1)
    assert story.step(later_s=1.0).kind == "throttle"


def test_prerequisites_are_judged_again_before_what_was_approved_runs() -> None:
    book = replace(ASKING, steps=(replace(THROTTLE, when=When(siblings_healthy=0.5)),))
    story = Course(book, facts=KnownFacts(Fleet(size=4, healthy=3)))
    asked = story.step()
    story.facts.known_fleet = Fleet(size=4, healthy=1)
    story.answer(asked, "approved")
    assert story.steps(later_s=LAPSE_S) == []
    assert list(lapsed(story.incident, story.books, story.now_s)) == []
    (lapse,) = lapsed(story.incident, story.books, story.now_s + 1.0)
    assert (lapse[0].key, lapse[1]) == (asked.key, "approved, but its prerequisites did not hold within 60 s")


def test_a_request_that_nobody_answers_lapses_after_its_life() -> None:
    story = Course(ASKING)
    asked = story.step()
    story.answer(asked, "suggested")
    assert list(lapsed(story.incident, story.books, story.now_s + 900.0 + LAPSE_S)) == []
    (lapse,) = lapsed(story.incident, story.books, story.now_s + 900.5 + LAPSE_S)
    assert lapse[1] == "nobody answered within 900 s"


def test_after_a_rejection_the_ladder_stops_and_people_are_paged_once() -> None:
    story = Course(ASKING)
    story.answer(story.step(), "rejected")
    (page,) = story.due()
    assert (page.kind, page.step_id, page.mode) == ("notify", "on_failure/circuit_breaker", "auto")
    assert page.reason.endswith("circuit_breaker was rejected; no other step is taken")
    assert page.params["audiences"] == "page"
    assert story.due(later_s=9999.0) == []


@pytest.mark.parametrize("status", ["expired", "withdrawn", "void"])
def test_after_any_other_end_of_the_request_the_next_step_is_due(status: Status) -> None:
    story = Course(ASKING)
    story.answer(story.step(), status)
    assert story.step().kind == "throttle"


def test_what_was_approved_too_late_for_its_incident_does_not_run() -> None:
    story = Course(ASKING)
    story.answer(story.step(), "approved")
    story.become(state="resolved")
    assert story.steps() == []


@pytest.mark.parametrize("status", ["void", "approved"])
def test_what_was_asked_for_by_terms_that_changed_is_asked_anew_under_another_key(status: Status) -> None:
    story = Course(ASKING)
    asked = story.step()
    story.answer(asked, status)
    story.books = [replace(ASKING, steps=(replace(ASKING.steps[0], params={"note": "y"}), *ASKING.steps[1:]))]
    anew = story.step(later_s=1.0)
    assert (anew.step_id, anew.mode, anew.attempt, anew.params["note"]) == (asked.step_id, "suggest", 2, "y")
    assert anew.key != asked.key
    assert anew.digest != asked.digest
    assert anew.reason.endswith(f"its terms were changed after circuit_breaker was {status}")
    assert story.steps(later_s=1.0) == []
    story.answer(anew, "void")
    assert story.step(later_s=1.0).step_id == ASKING.steps[1].id


def test_a_change_of_the_runbook_or_of_another_playbook_asks_nothing_anew() -> None:
    story = Course(ASKING)
    story.answer(story.step(), "void")
    story.books = [replace(ASKING, runbook="look here")]
    assert story.step(later_s=1.0).step_id == ASKING.steps[1].id
