"""Recurring time intervals in the syntax of Alertmanager's `time_intervals`. Pure.

An instant is inside if it fits every given field; a field fits if any of its ranges does. Ranges are written
`first:last` and contain both ends, except times of day, whose end is excluded. Days of the month may count from the end
(-1 is the last one), and are limited to the length of the month. After Alertmanager 0.25, package `timeinterval`.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from functools import cache
from heapq import merge
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

Span = tuple[int, int]
"""First and last value, both inside."""

WEEK = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
"""From Sunday, as in Alertmanager: `saturday:sunday` is not ascending and is refused there too."""
MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
          "december")
SHORTEST_MONTH = 28
END_WITHIN_DAYS = 32
"""How far ahead the end of intervals is looked for."""
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Times of one day, HH:MM. The end is excluded and may be 24:00. A range over midnight is written as two ranges."""

    start_time: str
    end_time: str

    def __post_init__(self) -> None:
        for name, text in (("start_time", self.start_time), ("end_time", self.end_time)):
            if _CLOCK.fullmatch(text) is None:
                raise ValueError(f"{name}: {text!r}, expected a time of day, 00:00 to 24:00")
        if minutes(self.start_time) >= minutes(self.end_time):
            raise ValueError(f"end_time: {self.end_time!r}, expected a time after start_time {self.start_time!r}")


@dataclass(frozen=True, slots=True)
class IntervalParams:
    """One interval as written. Raises `ValueError` naming the field. location: a name of the IANA time zone database.

    >>> IntervalParams(weekdays=("monday:friday",)).build().contains(1_795_435_200.0)
    True
    """

    times: tuple[TimeRange, ...] = ()
    weekdays: tuple[str, ...] = ()
    days_of_month: tuple[str | int, ...] = ()
    months: tuple[str | int, ...] = ()
    years: tuple[str | int, ...] = ()
    location: str = "UTC"

    def __post_init__(self) -> None:
        self.build()

    def build(self) -> Interval:
        """The interval as numbers."""
        return Interval(
            times=tuple((minutes(each.start_time), minutes(each.end_time)) for each in self.times),
            weekdays=tuple(_weekdays(text) for text in self.weekdays),
            days_of_month=tuple(_days(text) for text in self.days_of_month),
            months=tuple(_months(text) for text in self.months),
            years=tuple(_ascending("years", text, _numbers("years", text, 0, 9999)) for text in self.years),
            zone=_zone(self.location),
        )


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval as numbers. times: minutes of the day, the end excluded. weekdays: 0 is Sunday."""

    times: tuple[Span, ...]
    weekdays: tuple[Span, ...]
    days_of_month: tuple[Span, ...]
    months: tuple[Span, ...]
    years: tuple[Span, ...]
    zone: tzinfo

    def contains(self, now_s: float) -> bool:
        """Whether an instant, in seconds since the epoch, is inside. About 2 us."""
        now = datetime.fromtimestamp(now_s, self.zone)
        minute = now.hour * 60 + now.minute
        return (
            (not self.times or any(start <= minute < end for start, end in self.times))
            and _inside(self.weekdays, now.isoweekday() % 7)
            and _inside(self.months, now.month)
            and _inside(self.years, now.year)
            and (not self.days_of_month or _on_day(self.days_of_month, now))
        )

    def possible_ends_s(self, now_s: float) -> Iterator[float]:
        """The instants at which it may end, on the days from one instant on, in order."""
        today = datetime.fromtimestamp(now_s, self.zone).date()
        ends = {24 * 60, *(end for _, end in self.times)}
        for day in range(END_WITHIN_DAYS):
            yield from sorted(
                datetime.combine(
                    today + timedelta(day + minute // 1440), time(minute // 60 % 24, minute % 60), self.zone,
                ).timestamp() for minute in ends
            )


def ends_s(intervals: Sequence[Interval], now_s: float) -> float | None:
    """When none of the intervals contains the time any more, from an instant that one of them does; None where that is
    not within `END_WITHIN_DAYS`. An interval ends at an end of its times or at midnight. About 2 us for each of these,
    up to the one that it is.
    """
    ends = (end_s for end_s in merge(*(each.possible_ends_s(now_s) for each in intervals)) if end_s > now_s)
    return next((end_s for end_s in ends if not any(each.contains(end_s) for each in intervals)), None)


def minutes(clock: str) -> int:
    """A time of day in minutes since midnight."""
    hour, _, minute = clock.partition(":")
    return int(hour) * 60 + int(minute)


def _inside(spans: tuple[Span, ...], value: int) -> bool:
    return not spans or any(first <= value <= last for first, last in spans)


def _on_day(spans: tuple[Span, ...], now: datetime) -> bool:
    length = monthrange(now.year, now.month)[1]

    def day(number: int) -> int:
        return length + number + 1 if number < 0 else number

    return any(max(day(first), 1) <= now.day <= day(last) for first, last in spans)


def _days(written: str | int) -> Span:
    expected = "days of the month, such as 1:5 or -3:-1 (-1 is the last), the first before the last"
    try:
        first, last = _numbers("days_of_month", written, -31, 31)
    except ValueError:
        raise ValueError(f"days_of_month: {written!r}, expected {expected}") from None
    # Checked for the shortest month: there 5:-25 ends before it begins, so it would be empty in some months only.
    ends = tuple(SHORTEST_MONTH + number if number < 0 else number for number in (first, last))
    if 0 in (first, last) or (first < 0 < last) or ends[0] > ends[1]:
        raise ValueError(f"days_of_month: {written!r}, expected {expected}")
    return first, last


def _months(written: str | int) -> Span:
    ends = [str(MONTHS.index(end) + 1) if end in MONTHS else end for end in str(written).lower().split(":")]
    try:
        return _ascending("months", written, _numbers("months", ":".join(ends), 1, 12))
    except ValueError:
        raise ValueError(f"months: {written!r}, expected january to december or 1 to 12, or an ascending range such as "
                         "3:may") from None


def _weekdays(written: str) -> Span:
    ends = written.lower().split(":")
    if len(ends) > 2 or any(end not in WEEK for end in ends):
        raise ValueError(f"weekdays: {written!r}, expected sunday to saturday, or a range such as monday:friday")
    return _ascending("weekdays", written, (WEEK.index(ends[0]), WEEK.index(ends[-1])))


def _numbers(field: str, written: str | int, least: int, most: int) -> Span:
    ends = str(written).split(":")
    if len(ends) > 2 or not all(re.fullmatch(r"-?\d{1,4}", end) and least <= int(end) <= most for end in ends):
        raise ValueError(f"{field}: {written!r}, expected {least} to {most}, or a range first:last")
    return int(ends[0]), int(ends[-1])


def _ascending(field: str, written: str | int, span: Span) -> Span:
    if span[0] > span[1]:
        raise ValueError(f"{field}: {written!r}, expected a range whose first is not after its last")
    return span


@cache
def _zone(location: str) -> tzinfo:
    """`Local` is refused: the same configuration would have another meaning on another machine."""
    try:
        return ZoneInfo(location)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"location: {location!r}, expected a time zone such as UTC or Europe/Berlin") from None
