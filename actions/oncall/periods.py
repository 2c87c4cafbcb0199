"""Who is on call over a time, as periods that follow each other without a gap between them.

They are derived from `on_call` at each instant at which its answer can change, so both always agree. Cost: about 0.1 ms
for each day of each schedule in the chain of backups.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from actions.oncall.duty import Duty, on_call, turn_at, turn_begin_s
from actions.oncall.local_time import days_between, instant_of
from actions.oncall.schedule import Roster, Schedule
from classifiers.by_hand import Override


@dataclass(frozen=True, slots=True)
class Period:
    """From an instant until another, exclusive, the same person is on call for the same reason."""

    from_s: float
    until_s: float
    duty: Duty


def periods(
    roster: Roster, overrides: Sequence[Override], name: str, from_s: float, until_s: float,
) -> list[Period]:
    """The periods of a schedule from an instant until another. Where nobody is on call, the period's person is None."""
    edges = {from_s, *(edge for edge in _edges(roster, overrides, name, from_s, until_s) if from_s < edge < until_s)}
    begins = sorted(edges)
    found: list[Period] = []
    for begin_s, end_s in zip(begins, [*begins[1:], until_s], strict=True):
        duty = on_call(roster, overrides, name, begin_s)
        if found and found[-1].duty == duty:
            found[-1] = Period(found[-1].from_s, end_s, duty)
        elif begin_s < end_s:
            found.append(Period(begin_s, end_s, duty))
    return found


def _edges(
    roster: Roster, overrides: Sequence[Override], name: str, from_s: float, until_s: float,
) -> Iterator[float]:
    """Every instant at which the answer may change."""
    for schedule in roster.chain(name):
        for shift in schedule.shifts:
            yield from (shift.from_s, shift.until_s)
        for one in overrides:
            if one.schedule == schedule.name:
                yield from (one.from_s, one.until_s)
        yield from _turns(schedule, from_s, until_s)
        yield from _days(schedule, from_s, until_s)
    for absences in roster.away.values():
        for absence in absences:
            yield from (absence.from_s, absence.until_s)


def _turns(schedule: Schedule, from_s: float, until_s: float) -> Iterator[float]:
    rotation = schedule.rotation
    if rotation is None:
        return
    number = turn_at(schedule, rotation, from_s)
    while (begin_s := turn_begin_s(schedule, rotation, number)) < until_s:
        yield begin_s
        number += 1


def _days(schedule: Schedule, from_s: float, until_s: float) -> Iterator[float]:
    """Where holidays and hours begin and end."""
    if not schedule.holidays and not schedule.hours:
        return
    minutes = {minute for hours in schedule.hours for minute in (hours.begin_min, hours.end_min)}
    for day in days_between(schedule.zone, from_s, until_s):
        yield instant_of(schedule.zone, day)
        for minute in minutes:
            yield instant_of(schedule.zone, day, minute)
