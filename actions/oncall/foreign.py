"""Shifts from the exports of other systems, as text: PagerDuty's and Grafana OnCall's JSON.

PagerDuty: the answer of `GET /schedules/{id}` with `since` and `until` (REST API v2, "Get a schedule"), of which
`final_schedule.rendered_schedule_entries` counts: layers, restrictions and overrides are in it. Grafana OnCall: the
answer of `GET /api/v1/schedules/{id}/final_shifts` (OnCall API, "Schedule final shifts"). Pure; `ValueError` names the
place, the value and what was expected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class ForeignShift:
    """A shift of somebody as another system names them. names: each may be a mail address or a name."""

    names: tuple[str, ...]
    from_s: float
    until_s: float


@dataclass(frozen=True, slots=True)
class ForeignSchedule:
    """All shifts of a schedule. zone: its time zone, None where the export names none."""

    shifts: tuple[ForeignShift, ...]
    zone: str | None = None


def pagerduty_schedule(data: bytes) -> ForeignSchedule:
    """The final schedule of an answer of PagerDuty."""
    schedule = _member(_object(data), "schedule", dict)
    final = _member(schedule, "final_schedule", dict, "schedule")
    expected = "rendered_schedule_entries, as PagerDuty gives them with `since` and `until`"
    entries = final.get("rendered_schedule_entries")
    if not isinstance(entries, list) or not entries:
        raise ValueError(f"schedule.final_schedule: {type(entries).__name__}, expected {expected}")
    zone = schedule.get("time_zone")
    place = "schedule.final_schedule.rendered_schedule_entries"
    shifts = tuple(_pagerduty_shift(entry, f"{place}[{index}]") for index, entry in enumerate(entries))
    return ForeignSchedule(shifts, zone if isinstance(zone, str) else None)


def grafana_schedule(data: bytes) -> ForeignSchedule:
    """The final shifts of an answer of Grafana OnCall; one of several pages is refused."""
    answer = _object(data)
    if answer.get("next") is not None:
        raise ValueError(f"next {answer['next']!r}, expected all shifts on one page: ask with a larger perpage")
    results = _member(answer, "results", list)
    return ForeignSchedule(tuple(_grafana_shift(entry, f"results[{index}]") for index, entry in enumerate(results)))


def instant(value: object, place: str) -> float:
    """A time of ISO 8601 with its offset, in seconds since the epoch."""
    try:
        when = datetime.fromisoformat(str(value))
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        raise ValueError(f"{place} {value!r}, expected a time with its offset such as 2026-11-02T09:00:00+01:00")
    return when.timestamp()


def _pagerduty_shift(entry: Any, place: str) -> ForeignShift:
    user = _member(_mapping(entry, place), "user", dict, place)
    names = _names(user, ("email", "summary", "name"), f"{place}.user")
    return _shift(names, entry, ("start", "end"), place)


def _grafana_shift(entry: Any, place: str) -> ForeignShift:
    names = _names(_mapping(entry, place), ("user_email", "user_username"), place)
    return _shift(names, entry, ("shift_start", "shift_end"), place)


def _shift(names: tuple[str, ...], entry: Mapping[str, Any], fields: tuple[str, str], place: str) -> ForeignShift:
    from_s, until_s = (instant(entry.get(name), f"{place}.{name}") for name in fields)
    if until_s <= from_s:
        raise ValueError(f"{place}.{fields[1]} {entry[fields[1]]!r}, expected a time after {fields[0]}")
    return ForeignShift(names, from_s, until_s)


def _names(user: Mapping[str, Any], fields: tuple[str, ...], place: str) -> tuple[str, ...]:
    found = tuple(user[name] for name in fields if isinstance(user.get(name), str) and user[name])
    if not found:
        raise ValueError(f"{place}: no user, expected one of {', '.join(fields)}")
    return found


def _object(data: bytes) -> Mapping[str, Any]:
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"no JSON ({error}), expected an object") from None
    return _mapping(found, "the file")


def _mapping(value: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{place}: {type(value).__name__}, expected an object")
    return value


def _member(parent: Mapping[str, Any], name: str, kind: type, place: str = "") -> Any:
    value = parent.get(name)
    if not isinstance(value, kind):
        where = f"{place}.{name}" if place else name
        raise ValueError(f"{where}: {type(value).__name__}, expected {kind.__name__}")
    return value
