"""Shifts from an iCalendar file (RFC 5545): each event is a shift, also of one that recurs.

A recurring event keeps its local hour over changes of clock. EXDATE, RDATE and single changed occurrences
(RECURRENCE-ID) are followed; cancelled events are left out. Pure; `ValueError` names the event and what was expected.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil.rrule import rrulestr  # type: ignore[import-untyped]
from icalendar import Calendar

from actions.oncall.foreign import ForeignSchedule, ForeignShift

MAX_OCCURRENCES = 20_000


def calendar_schedule(data: bytes, from_s: float, until_s: float, zone: tzinfo) -> ForeignSchedule:
    """The shifts that touch a time. zone: of events whose time has no zone,
    and of whole days, where the file names none."""
    try:
        calendar: Any = Calendar.from_ical(data)
    except (ValueError, IndexError) as error:
        raise ValueError(f"no iCalendar file ({error}), expected one of RFC 5545") from None
    named = calendar.get("X-WR-TIMEZONE")
    zone = zone if named is None else _known(str(named), zone)
    events = [event for event in calendar.walk("VEVENT") if str(event.get("STATUS", "")).upper() != "CANCELLED"]
    moved = {(str(event.get("UID")), _start(event["RECURRENCE-ID"].dt, zone)) for event in events
             if "RECURRENCE-ID" in event}
    shifts = [
        shift for event in events for shift in _shifts(event, moved, (from_s, until_s), zone)
        if shift.until_s > from_s and shift.from_s < until_s
    ]
    return ForeignSchedule(tuple(sorted(shifts, key=lambda shift: shift.from_s)), None if named is None else str(named))


def _shifts(
    event: Any, moved: set[tuple[str, datetime]], window: tuple[float, float], zone: tzinfo,
) -> Iterator[ForeignShift]:
    place = f"event {event.get('SUMMARY', event.get('UID', '?'))!s}"
    if "DTSTART" not in event:
        raise ValueError(f"{place}: no DTSTART, expected one")
    begins = _start(event["DTSTART"].dt, zone)
    length = _length(event, begins, zone, place)
    names = _names(event, place)
    for begin in _occurrences(event, begins, length, window, zone):
        if "RECURRENCE-ID" not in event and (str(event.get("UID")), begin) in moved:
            continue
        end = _end(begin, length)
        yield ForeignShift(names, begin.timestamp(), end.timestamp())


def _occurrences(
    event: Any, begins: datetime, length: timedelta, window: tuple[float, float], zone: tzinfo,
) -> Iterator[datetime]:
    if "RRULE" not in event or "RECURRENCE-ID" in event:
        yield begins
    else:
        local = begins.replace(tzinfo=None)
        rule = rrulestr(_local_rule(event["RRULE"], begins.tzinfo), dtstart=local)
        excluded = {_start(one.dt, zone) for one in _dates(event.get("EXDATE"))}
        first_s = window[0] - length.total_seconds() - 2 * 86_400.0
        last = datetime.fromtimestamp(window[1], UTC).astimezone(begins.tzinfo).replace(tzinfo=None)
        first = datetime.fromtimestamp(first_s, UTC).astimezone(begins.tzinfo).replace(tzinfo=None)
        for number, found in enumerate(rule.xafter(first, inc=True)):
            if found > last or number >= MAX_OCCURRENCES:
                break
            begin = found.replace(tzinfo=begins.tzinfo)
            if begin not in excluded:
                yield begin
    yield from (_start(one.dt, zone) for one in _dates(event.get("RDATE")) if not isinstance(one.dt, tuple))


def _local_rule(rule: Any, zone: tzinfo | None) -> str:
    """A rule for local times: UNTIL is a time of UTC by the standard, where the event has a zone."""
    until = rule.get("UNTIL")
    if until:
        last = until[0]
        if isinstance(last, datetime) and last.tzinfo is not None:
            last = last.astimezone(zone).replace(tzinfo=None)
        elif not isinstance(last, datetime):
            last = datetime.combine(last, time(23, 59, 59))
        rest = {name: value for name, value in rule.items() if name != "UNTIL"}
        return f"{type(rule)(rest).to_ical().decode()};UNTIL={last:%Y%m%dT%H%M%S}"
    text: str = rule.to_ical().decode()
    return text


def _dates(field: Any) -> Sequence[Any]:
    if field is None:
        return ()
    return [one for part in (field if isinstance(field, list) else [field]) for one in part.dts]


def _length(event: Any, begins: datetime, zone: tzinfo, place: str) -> timedelta:
    """From begin to end in local time, so that a shift that ends at 09:00 does so after a change of clock too."""
    if "DTEND" in event:
        length = _start(event["DTEND"].dt, zone).astimezone(begins.tzinfo).replace(tzinfo=None) - _naive(begins)
    elif "DURATION" in event:
        length = event["DURATION"].dt
    elif isinstance(event["DTSTART"].dt, datetime):
        raise ValueError(f"{place}: no DTEND, expected one or DURATION")
    else:
        length = timedelta(days=1)
    if length <= timedelta(0):
        raise ValueError(f"{place}: DTEND is not after DTSTART, expected a later time")
    return length


def _end(begin: datetime, length: timedelta) -> datetime:
    return (_naive(begin) + length).replace(tzinfo=begin.tzinfo)


def _naive(when: datetime) -> datetime:
    return when.replace(tzinfo=None)


def _start(value: date | datetime, zone: tzinfo) -> datetime:
    """A time with its zone, by what the standard library knows of the zone."""
    if not isinstance(value, datetime):
        return datetime.combine(value, time(0), zone)
    if value.tzinfo is None:
        return value.replace(tzinfo=zone)
    key = getattr(value.tzinfo, "key", None)
    return value if key is None else value.replace(tzinfo=_known(key, value.tzinfo))


def _known(name: str, otherwise: tzinfo) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return otherwise


def _names(event: Any, place: str) -> tuple[str, ...]:
    """Attendees by mail, then the summary and its parts between dashes."""
    attendees = event.get("ATTENDEE", [])
    mails = [
        str(one).removeprefix("mailto:").removeprefix("MAILTO:")
        for one in (attendees if isinstance(attendees, list) else [attendees])
    ]
    summary = str(event.get("SUMMARY", "")).strip()
    parts = [part.strip() for part in summary.split(" - ")] if " - " in summary else []
    found = tuple(dict.fromkeys(name for name in (*mails, summary, *parts) if name))
    if not found:
        raise ValueError(f"{place}: nobody is named, expected ATTENDEE or SUMMARY")
    return found
