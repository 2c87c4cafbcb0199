"""How a command is told of times: durations as the configuration writes them, and moments."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast, overload

import click
from pydantic_core import PydanticCustomError

from config.fields import seconds


class Duration(click.ParamType):
    """A duration as the configuration writes it, in seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Fails with what was expected."""
        try:
            return cast(float, seconds(value))
        except PydanticCustomError as error:
            self.fail(f"{value!r}, expected {error.message()}", param, ctx)


class When(click.ParamType):
    """A moment: seconds since the epoch of an ISO 8601 date, or the negative of a duration counted back from now."""

    name = "when"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """A date that names no zone is UTC."""
        try:
            return -cast(float, seconds(value))
        except PydanticCustomError:
            pass
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r}, expected a date such as 2026-11-02 or 2026-11-02T10:30, or a duration such as 7d "
                      "before now", param, ctx)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


@overload
def moment(when: float, now_s: float) -> float: ...
@overload
def moment(when: float | None, now_s: float) -> float | None: ...
def moment(when: float | None, now_s: float) -> float | None:
    """What `When` gave, as seconds since the epoch."""
    return when if when is None or when >= 0.0 else now_s + when
