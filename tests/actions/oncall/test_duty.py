"""Who is on call at an instant: rotation, holidays, hours, backup, absences, shifts and overrides."""

from __future__ import annotations

from itertools import pairwise

import pytest

from actions.oncall.duty import on_call
from actions.oncall.periods import periods
from actions.oncall.schedule import Absence, Shift, read_handover, read_hours
from tests.actions.oncall.rosters import local, override, roster, schedule


def who(people: object, at: str, *overrides: object, name: str = "primary") -> str | None:
    return on_call(people, overrides, name, local(at)).person  # type: ignore[arg-type]


ASIA = schedule("asia", people=("chi",), zone="Asia/Tokyo")


@pytest.mark.parametrize(("before", "after"), [
    ("2026-03-30T08:59", "2026-03-30T09:00"), ("2026-10-26T08:59", "2026-10-26T09:00"),
    ("2026-06-29T08:59", "2026-06-29T09:00"),
])
def test_a_turn_ends_at_the_same_local_hour_before_and_after_a_change_of_clock(before: str, after: str) -> None:
    people = roster(schedule())
    assert {who(people, before), who(people, after)} == {"anna", "ben"}


def test_both_changes_of_clock_leave_no_gap_and_make_one_turn_shorter_and_one_longer() -> None:
    found = periods(roster(schedule()), (), "primary", local("2026-03-23T09:00"), local("2026-11-02T09:00"))
    assert all(one.until_s == two.from_s for one, two in pairwise(found))
    hours = [(one.until_s - one.from_s) / 3600.0 for one in found]
    assert (hours[0], hours[-2], set(hours[1:-2])) == (167.0, 169.0, {168.0})


def test_a_handover_at_an_hour_that_is_skipped_or_comes_twice_happens_once() -> None:
    people = roster(schedule(handover="02:30", every_days=1))
    found = periods(people, (), "primary", local("2026-03-28T12:00"), local("2026-03-30T12:00"))
    assert [one.from_s for one in found[1:]] == [local("2026-03-29T03:30"), local("2026-03-30T02:30")]
    found = periods(people, (), "primary", local("2026-10-24T12:00"), local("2026-10-26T12:00"))
    assert [one.from_s for one in found[1:]] == [local("2026-10-25T02:30"), local("2026-10-26T02:30")]


def test_holidays_are_taken_by_the_backup_in_local_days() -> None:
    people = roster(schedule(holidays=("DE",), backup="asia"), ASIA)
    own = who(people, "2026-05-13T12:00")
    assert (who(people, "2026-05-14T00:00"), who(people, "2026-05-14T23:59")) == ("chi", "chi")
    assert (who(people, "2026-05-13T23:59"), who(people, "2026-05-15T00:00")) == (own, own)
    assert "Ascension" in on_call(people, (), "primary", local("2026-05-14T12:00")).reason


def test_a_holiday_of_a_part_of_a_country_counts_there_alone() -> None:
    for code, expected in (("DE-BY", "chi"), ("DE-BE", None)):
        people = roster(schedule(people=("anna",), holidays=(code,), backup="asia"), ASIA)
        assert who(people, "2026-06-04T12:00") == (expected or "anna")


def test_where_the_backup_has_a_holiday_too_the_person_stays() -> None:
    europe = schedule("asia", people=("dora",), holidays=("AT",), backup=None)
    people = roster(schedule(people=("anna",), holidays=("DE",), backup="asia"), europe)
    duty = on_call(people, (), "primary", local("2026-05-14T12:00"))
    assert (duty.person, "no backup takes over" in duty.reason) == ("anna", True)


def test_outside_its_hours_the_backup_is_on_call_and_without_one_nobody() -> None:
    limited = schedule(people=("anna",), hours=("mon-fri 09:00-17:00",), backup="asia")
    people = roster(limited, ASIA)
    assert [who(people, f"2026-06-05T{hour}") for hour in ("08:59", "09:00", "16:59", "17:00")] == [
        "chi", "anna", "anna", "chi",
    ]
    assert who(people, "2026-06-06T12:00") == "chi"
    assert who(roster(schedule(people=("anna",), hours=("mon-fri 09:00-17:00",))), "2026-06-06T12:00") is None


def test_hours_over_midnight_belong_to_the_day_on_which_they_begin() -> None:
    people = roster(schedule(people=("anna",), hours=("fri 22:00-06:00",)))
    assert [who(people, at) for at in ("2026-06-05T21:59", "2026-06-05T22:00", "2026-06-06T05:59")] == [
        None, "anna", "anna",
    ]
    assert who(people, "2026-06-06T22:00") is None


def test_the_newest_override_counts_and_ends_at_its_end() -> None:
    people = roster(schedule(people=("anna",), holidays=("DE",), backup="asia"), ASIA)
    first = override("ben", "2026-05-13T20:00", "2026-05-14T20:00")
    second = override("dora", "2026-05-14T08:00", "2026-05-14T10:00", at_s=60.0)
    at = ("2026-05-13T19:59", "2026-05-13T20:00", "2026-05-14T09:00", "2026-05-14T10:00", "2026-05-14T20:00")
    assert [who(people, one, first, second) for one in at] == ["anna", "ben", "dora", "ben", "chi"]
    assert who(people, "2026-05-14T09:00", second, first) == "dora"


def test_who_is_away_is_replaced_by_the_backup() -> None:
    away = {"anna": (Absence(local("2026-06-05T00:00"), local("2026-06-06T00:00")),)}
    people = roster(schedule(people=("anna",), backup="asia"), ASIA, away=away)
    assert [who(people, at) for at in ("2026-06-04T12:00", "2026-06-05T12:00", "2026-06-06T00:00")] == [
        "anna", "chi", "anna",
    ]


def test_a_fixed_shift_outranks_the_rotation_and_the_later_of_two_counts() -> None:
    shifts = tuple(
        Shift(person, local(begin), local(end)) for person, begin, end in (
            ("dora", "2026-06-05T08:00", "2026-06-05T12:00"), ("eve", "2026-06-05T10:00", "2026-06-05T11:00"),
        )
    )
    people = roster(schedule(people=("anna",), shifts=shifts))
    at = [f"2026-06-05T{hour}" for hour in ("07:59", "08:00", "10:00", "11:00", "12:00")]
    assert [who(people, one) for one in at] == ["anna", "dora", "eve", "dora", "anna"]


@pytest.mark.parametrize("text", ["9", "25:00", "mon", "mon 24:00", "noon", "montag 09:00", "xyz 09:00", "09:60"])
def test_a_handover_that_cannot_be_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(ValueError, match="expected a local hour such as 09:00"):
        read_handover(text)


@pytest.mark.parametrize("text", ["09:00", "mon-xyz 09:00-17:00", "09:00-09:00", "09:00-25:00", "9-17"])
def test_hours_that_cannot_be_are_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(ValueError, match="expected hours such as mon-fri"):
        read_hours(text)
