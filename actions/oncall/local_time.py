"""Local hours and days as instants.

A local hour that a change of clock skips is as many minutes after the change as it would have been after the hour of
the change; one that comes twice is the first of the two. So the instants of one local hour on following days are in
order, and no day is without its hour.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def instant_of(zone: ZoneInfo, day: date, minute: int = 0) -> float:
    """The instant of a local day and minute, in seconds since the epoch. minute: 0 to 1,440.

    >>> from zoneinfo import ZoneInfo
    >>> berlin = ZoneInfo("Europe/Berlin")
    >>> round(instant_of(berlin, date(2026, 3, 30)) - instant_of(berlin, date(2026, 3, 29)))
    82800
    """
    if minute >= 24 * 60:
        day, minute = day + timedelta(days=1), minute - 24 * 60
    return datetime.combine(day, time(minute // 60, minute % 60), zone).timestamp()


def day_of(zone: ZoneInfo, at_s: float) -> date:
    """The local day that began last."""
    day = datetime.fromtimestamp(at_s, UTC).astimezone(zone).date()
    while instant_of(zone, day) > at_s:
        day -= timedelta(days=1)
    while instant_of(zone, day + timedelta(days=1)) <= at_s:
        day += timedelta(days=1)
    return day


def days_between(zone: ZoneInfo, from_s: float, until_s: float) -> list[date]:
    """The local days of a time, with the day before it and the day after it."""
    first = day_of(zone, from_s) - timedelta(days=1)
    count = (day_of(zone, until_s) - first).days + 2
    return [first + timedelta(days=ahead) for ahead in range(count)]
