"""Habits: what comes back at a regular distance and ends by itself is told as one, and a fault never is."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from classifiers.recurrence.memory import KEEP_S, MAX_ACTED_ON, MAX_KEPT, MAX_OCCURRENCES, Recurrence
from classifiers.recurrence.occurrence import JOINED_S, Occurrence

KIND = "chat/gpt all resource_exhaustion"
HOUR, DAY = 3600.0, 86_400.0
LEAST_S = 900.0


def occurrence(opened_at_s: float, by_itself: bool = True, kind: str = KIND, number: int = 1) -> Occurrence:
    deviations = {"latency_ms": 0.5}
    return Occurrence(f"inc-{opened_at_s:.0f}", (kind,), opened_at_s, 240.0, deviations, by_itself, True, number)


def recurrence(*opened_at_s: float) -> Recurrence:
    found = Recurrence()
    for at_s in opened_at_s:
        found.record(occurrence(at_s))
    return found


def habit_at(found: Recurrence, at_s: float, kind: str = KIND) -> str | None:
    habit = found.habit((kind,), at_s, LEAST_S)
    return None if habit is None else str(habit)


def test_the_fourth_at_one_distance_is_a_habit_and_the_third_is_not() -> None:
    assert habit_at(recurrence(0.0, HOUR), 2 * HOUR) is None
    found = recurrence(0.0, HOUR, 2 * HOUR).habit((KIND,), 3 * HOUR, LEAST_S)
    assert found is not None
    assert (str(found), found.last_id) == ("hourly, the 4th", "inc-7200")
    assert (found.longest_s, found.highest) == (240.0, {"latency_ms": 0.5})


@pytest.mark.parametrize(("period_s", "text"), [
    (1500.0, "every 25 min, the 4th"), (2 * HOUR, "every 2 h, the 4th"), (DAY, "daily, the 4th"),
    (7 * DAY, "weekly, the 4th"),
])
def test_a_habit_may_have_any_period(period_s: float, text: str) -> None:
    assert habit_at(recurrence(0.0, period_s, 2 * period_s), 3 * period_s) == text


def test_the_number_goes_on_counting() -> None:
    found = recurrence(HOUR, 2 * HOUR)
    found.record(occurrence(3 * HOUR, number=11))
    assert habit_at(found, 4 * HOUR) == "hourly, the 12th"


@pytest.mark.parametrize("off_s", [-170.0, -60.0, 60.0, 170.0])
def test_an_opening_may_be_a_little_off(off_s: float) -> None:
    assert habit_at(recurrence(0.0, HOUR + 60.0, 2 * HOUR - 60.0), 3 * HOUR + off_s / 2.0) == "hourly, the 4th"


@pytest.mark.parametrize("opened_at_s", [
    (0.0, 1.4 * HOUR, 2 * HOUR), (0.0, HOUR, 2.5 * HOUR), (0.0, 0.0, 2 * HOUR), (HOUR, 2 * HOUR),
])
def test_what_comes_at_irregular_distances_is_no_habit(opened_at_s: tuple[float, ...]) -> None:
    assert habit_at(recurrence(*opened_at_s), 3 * HOUR) is None


def test_what_comes_more_often_than_a_habit_may_flaps() -> None:
    assert habit_at(recurrence(0.0, 600.0, 1200.0), 1800.0) is None


def test_a_habit_is_found_among_others_of_its_kind_but_not_in_a_crowd() -> None:
    assert habit_at(recurrence(0.0, HOUR, 1.6 * HOUR, 2 * HOUR), 3 * HOUR) == "hourly, the 4th"
    crowd = [0.0, 0.37 * HOUR, HOUR, 1.61 * HOUR, 2 * HOUR, 2.22 * HOUR]
    assert habit_at(recurrence(*crowd), 3 * HOUR) is None


def test_a_habit_of_two_openings_an_hour_is_two_habits() -> None:
    pairs = [hour * HOUR + after_s for hour in range(3) for after_s in (0.0, 1200.0)]
    assert habit_at(recurrence(*pairs, 3 * HOUR), 3 * HOUR + 1200.0) == "hourly, the 4th"


def test_one_that_did_not_end_by_itself_makes_no_habit() -> None:
    found = recurrence(0.0, 2 * HOUR)
    found.record(occurrence(HOUR, by_itself=False))
    assert habit_at(found, 3 * HOUR) is None


def test_another_kind_is_no_occurrence() -> None:
    assert habit_at(recurrence(0.0, HOUR, 2 * HOUR), 3 * HOUR, "chat/gpt replica=r1 resource_exhaustion") is None


def test_what_people_acted_on_never_becomes_a_habit_until_a_human_takes_that_back() -> None:
    found = recurrence(0.0, HOUR, 2 * HOUR)
    found.act_on(found.kinds_of("inc-3600"))
    assert habit_at(found, 3 * HOUR) is None
    for hour in range(3, 30):
        found.record(occurrence(hour * HOUR))
    assert habit_at(found, 30 * HOUR) is None
    found.dismiss([KIND])
    assert habit_at(found, 30 * HOUR) == "hourly, the 4th"


def test_memory_is_bounded() -> None:
    found = recurrence(*(at * HOUR for at in range(MAX_OCCURRENCES + 5)))
    assert len(found.occurrences) == MAX_OCCURRENCES
    found.record(occurrence(KEEP_S + 50 * HOUR))
    assert min(one.opened_at_s for one in found.occurrences) >= 50 * HOUR
    for number in range(MAX_KEPT + 3):
        found.record(occurrence(KEEP_S + 60 * HOUR + number, kind=f"kind {number}"))
    assert len(found.occurrences) == MAX_KEPT
    found.act_on(f"kind {number}" for number in range(MAX_ACTED_ON + 2))
    assert len(found.acted_on) == MAX_ACTED_ON


def test_the_order_in_which_occurrences_are_recorded_does_not_matter() -> None:
    assert recurrence(2 * HOUR, 0.0, HOUR).occurrences == recurrence(0.0, HOUR, 2 * HOUR).occurrences


def test_the_highest_and_the_longest_of_those_before_count() -> None:
    found = recurrence(0.0, HOUR)
    found.record(replace(occurrence(2 * HOUR), lasted_s=300.0, deviations={"latency_ms": 0.3, "queue_ms": 2.0}))
    habit = found.habit((KIND,), 3 * HOUR, LEAST_S)
    assert habit is not None
    assert (habit.longest_s, habit.highest) == (300.0, {"latency_ms": 0.5, "queue_ms": 2.0})


def part(opened_at_s: float, lasted_s: float, by_itself: bool = True) -> Occurrence:
    """A part of an occurrence, called by when it opened."""
    return replace(occurrence(opened_at_s, by_itself), lasted_s=lasted_s)


def test_incidents_with_a_short_calm_between_are_one_occurrence_in_any_order() -> None:
    parts = [part(0.0, 50.0), part(50.0 + JOINED_S, 30.0), part(100.0, 90.0), part(251.0, 10.0)]
    for order in permutations(parts):
        found = Recurrence()
        for one in order:
            found.record(one)
        first, second = found.occurrences
        assert (first.id, first.lasted_s, sorted(first.joined)) == ("inc-0", 190.0, ["inc-100", "inc-110"])
        assert (second.opened_at_s, second.joined) == (251.0, ())
        assert found.kinds_of("inc-110") == (KIND,)


def test_one_part_that_did_not_end_by_itself_makes_the_whole_one_that_did_not() -> None:
    found = recurrence(0.0, 2 * HOUR)
    for one in (part(HOUR, 20.0), part(HOUR + 40.0, 20.0, by_itself=False)):
        found.record(one)
    assert habit_at(found, 3 * HOUR) is None


def test_a_further_part_is_of_the_same_number_and_lasts_since_the_first_one_began() -> None:
    found = recurrence(0.0, HOUR, 2 * HOUR)
    found.record(replace(part(3 * HOUR, 100.0), number=4))
    again = found.habit((KIND,), 3 * HOUR + 130.0, LEAST_S)
    assert again is not None
    assert (str(again), again.began_s, again.is_known) == ("hourly, the 4th", 3 * HOUR, True)


def test_a_habit_names_the_last_one_that_was_told() -> None:
    found = recurrence(0.0, HOUR)
    found.record(replace(occurrence(2 * HOUR, number=9), published_id="inc-0", published_at_s=0.0))
    habit = found.habit((KIND,), 3 * HOUR, LEAST_S)
    assert habit is not None
    assert (habit.last_id, habit.published_at_s, habit.is_known) == ("inc-0", 0.0, True)
