"""Recurring times say what Alertmanager's say; the cases follow its documentation of `time_intervals`."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from classifiers.intervals import IntervalParams, TimeRange, ends_s

WORK = TimeRange("09:00", "17:00")


def at(text: str, zone: str = "UTC") -> float:
    """Seconds since the epoch of a local time."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(("params", "inside", "outside"), [
    (IntervalParams(), ["2026-11-23T00:00"], []),
    (IntervalParams(times=(WORK,)), ["2026-11-23T09:00", "2026-11-23T16:59:59"],
     ["2026-11-23T08:59:59", "2026-11-23T17:00"]),
    (IntervalParams(times=(TimeRange("22:00", "24:00"), TimeRange("00:00", "02:00"))),
     ["2026-11-23T23:59:59", "2026-11-24T00:00", "2026-11-24T01:59"], ["2026-11-23T21:59", "2026-11-24T02:00"]),
    (IntervalParams(weekdays=("monday:friday",)), ["2026-11-23T12:00", "2026-11-27T23:59"],
     ["2026-11-28T00:00", "2026-11-29T12:00"]),
    (IntervalParams(weekdays=("Saturday", "sunday")), ["2026-11-28T12:00", "2026-11-29T12:00"], ["2026-11-30T00:00"]),
    (IntervalParams(days_of_month=("1:5",)), ["2026-11-01T00:00", "2026-11-05T23:59"], ["2026-11-06T00:00"]),
    (IntervalParams(days_of_month=("-3:-1",)), ["2026-11-28T00:00", "2026-11-30T23:59", "2027-02-26T00:00"],
     ["2026-11-27T23:59", "2027-02-25T12:00"]),
    (IntervalParams(days_of_month=("29:31",)), ["2028-02-29T12:00"], ["2027-02-28T12:00", "2027-03-01T12:00"]),
    (IntervalParams(days_of_month=("-31:-1",)), ["2027-02-01T00:00", "2027-02-28T12:00"], []),
    (IntervalParams(days_of_month=("1:-8",)), ["2026-11-01T12:00", "2026-11-23T12:00"], ["2026-11-24T12:00"]),
    (IntervalParams(days_of_month=(15, -1)), ["2026-11-15T12:00", "2026-11-30T12:00"], ["2026-11-16T12:00"]),
    (IntervalParams(months=("january:march", "12")), ["2026-03-31T12:00", "2026-12-01T12:00"], ["2026-04-01T12:00"]),
    (IntervalParams(months=("3:may",)), ["2026-03-01T12:00", "2026-05-31T12:00"], ["2026-06-01T12:00"]),
    (IntervalParams(years=("2026:2027", 2030)), ["2027-12-31T23:59", "2030-01-01T00:00"], ["2028-01-01T00:00"]),
    (IntervalParams(times=(WORK,), weekdays=("monday",), months=("november",)), ["2026-11-23T09:00"],
     ["2026-11-24T09:00", "2026-12-07T09:00", "2026-11-23T17:00"]),
])
def test_all_fields_must_fit_and_one_range_of_each(
    params: IntervalParams, inside: list[str], outside: list[str],
) -> None:
    interval = params.build()
    assert [text for text in inside if not interval.contains(at(text))] == []
    assert [text for text in outside if interval.contains(at(text))] == []


@pytest.mark.parametrize(("zone", "summer", "winter"), [
    ("Europe/Berlin", "2026-07-01T07:00:00", "2026-11-23T08:00:00"),
    ("America/New_York", "2026-07-01T13:00:00", "2026-11-23T14:00:00"),
    ("Asia/Kolkata", "2026-07-01T03:30:00", "2026-11-23T03:30:00"),
])
def test_a_location_has_its_own_nine_o_clock_in_summer_and_in_winter(zone: str, summer: str, winter: str) -> None:
    interval = IntervalParams(times=(WORK,), location=zone).build()
    for nine_in_utc in (summer, winter):
        assert interval.contains(at(nine_in_utc))
        assert not interval.contains(at(nine_in_utc) - 1)


def test_a_location_decides_which_day_it_is() -> None:
    interval = IntervalParams(weekdays=("tuesday",), location="Asia/Tokyo").build()
    assert interval.contains(at("2026-11-23T15:00"))
    assert not interval.contains(at("2026-11-23T14:59"))


def test_an_hour_that_comes_twice_is_inside_twice() -> None:
    interval = IntervalParams(times=(TimeRange("02:00", "03:00"),), location="Europe/Berlin").build()
    first = at("2026-10-25T00:30")
    assert [interval.contains(first + hour * 3600) for hour in (-1, 0, 1, 2)] == [False, True, True, False]


@pytest.mark.parametrize(("params", "now", "end"), [
    ([IntervalParams(times=(TimeRange("01:00", "05:07"),))], "2026-11-28T02:00", "2026-11-28T05:07"),
    ([IntervalParams(weekdays=("saturday", "sunday"))], "2026-11-28T02:00", "2026-11-30T00:00"),
    ([IntervalParams(times=(TimeRange("01:00", "05:00"),), location="America/New_York")], "2026-11-28T06:30",
     "2026-11-28T10:00"),
    ([IntervalParams(times=(TimeRange("22:00", "24:00"),)), IntervalParams(times=(TimeRange("00:00", "06:00"),))],
     "2026-11-28T23:00", "2026-11-29T06:00"),
    ([IntervalParams()], "2026-11-28T02:00", None),
])
def test_intervals_end_when_none_of_them_contains_the_time_any_more(
    params: list[IntervalParams], now: str, end: str | None,
) -> None:
    assert ends_s([one.build() for one in params], at(now)) == (None if end is None else at(end))


@pytest.mark.parametrize(("start", "end", "place"), [
    ("9:00", "17:00", "start_time: '9:00'"), ("09:00", "24:01", "end_time: '24:01'"),
    ("10:60", "11:00", "start_time: '10:60'"), ("17:00", "09:00", "end_time: '09:00', expected a time after"),
    ("10:00", "10:00", "end_time: '10:00', expected a time after"), ("24:00", "24:00", "end_time: '24:00'"),
])
def test_a_time_that_is_none_is_refused(start: str, end: str, place: str) -> None:
    with pytest.raises(ValueError, match=place):
        TimeRange(start, end)


@pytest.mark.parametrize(("field", "text"), [
    ("weekdays", "funday"), ("weekdays", "mon"), ("weekdays", "friday:monday"), ("weekdays", "saturday:sunday"),
    ("weekdays", "1"), ("weekdays", "monday:"), ("weekdays", "monday:tuesday:friday"),
    ("days_of_month", "0"), ("days_of_month", "32"), ("days_of_month", "5:1"), ("days_of_month", "-1:-3"),
    ("days_of_month", "-5:3"), ("days_of_month", "9:-20"), ("days_of_month", "a"), ("days_of_month", "1:"),
    ("months", "jan"), ("months", "march:january"), ("months", "0"), ("months", "13"), ("months", "may:august:may"),
    ("years", "2022:2020"), ("years", "abc"), ("years", "99999"),
])
def test_a_range_that_is_none_is_refused_with_the_field(field: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"{field}: '{text}', expected"):
        IntervalParams(**{field: (text,)})  # type: ignore[arg-type]


@pytest.mark.parametrize("location", ["Nowhere/City", "Local", "", "../etc/passwd"])
def test_a_location_that_means_nothing_or_something_else_elsewhere_is_refused(location: str) -> None:
    with pytest.raises(ValueError, match=r"location: .*, expected a time zone"):
        IntervalParams(location=location)
