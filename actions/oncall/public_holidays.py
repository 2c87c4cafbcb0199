"""Public holidays by country, from the library `holidays`: `DE`, or a part of a country, `DE-BY`."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holidays import HolidayBase


def fault_of(code: str) -> str | None:
    """What was expected in place of a code that the library does not know; None for one that it knows."""
    import holidays  # here, so that who names no country does not wait for it

    country, _, part = code.partition("-")
    known = holidays.list_supported_countries(include_aliases=False)
    if country not in known:
        return "a country of ISO 3166 such as DE, US or JP, or with its part: DE-BY"
    if part and part not in known[country]:
        return f"{country}, or with one of its parts: {', '.join(known[country]) or 'it has none'}"
    return None


@lru_cache(maxsize=4096)
def holiday_name(codes: tuple[str, ...], day: date) -> str | None:
    """The name of a public holiday of this day in one of the countries; None on other days."""
    for code in codes:
        name = _calendar(code, day.year).get(day)
        if name is not None:
            return str(name)
    return None


@lru_cache(maxsize=256)
def _calendar(code: str, year: int) -> HolidayBase:
    import holidays

    country, _, part = code.partition("-")
    return holidays.country_holidays(country, subdiv=part or None, years=year)
