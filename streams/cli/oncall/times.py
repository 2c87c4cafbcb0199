"""Points in time on the command line, in the time zone of a schedule."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import click


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


def local_time(when: datetime, zone: ZoneInfo) -> float:
    """Seconds since the epoch."""
    return (when if when.tzinfo is not None else when.replace(tzinfo=zone)).timestamp()
