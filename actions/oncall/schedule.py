"""The values of on-call duty: schedules, fixed shifts, absences, and the roster of all of them.

All instants are seconds since the epoch. Only a schedule knows a time zone: it says at which local hour a turn ends.
`ValueError` names the value and what was expected.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from zoneinfo import ZoneInfo

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FIRST_DAY = date(2024, 1, 1)
"""A Monday: where a rotation begins whose schedule does not say so."""
MINUTES_A_DAY = 24 * 60
_HANDOVER = re.compile(r"(?:([a-z]{3}) )?(\d{1,2}):(\d{2})")
_HOURS = re.compile(r"(?:([a-z]{3})(?:-([a-z]{3}))? )?(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})")


@dataclass(frozen=True, slots=True)
class Handover:
    """The local hour at which a turn ends and the next one begins. weekday: 0 is Monday, None for any day."""

    at: time
    weekday: int | None = None


@dataclass(frozen=True, slots=True)
class Hours:
    """Local hours in which a schedule is staffed, on some weekdays. Where `end_min` is not after `begin_min`, they end
    on the next day. Both are minutes after local midnight."""

    weekdays: frozenset[int]
    begin_min: int
    end_min: int


@dataclass(frozen=True, slots=True)
class Shift:
    """One person is on call from an instant until another, exclusive."""

    person: str
    from_s: float
    until_s: float


@dataclass(frozen=True, slots=True)
class Absence:
    """A person cannot be reached from an instant until another, exclusive."""

    from_s: float
    until_s: float


@dataclass(frozen=True, slots=True)
class Rotation:
    """People take turns of so many days, in their order. first_day: on which the first of them begins; the rotation is
    continued before it too."""

    people: tuple[str, ...]
    handover: Handover
    every_days: int
    first_day: date = FIRST_DAY

    def __post_init__(self) -> None:
        weekday = self.handover.weekday
        if weekday is not None and self.every_days % 7:
            raise ValueError(f"every is {self.every_days}d, expected whole weeks where the handover names a weekday")

    @property
    def first_turn(self) -> date:
        """The day of the first handover: the first with its weekday from `first_day` on."""
        weekday = self.handover.weekday
        ahead = 0 if weekday is None else (weekday - self.first_day.weekday()) % 7
        return self.first_day + timedelta(days=ahead)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Who is on call, by a rotation, by fixed shifts, or by both: then a shift outranks the rotation.

    hours: outside of them the backup is on call; empty for always. holidays: countries such as DE, or with their part
    DE-BY, on whose public holidays the backup is on call. backup: another schedule.
    """

    name: str
    zone: ZoneInfo
    rotation: Rotation | None = None
    shifts: tuple[Shift, ...] = ()
    hours: tuple[Hours, ...] = ()
    holidays: tuple[str, ...] = ()
    backup: str | None = None

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody whom it names, each once."""
        turns = () if self.rotation is None else self.rotation.people
        return tuple(dict.fromkeys([*turns, *(shift.person for shift in self.shifts)]))


@dataclass(frozen=True, slots=True)
class Roster:
    """All schedules by name, and when people are away."""

    schedules: Mapping[str, Schedule]
    away: Mapping[str, tuple[Absence, ...]] = field(default_factory=dict)

    def is_away(self, person: str, at_s: float) -> bool:
        """Whether a person cannot be reached."""
        return any(absence.from_s <= at_s < absence.until_s for absence in self.away.get(person, ()))

    def chain(self, name: str) -> tuple[Schedule, ...]:
        """A schedule, its backup, the backup of that one and so on, each once."""
        found: dict[str, Schedule] = {}
        following: str | None = name
        while following is not None and following not in found:
            found[following] = self.schedules[following]
            following = found[following].backup
        return tuple(found.values())


def read_handover(text: str) -> Handover:
    """A handover as it is written.

    >>> read_handover("mon 09:00")
    Handover(at=datetime.time(9, 0), weekday=0)
    """
    found = _HANDOVER.fullmatch(text.strip().lower())
    if found is not None and (found[1] is None or found[1] in WEEKDAYS) and _is_time(found[2], found[3]):
        weekday = None if found[1] is None else WEEKDAYS.index(found[1])
        return Handover(time(int(found[2]), int(found[3])), weekday)
    raise ValueError(f"{text!r}, expected a local hour such as 09:00, or with its weekday: mon 09:00")


def read_hours(text: str) -> Hours:
    """Hours as they are written.

    >>> read_hours("sat-sun 22:00-06:00") == Hours(frozenset({5, 6}), 1320, 360)
    True
    """
    found = _HOURS.fullmatch(text.strip().lower())
    days = None if found is None else _days(found[1], found[2])
    if found is not None and days and _is_time(found[3], found[4]) and _is_end(found[5], found[6]):
        begin, end = int(found[3]) * 60 + int(found[4]), int(found[5]) * 60 + int(found[6])
        if begin != end:
            return Hours(days, begin, end)
    raise ValueError(f"{text!r}, expected hours such as mon-fri 09:00-17:00, or 22:00-06:00 for every day")


def _days(first: str | None, last: str | None) -> frozenset[int]:
    if first is None:
        return frozenset(range(7))
    if first not in WEEKDAYS or (last is not None and last not in WEEKDAYS):
        return frozenset()
    begin = WEEKDAYS.index(first)
    count = 0 if last is None else (WEEKDAYS.index(last) - begin) % 7
    return frozenset((begin + ahead) % 7 for ahead in range(count + 1))


def _is_time(hour: str, minute: str) -> bool:
    return int(hour) < 24 and int(minute) < 60


def _is_end(hour: str, minute: str) -> bool:
    return _is_time(hour, minute) or (int(hour), int(minute)) == (24, 0)
