"""Prerequisites: what does not hold, or is unknown, skips a step with a reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actions.model import Fleet
from actions.playbooks import policy
from actions.playbooks.ladder import MIN_RECORD
from actions.playbooks.playbook import Match, Playbook, Step
from actions.playbooks.policy import skipped_steps
from actions.playbooks.prerequisites import When, unmet
from tests.actions.cases import NOW_S, incident
from tests.actions.playbooks.ladder_case import PAGE, THROTTLE, Course, KnownFacts


@pytest.mark.parametrize(("when", "facts", "why"), [
    (When(), KnownFacts(), None),
    (When(alone_by=0.8), KnownFacts(known_concentration=0.8), None),
    (When(alone_by=0.8), KnownFacts(known_concentration=0.79), "alone_by is 0.79, expected 0.8 or more"),
    (When(alone_by=0.0), KnownFacts(), "alone_by is unknown, expected 0 or more"),
    (When(siblings_healthy=0.5), KnownFacts(Fleet(size=4, healthy=2)), None),
    (When(siblings_healthy=0.5), KnownFacts(Fleet(size=4, healthy=1)),
     "siblings_healthy is 1 of 4, expected a share of 0.5 or more"),
    (When(siblings_healthy=0.0), KnownFacts(), "siblings_healthy is unknown, since no record names a replica"),
    (When(version_younger_than_s=60.0), KnownFacts(known_age_s=59.0), None),
    (When(version_younger_than_s=60.0), KnownFacts(known_age_s=60.0),
     "the age of the version is 60 s, expected less than 60 s"),
    (When(version_younger_than_s=60.0), KnownFacts(), "the age of the version is unknown, expected less than 60 s"),
    (When(not_in_force=("throttle",)), KnownFacts(known_in_force=frozenset({"rollback"})), None),
    (When(not_in_force=("throttle",)), KnownFacts(known_in_force=frozenset({"throttle"})),
     "throttle is in force, expected not_in_force"),
])
def test_a_prerequisite_holds_only_when_it_is_known_to(when: When, facts: KnownFacts, why: str | None) -> None:
    assert unmet(when, facts) == why


CAREFUL = Playbook("p", 2, Match(), "auto", (replace(THROTTLE, when=When(siblings_healthy=0.5)), PAGE))


def test_a_step_whose_prerequisites_do_not_hold_is_skipped_and_taken_once_they_do() -> None:
    story = Course(CAREFUL, facts=KnownFacts(Fleet(size=4, healthy=1)))
    notice = story.step()
    assert notice.kind == "notify"
    why = "step 1 (throttle on {service}) is skipped, since siblings_healthy is 1 of 4, expected a share of 0.5 or more"
    assert notice.reason == f"playbook p, revision 2, step 2 of 2: {why}"
    assert skipped_steps(story.incident, story.books, NOW_S, story.facts) == (f"playbook p, revision 2: {why}",)
    story.answer(notice)
    story.facts.known_fleet = Fleet(size=4, healthy=3)
    assert story.step(later_s=60.0).kind == "throttle"


def test_the_executor_is_told_which_url_must_answer() -> None:
    book = replace(CAREFUL, steps=(replace(THROTTLE, when=When(http_ok="http://gw/{service}/health")),))
    assert Course(book).step().params["http_ok"] == "http://gw/chat/health"


@pytest.mark.parametrize(("service", "url"), [
    ("a/b?c", "http://gw/a%2Fb%3Fc/health"), ("x@evil", "http://gw/x%40evil/health"), ("..", "http://gw/{service}/health"),
    (None, "http://gw/{service}/health"),
])
def test_a_label_changes_no_host_or_path_and_one_that_is_unknown_leaves_a_url_that_is_not_asked(
    service: str | None, url: str,
) -> None:
    assert policy._url("http://gw/{service}/health", incident(service=service)) == url


BY_RECORD = Playbook("p", 1, Match(), "auto", (
    Step("throttle", "{service}", id="a"), Step("throttle", "{service}", id="b"), Step("throttle", "{service}", id="c"),
), order="by_record")


def test_the_step_with_the_best_record_is_tried_first_where_the_playbook_says_so() -> None:
    facts = KnownFacts(records={"a": (1, MIN_RECORD), "c": (4, MIN_RECORD)})
    first = Course(BY_RECORD, facts=facts).step()
    assert first.step_id == "c"
    assert first.reason.endswith("earlier runs that led to a recovery: 4 of 5")
    assert Course(replace(BY_RECORD, order="as_written"), facts=facts).step().step_id == "a"


def test_a_short_record_changes_nothing() -> None:
    facts = KnownFacts(records={"a": (0, MIN_RECORD), "c": (MIN_RECORD - 1, MIN_RECORD - 1)})
    assert Course(BY_RECORD, facts=facts).step().step_id == "a"


def test_an_incident_without_labels_for_a_step_has_no_rung_to_take() -> None:
    story = Course(Playbook("p", 1, Match(), "auto", (Step("throttle", "{tenant}"),)), of=incident())
    assert story.steps() == []
