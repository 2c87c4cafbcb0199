"""A small fleet with a batch every four minutes: the fourth is a note, until it is more than that or people act on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from functools import cache

import pytest

from classifiers.directives import Acknowledge, Directive, Feedback
from classifiers.model import Incident, Related
from classifiers.recurrence.habit_verdict import BEYOND_HABIT, HABIT
from tests.simulation.fleet import PLAN, Behaviour, Fleet, Second, fleet

PERIOD, LASTS = 240, 40
OFTEN = replace(PLAN, triage=replace(PLAN.triage, flap_within_s=200.0))
"""What comes every 4 minutes flaps with the shipped settings."""
USUAL = Second(latency_ms=200.0, each=2)


def always(second: Second) -> Behaviour:
    return lambda _, __: second


CALM = always(Second(each=2))


@cache
def _played(number: int) -> Fleet:
    if number == 0:
        return fleet(OFTEN, ("r0", "r1")).play(PERIOD, CALM)
    return batches(usual(number - 1), USUAL)


def usual(number: int, *directives: Directive) -> Fleet:
    """A fleet after so many usual batches, and these directives: a copy, since all tests begin so."""
    watched = deepcopy(_played(number))
    watched.run.add_directives(directives)
    return watched


def batches(watched: Fleet, *each: Second, lasts: Sequence[int] = ()) -> Fleet:
    """A batch at the beginning of each period makes all replicas slow, as each says."""
    for number, busy in enumerate(each):
        last = lasts[number] if number < len(lasts) else LASTS
        watched.play(last, always(busy)).play(PERIOD - last, CALM)
    return watched


def found(watched: Fleet) -> list[Incident]:
    return sorted(watched.run.incidents.values(), key=lambda incident: incident.opened_at_s)


def factors(watched: Fleet, name: str) -> list[str | None]:
    return [
        next((str(one.value) for one in incident.factors if one.name == name), None) for incident in found(watched)
    ]


def test_the_fourth_is_a_note_that_names_the_one_before_and_notifies_nobody() -> None:
    watched = usual(4)
    incidents = found(watched)
    assert factors(watched, HABIT) == [None, None, None, "every 4 min, the 4th"]
    severities = [one.peak_severity for one in incidents]
    assert all(one < "P3" for one in severities[:3])
    assert severities[3] == "P3"
    assert incidents[3].related == (Related(incidents[2].id, "repeats"),)
    assert incidents[3].title.endswith("(every 4 min, the 4th)")
    assert {intent.incident_id for intent in watched.run.intents} == {one.id for one in incidents[:3]}


def test_the_fifth_is_not_told_but_in_the_audit() -> None:
    watched = usual(5)
    assert len(found(watched)) == 4
    withheld = [one for one in watched.run.audit if one.event == "withhold"]
    assert [one.reason.split("; ")[1] for one in withheld] == [
        f"every 4 min, the 5th: told 240 s ago as {found(watched)[3].id}",
    ]


def test_a_known_habit_is_told_again_after_the_time_that_is_set() -> None:
    often = replace(OFTEN, triage=replace(OFTEN.triage, habit_repeat_interval_s=700.0))
    watched = batches(fleet(often, ("r0", "r1")).play(PERIOD, CALM), *[USUAL] * 8)
    assert factors(watched, HABIT)[3:] == ["every 4 min, the 4th", "every 4 min, the 7th"]
    assert found(watched)[4].related == (Related(found(watched)[3].id, "repeats"),)


@pytest.mark.parametrize(("last", "lasts", "why"), [
    (USUAL, 100, "longer than its habit"),
    (Second(latency_ms=500.0, each=2), LASTS, "higher than its habit: latency_ms"),
])
def test_what_is_more_than_its_habit_is_what_the_rules_say(last: Second, lasts: int, why: str) -> None:
    watched = batches(usual(4), last, lasts=[lasts])
    incident = found(watched)[-1]
    (text,) = [one.text for one in incident.factors if one.name == BEYOND_HABIT]
    assert text.startswith(why)
    assert incident.peak_severity < "P3"
    assert incident.id in {intent.incident_id for intent in watched.run.intents}


def test_one_after_a_habit_was_exceeded_is_no_habit() -> None:
    watched = batches(usual(4), Second(latency_ms=500.0, each=2), USUAL)
    assert factors(watched, HABIT)[-2:] == [None, None]


def test_failures_in_a_batch_are_an_incident_beside_the_habit() -> None:
    watched = fleet(OFTEN, ("r0", "r1"))
    watched.play(PERIOD, always(Second(each=2, more={"error": 0.0})))
    for failing in (0.0, 0.0, 0.0, 0.0, 0.9):
        watched.play(LASTS, always(Second(latency_ms=200.0, each=2, more={"error": failing})))
        watched.play(PERIOD - LASTS, always(Second(each=2, more={"error": 0.0})))
    severe = [one for one in found(watched) if one.opened_at_s >= found(watched)[4].opened_at_s - 1.0]
    assert min(one.peak_severity for one in severe) < "P3"


def test_a_fault_of_one_replica_never_becomes_a_habit() -> None:
    watched = usual(0)
    for _ in range(5):
        watched.play(LASTS, lambda _, name: Second(latency_ms=300.0 if name == "r1" else 100.0, each=2))
        watched.play(PERIOD - LASTS, CALM)
    assert [one.replica for one in found(watched)] == ["r1"] * 5
    assert factors(watched, HABIT) == [None] * 5


def test_a_kind_that_was_acknowledged_never_becomes_a_habit() -> None:
    (first,) = found(usual(1))
    acknowledged = Acknowledge(first.id, "ana", first.opened_at_s + 5.0, first.opened_at_s + 60.0)
    watched = batches(usual(0, acknowledged), *[USUAL] * 6)
    assert factors(watched, HABIT) == [None] * 6
    assert all(one.peak_severity < "P3" for one in found(watched))


def test_a_habit_that_people_act_on_is_none_any_more() -> None:
    fourth = found(usual(4))[3]
    acknowledged = Acknowledge(fourth.id, "ana", fourth.opened_at_s + 5.0, fourth.opened_at_s + 60.0)
    watched = batches(usual(3, acknowledged), *[USUAL] * 2)
    assert factors(watched, BEYOND_HABIT)[3:] == ["every 4 min, the 4th", None]
    assert factors(watched, HABIT) == [None] * 5


def test_a_kind_that_was_confirmed_may_be_a_habit_only_after_one_was_called_a_false_alarm() -> None:
    watched = usual(2)
    first, second = found(watched)
    watched.run.add_directives([Feedback("fb-1", first.id, "ana", watched.now_s, None, None, True)])
    batches(watched, *[USUAL] * 3)
    assert factors(watched, HABIT) == [None] * 5
    watched.run.add_directives([Feedback("fb-2", second.id, "ana", watched.now_s, None, None, False)])
    batches(watched, USUAL)
    assert factors(watched, HABIT)[5] == "every 4 min, the 4th"


def test_a_restart_changes_nothing() -> None:
    whole, cut = usual(4), usual(0)
    for _ in range(4):
        for seconds, second in ((LASTS // 2, USUAL), (LASTS // 2, USUAL), (PERIOD - LASTS, Second(each=2))):
            cut.run.restart()
            cut.play(seconds, always(second))
    assert cut.run.results() == whole.run.results()


def test_a_restart_while_a_habit_is_withheld_changes_nothing() -> None:
    whole, cut = usual(5), usual(4)
    for seconds, second in ((LASTS // 2, USUAL), (LASTS // 2, USUAL), (PERIOD - LASTS, Second(each=2))):
        cut.play(seconds, always(second))
        cut.run.restart()
    assert cut.run.results() == whole.run.results()
    assert found(batches(cut, USUAL, lasts=[100])) == found(batches(whole, USUAL, lasts=[100]))
    assert factors(cut, BEYOND_HABIT)[-1] == "every 4 min, the 6th"
