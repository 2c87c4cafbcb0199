"""Who is on call at an instant, and why: the newest override, else a fixed shift, else the rotation, else the backup.

The backup takes over on public holidays, outside the hours of a schedule, and while the person is away. On holidays and
in absences, where no backup takes over, the person stays on call: a holiday never leaves a gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from actions.oncall.local_time import day_of, instant_of
from actions.oncall.public_holidays import holiday_name
from actions.oncall.schedule import Hours, Roster, Rotation, Schedule
from classifiers.by_hand import Override


@dataclass(frozen=True, slots=True)
class Duty:
    """person: who is on call, None for nobody. reason: by what, for a human. schedule: that the person stands in."""

    person: str | None
    reason: str
    schedule: str


def on_call(roster: Roster, overrides: Sequence[Override], name: str, at_s: float) -> Duty:
    """Who is on call by a schedule of the roster at an instant (seconds since the epoch)."""
    first = roster.chain(name)[0]
    stays: Duty | None = None
    why: list[str] = []
    for schedule in roster.chain(name):
        duty = _own(overrides, schedule, at_s)
        absent = _why_absent(roster, schedule, duty, at_s)
        if duty.person is not None and absent is None:
            taken = f"{duty.reason} of {schedule.name}: {'; '.join(why)}" if why else duty.reason
            return Duty(duty.person, taken, schedule.name)
        if duty.person is not None and stays is None:
            stays = Duty(duty.person, f"{duty.reason}, although {absent}: no backup takes over", schedule.name)
        why.append(absent or duty.reason)
    return stays or Duty(None, "; ".join(why), first.name)


def turn_at(schedule: Schedule, rotation: Rotation, at_s: float) -> int:
    """The number of the turn that holds at an instant; turn 0 is that of the first person on the first day."""
    days = (day_of(schedule.zone, at_s) - rotation.first_turn).days
    number = days // rotation.every_days
    while turn_begin_s(schedule, rotation, number) > at_s:
        number -= 1
    while turn_begin_s(schedule, rotation, number + 1) <= at_s:
        number += 1
    return number


def turn_begin_s(schedule: Schedule, rotation: Rotation, number: int) -> float:
    """When a turn begins: always at the same local hour."""
    day = rotation.first_turn + timedelta(days=number * rotation.every_days)
    return instant_of(schedule.zone, day, rotation.handover.at.hour * 60 + rotation.handover.at.minute)


def hours_on(schedule: Schedule, hours: Hours, day_number: int, at_s: float) -> tuple[float, float]:
    """The instants at which hours begin and end that belong to the local day of `at_s`, or `day_number` days later."""
    day = day_of(schedule.zone, at_s) + timedelta(days=day_number)
    end_day = day if hours.end_min > hours.begin_min else day + timedelta(days=1)
    return instant_of(schedule.zone, day, hours.begin_min), instant_of(schedule.zone, end_day, hours.end_min)


def _own(overrides: Sequence[Override], schedule: Schedule, at_s: float) -> Duty:
    """Who is on call by this schedule alone, without its backup."""
    standing = [one for one in overrides if one.schedule == schedule.name and one.from_s <= at_s < one.until_s]
    if standing:
        newest = max(standing, key=lambda one: (one.at_s, one.id))
        said = f" ({newest.comment})" if newest.comment else ""
        return Duty(newest.person, f"override by {newest.by}{said}", schedule.name)
    fixed = [shift for shift in schedule.shifts if shift.from_s <= at_s < shift.until_s]
    if fixed:
        latest = max(fixed, key=lambda shift: (shift.from_s, shift.person))
        return Duty(latest.person, "shift", schedule.name)
    if schedule.rotation is None:
        return Duty(None, f"no shift of {schedule.name}", schedule.name)
    if schedule.hours and not _is_within(schedule, at_s):
        return Duty(None, f"outside the hours of {schedule.name}", schedule.name)
    people = schedule.rotation.people
    return Duty(people[turn_at(schedule, schedule.rotation, at_s) % len(people)], "rotation", schedule.name)


def _why_absent(roster: Roster, schedule: Schedule, duty: Duty, at_s: float) -> str | None:
    """Why the backup takes over from who is on call by the schedule; None where it does not. Overrides have no holiday.
    """
    if duty.person is None:
        return None
    if roster.is_away(duty.person, at_s):
        return f"{duty.person} is away"
    if duty.reason.startswith("override") or not schedule.holidays:
        return None
    name = holiday_name(schedule.holidays, day_of(schedule.zone, at_s))
    return None if name is None else f"holiday {name}"


def _is_within(schedule: Schedule, at_s: float) -> bool:
    """Whether one of the hours holds; those that cross midnight belong to the day on which they begin."""
    for hours in schedule.hours:
        for ahead in (-1, 0):
            day = day_of(schedule.zone, at_s) + timedelta(days=ahead)
            begin_s, end_s = hours_on(schedule, hours, ahead, at_s)
            if day.weekday() in hours.weekdays and begin_s <= at_s < end_s:
                return True
    return False
