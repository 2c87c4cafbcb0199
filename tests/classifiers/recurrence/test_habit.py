"""A habit in words, and when it need not be told."""

from __future__ import annotations

import pytest

from classifiers.recurrence.habit import Habit, period_text

HOUR, DAY = 3600.0, 86_400.0


def test_a_period_that_has_no_name_is_told_in_minutes_or_hours() -> None:
    assert list(map(period_text, (3590.0, 1500.0, 7300.0, 604_000.0))) == [
        "hourly", "every 25 min", "every 2.03 h", "weekly",
    ]


@pytest.mark.parametrize(("is_known", "broken", "age_s", "told"), [
    (True, None, HOUR, False), (False, None, HOUR, True), (True, "longer than its habit", HOUR, True),
    (True, None, DAY - 181.0, False), (True, None, DAY - 180.0, True), (True, None, DAY, True),
])
def test_a_habit_is_told_once_a_day_unless_it_is_new_or_more_than_that(
    is_known: bool, broken: str | None, age_s: float, told: bool,
) -> None:
    habit = Habit(HOUR, 5, "inc-1", 240.0, {}, (), 0.0, 1000.0, is_known, broken)
    assert habit.is_repeat(1000.0 + age_s, DAY) is not told


def test_a_habit_may_always_be_told() -> None:
    assert not Habit(HOUR, 5, "inc-1", 240.0, {}, (), 0.0, 0.0, is_known=True).is_repeat(1.0, 0.0)
