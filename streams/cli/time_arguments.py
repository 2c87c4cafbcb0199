"""Times as arguments of commands: durations as in the configuration, and points in time."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import cast, overload

import click
from pydantic_core import PydanticCustomError

from config.fields import seconds


class DurationArgument(click.ParamType):
    """A duration as the configuration writes it, in seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Fails with what was expected."""
        try:
            return cast(float, seconds(value))
        except PydanticCustomError as error:
            self.fail(f"{value!r}, expected {error.message()}", param, ctx)


class TimeArgument(click.ParamType):
    """A point in time: an ISO 8601 date as seconds since the epoch, or a duration before now as its negative."""

    name = "when"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """A date without a time zone is UTC."""
        try:
            return -cast(float, seconds(value))
        except PydanticCustomError:
            pass
        try:
            date = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r}, expected a date such as 2026-11-02 or 2026-11-02T10:30, or a duration such as 7d "
                      "before now", param, ctx)
        return epoch_s(date, UTC)


class LocalTimeArgument(click.ParamType):
    """A date or a time of ISO 8601. Without an offset it is a time of the schedule's zone."""

    name = "when"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Fails with what was expected."""
        try:
            return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        except ValueError:
            expected = "a date such as 2026-11-02, or a time such as 2026-11-02T10:30 or 2026-11-02T10:30+01:00"
            self.fail(f"{value!r}, expected {expected}", param, ctx)


def epoch_s(when: datetime, zone: tzinfo) -> float:
    """Seconds since the epoch; a time without an offset is one of the zone."""
    return (when if when.tzinfo is not None else when.replace(tzinfo=zone)).timestamp()


@overload
def resolve_time(when: float, now_s: float) -> float: ...
@overload
def resolve_time(when: float | None, now_s: float) -> float | None: ...
def resolve_time(when: float | None, now_s: float) -> float | None:
    """The value of a `TimeArgument` as seconds since the epoch."""
    return when if when is None or when >= 0.0 else now_s + when
