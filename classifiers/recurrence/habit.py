"""A habit: its period in words, and how far an incident may go before it is more than its habit."""

from __future__ import annotations

from dataclasses import dataclass

TOLERANCE = 0.05
"""Share of the period by which an opening may be off, between `LEAST_OFF_S` and `MOST_OFF_S`."""
LEAST_OFF_S, MOST_OFF_S = 30.0, 900.0
_NAMES: tuple[tuple[float, str], ...] = ((3_600.0, "hourly"), (86_400.0, "daily"), (604_800.0, "weekly"))


@dataclass(slots=True)
class Habit:
    """The habit that an incident is part of.

    number: which of it. last_id, published_at_s: the last one that was told, and when. longest_s, highest: of those
    before it, the duration and by metric the deviation. fingerprints: theirs. began_s: when this one began.
    is_known: the one before was told, or known, as a habit. broken: why it is a habit no more.
    """

    period_s: float
    number: int
    last_id: str
    longest_s: float
    highest: dict[str, float]
    fingerprints: tuple[str, ...]
    began_s: float
    published_at_s: float
    is_known: bool = False
    broken: str | None = None

    def __str__(self) -> str:
        return f"{period_text(self.period_s)}, the {ordinal(self.number)}"

    def is_repeat(self, now_s: float, interval_s: float) -> bool:
        """Whether it is known and was told lately. An opening that is a little early makes no difference."""
        age_s = now_s - self.published_at_s + tolerance_s(self.period_s)
        return self.is_known and self.broken is None and age_s < interval_s


def period_text(period_s: float) -> str:
    """A period in words.

    >>> period_text(3590.0), period_text(1500.0), period_text(7200.0)
    ('hourly', 'every 25 min', 'every 2 h')
    """
    for named_s, name in _NAMES:
        if abs(period_s - named_s) <= tolerance_s(named_s):
            return name
    minutes = round(period_s / 60.0)
    return f"every {minutes} min" if minutes < 120 else f"every {period_s / 3600.0:.3g} h"


def ordinal(number: int) -> str:
    """
    >>> [ordinal(number) for number in (1, 2, 3, 4, 11, 12, 13, 21, 112)]
    ['1st', '2nd', '3rd', '4th', '11th', '12th', '13th', '21st', '112th']
    """
    last = number % 10 if number % 100 not in (11, 12, 13) else 0
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(last, 'th') }"


def tolerance_s(period_s: float) -> float:
    """By how much an opening may be off its period."""
    return min(max(TOLERANCE * period_s, LEAST_OFF_S), MOST_OFF_S)
