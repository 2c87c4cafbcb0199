"""The sections `schedules` and `escalation` as they are written, and the contacts and absences of people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from actions.escalation.policy import MAX_ROUNDS
from actions.oncall.public_holidays import fault_of
from actions.oncall.schedule import read_handover, read_hours
from classifiers.model import Category, Severity
from config.fields import Duration, Listed, Name, Strict
from config.trust.sections import AbsenceSection

DAY_S = 86_400.0
MAX_EVERY_DAYS = 366


def _reads(read: Any) -> AfterValidator:
    """A validator for texts that a function reads; the function's error says what was expected."""
    def check(value: str) -> str:
        try:
            read(value)
        except ValueError as error:
            expected = str(error).partition(", expected ")[2]
            raise PydanticCustomError("text", "{expected}", {"expected": expected}) from None
        return value

    return AfterValidator(check)


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        expected = "a time zone of the IANA database such as Europe/Berlin or UTC"
        raise PydanticCustomError("zone", "{expected}", {"expected": expected}) from None
    return value


def _country(value: str) -> str:
    fault = fault_of(value)
    if fault is not None:
        raise PydanticCustomError("country", "{expected}", {"expected": fault})
    return value


def _whole_days(value: float) -> float:
    if value % DAY_S or not DAY_S <= value <= MAX_EVERY_DAYS * DAY_S:
        raise PydanticCustomError("days", "whole days or weeks such as 1d or 1w, at most 366d")
    return value


def _day(value: object) -> object:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise PydanticCustomError("day", "a date such as 2026-01-05") from None


Zone = Annotated[str, AfterValidator(_zone)]
Country = Annotated[str, AfterValidator(_country)]
Every = Annotated[Duration, AfterValidator(_whole_days)]
Day = Annotated[date, BeforeValidator(_day)]


class ShiftSection(AbsenceSection):
    """One person is on call from an instant until another."""

    person: Name


class ScheduleSection(Strict):
    """Who is on call. people: who take turns in this order, none where there are only fixed shifts.

    handover: the local hour at which a turn ends, perhaps with its weekday. every: the length of a turn. from: the
    first day of the first person. hours: when it is staffed. holidays: countries on whose holidays the backup takes
    over. backup: another schedule. shifts: fixed ones, which outrank the turns.
    """

    tz: Zone
    people: Annotated[tuple[Name, ...], Listed] = ()
    handover: Annotated[str, _reads(read_handover)] = "09:00"
    every_s: Every = 7 * DAY_S
    from_: Day | None = None
    hours: Annotated[tuple[Annotated[str, _reads(read_hours)], ...], Listed] = ()
    holidays: Annotated[tuple[Country, ...], Listed] = ()
    backup: Name | None = None
    shifts: tuple[ShiftSection, ...] = ()

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not self.people and not self.shifts:
            raise ValueError("people is [], expected at least one person, or shifts")
        if read_handover(self.handover).weekday is not None and self.every_s % (7 * DAY_S):
            days = f"{self.every_s / DAY_S:g}d"
            raise ValueError(f"every_s is {days}, expected whole weeks, since the handover names a weekday")
        return self


class EarlyIfSection(Strict):
    """A step is due before its time when the incident is this large."""

    expected_resolve_s: Annotated[Duration, Field(gt=0.0)] | None = None
    tenants: Annotated[int, Field(ge=1)] | None = None


class StepSection(Strict):
    """One step: after how long, whom it pages by which channels, which audiences it tells."""

    id: Name
    after_s: Annotated[Duration, Field(ge=0.0)] = 0.0
    page: Annotated[tuple[Name, ...], Listed] = ()
    via: Annotated[tuple[Name, ...], Listed] = ()
    tell: Annotated[tuple[Name, ...], Listed] = ()
    severity: Severity | None = None
    early_if: EarlyIfSection = EarlyIfSection()

    @model_validator(mode="after")
    def _for_somebody(self) -> Self:
        if not self.page and not self.tell:
            raise ValueError("page is [], expected a schedule, a person or a role, or an audience under tell")
        return self


class PolicySection(Strict):
    """Who is paged when; see `actions.escalation.policy`."""

    severities: Annotated[tuple[Severity, ...], Listed] = ()
    categories: Annotated[tuple[Category, ...], Listed] = ()
    grace: Mapping[Severity, Annotated[Duration, Field(ge=0.0)]] = Field(default_factory=dict)
    rounds: Annotated[int, Field(ge=1, le=MAX_ROUNDS)] = 2
    round_after_s: Annotated[Duration, Field(gt=0.0)] = 600.0
    fallback: Name | None = None
    ack_lapses_s: Annotated[Duration, Field(gt=0.0)] = 3600.0
    approval_after_s: Annotated[Duration, Field(ge=0.0)] | None = 120.0
    steps: Annotated[tuple[StepSection, ...], Field(min_length=1)]
