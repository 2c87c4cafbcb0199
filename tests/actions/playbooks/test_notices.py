"""Who is notified beside the ladder: a playbook never makes paging worse."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actions.model import Intent
from actions.playbooks.playbook import Match, Playbook, Step
from tests.actions.cases import incident
from tests.actions.playbooks.ladder_case import LADDER, PAGE, THROTTLE, Course, is_beside

SILENT = Playbook("p", 1, Match(), "suggest", (Step("rollback", "{model}"),))


def beside(story: Course, later_s: float = 0.0) -> list[Intent]:
    return [one for one in story.due(later_s) if is_beside(one)]


@pytest.mark.parametrize("mode", ["observe", "suggest", "auto"])
def test_an_incident_with_a_playbook_is_notified_once_in_every_mode(mode: str) -> None:
    story = Course(replace(SILENT, mode=mode, runbook="look here"))  # type: ignore[arg-type]  # a mode of the list
    (notice,) = beside(story)
    assert (notice.kind, notice.target, notice.mode, notice.step_id) == ("notify", "chat", "auto", "on_open")
    assert (notice.params["event"], notice.params["audiences"]) == ("open", "technical")
    assert notice.params["runbook"] == "look here"
    story.answer(notice)
    assert beside(story, later_s=10.0) == []


def test_a_step_that_notifies_first_is_the_notice_of_the_opening() -> None:
    story = Course(replace(SILENT, steps=(Step("rollback", "{version}"), PAGE)))
    notice = story.step()
    assert (notice.kind, notice.step_id, len(story.intents)) == ("notify", "notify", 1)
    story.answer(notice)
    assert beside(story, later_s=100.0) == []


def test_a_step_that_notifies_later_does_not_replace_the_notice_of_the_opening() -> None:
    assert [one.step_id for one in Course(LADDER).due()] == ["on_open", "circuit_breaker"]


def test_a_remedy_that_failed_twice_pages_people_and_the_next_step_is_due() -> None:
    story = Course(LADDER)
    story.answer(story.step(), "failed")
    assert [(one.step_id, one.attempt) for one in story.due()] == [("circuit_breaker", 2)]
    story.answer_all("failed")
    page, following = story.due()
    assert (page.step_id, page.params["audiences"]) == ("on_failure/circuit_breaker", "page")
    assert page.reason.endswith("circuit_breaker was failed; the next step is due")
    assert following.kind == "throttle"


def test_people_are_paged_when_no_remedy_is_left_and_not_twice_for_one_failure() -> None:
    story = Course(replace(LADDER, steps=(THROTTLE,)))
    ran = story.step()
    story.answer(ran)
    story.judge(ran, "not_recovered")
    (page,) = beside(story, later_s=60.0)
    assert page.step_id == "on_failure"
    assert "no remedy is left: throttle was executed, and is not recovered" in page.reason
    story = Course(replace(LADDER, steps=(replace(THROTTLE, retries=0),)))
    story.answer(story.step(), "failed")
    assert [one.step_id for one in beside(story)] == ["on_failure/throttle"]
    assert beside(story, later_s=1.0) == []


def test_the_page_that_no_remedy_is_left_says_why_the_last_one_was_refused() -> None:
    story = Course(replace(LADDER, steps=(THROTTLE,)))
    story.answer(story.step(), "refused")
    (refused,) = (one for one in story.incident.actions if one.kind == "throttle")
    story.become(actions=(replace(refused, detail="1 of 3 targets, 1 allowed"),))
    page = next(one for one in beside(story) if one.step_id == "on_failure")
    assert page.reason.endswith("no remedy is left: throttle was refused: 1 of 3 targets, 1 allowed")


def test_a_playbook_without_steps_is_not_out_of_remedies() -> None:
    story = Course(replace(SILENT, steps=()))
    story.answer(beside(story)[0])
    assert beside(story, later_s=999.0) == []


def test_a_more_severe_incident_is_notified_where_the_playbook_says_so() -> None:
    story = Course(replace(SILENT, on_change=("executive",)), of=incident(opened_severity="P2", peak_severity="P2"))
    beside(story)
    story.become(peak_severity="P0", severity="P0")
    (notice,) = beside(story)
    assert (notice.step_id, notice.params["audiences"]) == ("on_change/P0", "executive")
    assert notice.reason.endswith("it became P0, it opened as P2")
    story.become(severity="P2")
    assert beside(story) == []


def test_the_end_is_notified_to_those_who_were_told_of_the_opening() -> None:
    story = Course(replace(SILENT, always=("mail",)))
    story.due()
    story.answer_all()
    story.become(state="resolved")
    (notice,) = story.due()
    assert (notice.kind, notice.undo, notice.step_id, notice.params["audiences"]) == (
        "notify", True, "on_open", "technical,mail",
    )


def test_an_event_for_nobody_is_not_notified() -> None:
    story = Course(replace(SILENT, on_open=(), on_failure=(), on_close=()))
    story.answer(story.step(), "rejected")
    assert story.due() == []
    story.become(state="resolved")
    assert story.due() == []
