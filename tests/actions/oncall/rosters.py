"""Rosters and instants for the tests of on-call duty."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from actions.oncall.schedule import Absence, Roster, Rotation, Schedule, read_handover, read_hours
from classifiers.by_hand import Override

BERLIN = ZoneInfo("Europe/Berlin")


def local(text: str, zone: str = "Europe/Berlin") -> float:
    """A local time in seconds since the epoch."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def schedule(name: str = "primary", *, people: tuple[str, ...] = ("anna", "ben"), **over: Any) -> Schedule:
    """Two people of Berlin who change every Monday at 09:00, but for what is given."""
    handover = read_handover(over.pop("handover", "mon 09:00"))
    days = over.pop("every_days", 7)
    zone = ZoneInfo(over.pop("zone", "Europe/Berlin"))
    hours = tuple(read_hours(text) for text in over.pop("hours", ()))
    rotation = Rotation(people, handover, days) if people else None
    return Schedule(name, zone, rotation, hours=hours, **over)


def roster(*schedules: Schedule, away: Mapping[str, tuple[Absence, ...]] | None = None) -> Roster:
    """These schedules by name."""
    return Roster({one.name: one for one in schedules}, away or {})


def override(person: str, begin: str, end: str, at_s: float = 0.0, name: str = "primary") -> Override:
    """An override between two local times of Berlin; at_s: seconds before its begin that it was written."""
    from_s = local(begin)
    return Override(name, person, from_s, local(end), "anna", from_s - 3600.0 + at_s, "swap")
