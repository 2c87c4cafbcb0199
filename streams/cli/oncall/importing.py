"""From a file of another system to a section `schedules` that can be pasted into the configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ruamel.yaml import YAML

from actions.oncall.calendar_file import calendar_schedule
from actions.oncall.foreign import ForeignSchedule, ForeignShift, grafana_schedule, pagerduty_schedule
from config.models import Config
from streams.cli import Failure


def import_schedule(
    config: Config, file: Path, name: str, kind: str, window: tuple[float, float], tz: str | None,
    known_as: Mapping[str, str],
) -> str:
    """The section as YAML. window: seconds since the epoch; shifts outside of it are left out. known_as: people by the
    names of the other system. Raises `Failure` with everything that is wrong."""
    zone = _zone("--tz", tz or "UTC")
    try:
        found = _read(file.read_bytes(), kind, window, zone)
    except ValueError as error:
        raise Failure(f"{file}: {error}") from error
    named = tz or found.zone or "UTC"
    shifts = [shift for shift in found.shifts if shift.until_s > window[0] and shift.from_s < window[1]]
    if not shifts:
        raise Failure(f"{file}: no shift in the time asked for, expected at least one")
    section = {"tz": named, "shifts": _shifts(config, file, shifts, _zone(str(file), named), known_as)}
    text = StringIO()
    yaml = YAML()
    yaml.default_flow_style = None
    yaml.dump({"schedules": {name: section}}, text)
    return text.getvalue()


def _read(data: bytes, kind: str, window: tuple[float, float], zone: ZoneInfo) -> ForeignSchedule:
    if kind == "icalendar":
        return calendar_schedule(data, *window, zone)
    return pagerduty_schedule(data) if kind == "pagerduty" else grafana_schedule(data)


def _shifts(
    config: Config, file: Path, shifts: Sequence[ForeignShift], zone: ZoneInfo, known_as: Mapping[str, str],
) -> list[dict[str, str]]:
    """As they are written, with neighbouring ones of one person as one."""
    joined: list[tuple[str, float, float]] = []
    unknown: dict[str, None] = {}
    for shift in sorted(shifts, key=lambda one: (one.from_s, one.until_s)):
        person = _person(config, shift, known_as)
        if person is None:
            unknown[" or ".join(shift.names)] = None
        elif joined and joined[-1][0] == person and joined[-1][2] == shift.from_s:
            joined[-1] = person, joined[-1][1], shift.until_s
        else:
            joined.append((person, shift.from_s, shift.until_s))
    if unknown:
        known = ", ".join(config.people) or "none is configured"
        expected = f"one of people ({known}) by name or mail, or --as NAME=PERSON"
        raise Failure("\n".join(f"{file}: {name!r} is nobody here, expected {expected}" for name in unknown))
    return [{"person": who, "from": _local(begin, zone), "until": _local(end, zone)} for who, begin, end in joined]


def _person(config: Config, shift: ForeignShift, known_as: Mapping[str, str]) -> str | None:
    mails = {person.mail.lower(): name for name, person in config.people.items() if person.mail is not None}
    own = {name.lower(): name for name in config.people}
    for name in shift.names:
        found = known_as.get(name) or mails.get(name.lower()) or own.get(name.lower())
        if found is not None:
            return found
    return None


def _zone(place: str, name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise Failure(f"{place}: time zone {name!r}, expected one of the IANA database such as Europe/Berlin") from None


def _local(at_s: float, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(at_s, UTC).astimezone(zone).isoformat(timespec="seconds")
