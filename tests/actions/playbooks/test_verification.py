"""Whether a remedy helped, by the signs that its incident shows afterwards."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actions.model import RemedyTerms
from actions.playbooks.playbook import Match, Playbook
from actions.playbooks.verification import CALM_S, Signs, Verification, begin, conclude, judge, plan, undone
from classifiers.model import BreakerState
from tests.actions.cases import intent
from tests.actions.playbooks.ladder_case import THROTTLE, Course

TERMS = RemedyTerms(settle_s=10.0, within_s=30.0, min_samples=50)


def applied() -> Verification:
    planned = plan(intent(kind="throttle", step_id="cut", playbook="p", remedy=TERMS))
    assert planned is not None
    return begin(planned, 100.0)


def verify(*instants: tuple[float, bool, int]) -> Verification:
    """After so many instants: time, whether it alarms, requests of quiet readings at it."""
    known, last_alarm_s, last_data_s, samples = applied(), 99.0, 0.0, 0
    for now_s, alarms, count in instants:
        last_alarm_s = now_s if alarms else last_alarm_s
        last_data_s = now_s if count else last_data_s
        samples += count
        known = judge(known, Signs(last_alarm_s, last_data_s, samples), now_s)
    return known


def contain(*instants: tuple[float, bool, BreakerState | None]) -> Verification:
    """Of a breaker, after so many instants: time, whether it alarms, the state of the breaker."""
    planned = plan(intent(kind="circuit_breaker", step_id="cut", playbook="p", remedy=TERMS))
    assert planned is not None
    known, last_alarm_s = begin(planned, 100.0), 99.0
    for now_s, alarms, breaker in instants:
        last_alarm_s = now_s if alarms else last_alarm_s
        known = judge(known, Signs(last_alarm_s, 0.0, 0, breaker), now_s)
    return known


def span(from_s: int, until_s: int, alarms: bool, breaker: BreakerState | None) -> list[
    tuple[float, bool, BreakerState | None]
]:
    return [(float(now_s), alarms, breaker) for now_s in range(from_s, until_s)]


def quiet(from_s: int, until_s: int, each: int) -> list[tuple[float, bool, int]]:
    return [(float(now_s), False, each) for now_s in range(from_s, until_s)]


def alarming(from_s: int, until_s: int) -> list[tuple[float, bool, int]]:
    return [(float(now_s), True, 0) for now_s in range(from_s, until_s)]


def test_an_undo_and_an_intent_without_terms_are_not_judged() -> None:
    assert plan(intent(remedy=None)) is None
    assert plan(intent(remedy=TERMS, undo=True)) is None


def test_nothing_is_judged_before_it_settled() -> None:
    assert verify(*quiet(101, 110, 100)).record.state == "applied"


def test_quiet_for_long_enough_and_by_enough_requests_is_a_recovery() -> None:
    found = verify(*alarming(101, 108), *quiet(108, 120, 20))
    assert (found.record.state, found.record.since_s) == ("recovered", 116.0)
    assert found.record.samples >= TERMS.min_samples
    assert verify(*quiet(101, 111, 100), (111.0, False, 100), (111.0 + CALM_S - 1.0, False, 900)).record.state == (
        "verifying"
    )


def test_requests_before_an_alarm_do_not_count() -> None:
    assert verify(*quiet(101, 115, 10), *alarming(115, 116), *quiet(116, 119, 10)).record.state == "verifying"


def test_what_still_alarms_at_its_deadline_did_not_help() -> None:
    found = verify(*alarming(101, 131))
    assert (found.record.state, found.record.since_s) == ("not_recovered", 130.0)
    assert found.record.detail == "it still alarms 30 s after it ran"


def test_too_few_requests_prolong_the_time_once_and_are_inconclusive_then() -> None:
    found = verify(*quiet(101, 131, 1))
    assert (found.record.state, found.extended) == ("verifying", True)
    found = verify(*quiet(101, 161, 1))
    assert (found.record.state, found.record.since_s) == ("inconclusive", 160.0)
    assert found.record.detail.startswith("twice too few requests: ")


def test_without_readings_it_is_not_judged_and_inconclusive_in_the_end() -> None:
    assert verify(*quiet(101, 160, 0)).record.state == "applied"
    assert verify(*quiet(101, 161, 0)).record.detail == "no readings of what was hit"


def test_an_alarm_after_the_recovery_takes_it_back() -> None:
    found = verify(*quiet(101, 120, 20), *alarming(120, 121))
    assert (found.record.state, found.record.detail) == ("not_recovered", "it alarms again after it had recovered")


@pytest.mark.parametrize(("helped", "state"), [(True, "recovered"), (False, "inconclusive")])
def test_the_end_of_the_incident_ends_the_verification(helped: bool, state: str) -> None:
    assert conclude(applied(), helped, 120.0).record.state == state
    over = verify(*alarming(101, 131))
    assert conclude(over, helped, 140.0) is over


def test_what_helped_stays_so_when_it_is_undone() -> None:
    recovered = verify(*quiet(101, 120, 20))
    assert undone(recovered, 200.0) is recovered
    assert undone(verify(*alarming(101, 131)), 200.0).record.state == "undone"


@pytest.mark.parametrize("breaker", ["open", None])
def test_a_breaker_helped_once_nothing_alarms_while_no_traffic_goes_to_its_target(breaker: BreakerState | None) -> None:
    assert contain(*span(101, 110, False, breaker)).record.state == "applied"
    found = contain(*span(101, 104, True, breaker), *span(104, 111, False, breaker))
    assert (found.record.state, found.record.since_s) == ("recovered", 110.0)
    assert found.record.detail == "contained: no alarm for 7 s without traffic to the target"


def test_a_fault_that_lasts_is_no_failure_of_its_breaker() -> None:
    first = [*span(101, 120, False, "open"), *span(120, 123, True, "half_open")]
    assert contain(*first, *span(123, 125, True, "open"), *span(125, 400, False, "open")).record.state == "recovered"


def test_a_breaker_that_was_not_judged_in_its_first_opening_is_judged_in_the_next() -> None:
    first = [*span(101, 112, True, "open"), *span(112, 150, True, "half_open")]
    assert contain(*first).record.state == "applied"
    assert contain(*first, *span(150, 159, False, "open")).record.state == "applied"
    assert contain(*first, *span(150, 161, False, "open")).record.state == "recovered"


def test_a_breaker_did_not_help_when_the_harm_goes_on_elsewhere() -> None:
    found = contain(*span(101, 131, True, "open"))
    assert (found.record.state, found.record.since_s) == ("not_recovered", 130.0)
    later = contain(*span(101, 150, False, "open"), *span(150, 151, True, "open"))
    assert (later.record.state, later.record.detail) == (
        "not_recovered", "it alarms again, although no traffic goes to the target",
    )


BOOK = Playbook("p", 1, Match(), "auto", (replace(THROTTLE, undo="when_failed"), replace(THROTTLE, id="more")))


def test_while_a_remedy_is_judged_the_ladder_waits_and_after_it_helped_nothing_more_is_done() -> None:
    story = Course(BOOK)
    ran = story.step()
    story.answer(ran)
    for state in ("applied", "verifying", "recovered"):
        story.judge(ran, state)
        assert story.steps(later_s=500.0) == []
    story.become(state="resolved")
    assert story.steps() == []


def test_an_ineffective_remedy_is_undone_where_its_step_says_so_and_the_next_is_due() -> None:
    story = Course(BOOK)
    ran = story.step()
    story.answer(ran)
    story.judge(ran, "inconclusive")
    following, undo = story.steps()
    assert (following.step_id, undo.step_id, undo.undo) == ("more", "throttle", True)
    assert undo.reason == "it did not help (so): undo step throttle of playbook p"
