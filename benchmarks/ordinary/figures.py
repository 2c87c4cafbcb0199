"""Figures of days: false pages and notes by kind, recall and delay by fault, of ours and of the rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.ordinary.generator.faults import EFFECTS, Fault

WEEK_H, THOUSAND_H, DAY_H = 168.0, 1000.0, 24.0


@dataclass(frozen=True, slots=True)
class Healthy:
    """One healthy day: counts of what was reported. alerts: of the rules."""

    kind: str
    form: str
    hours: float
    pages: int
    right: int
    notes: int
    alerts: int


@dataclass(frozen=True, slots=True)
class Found:
    """One fault: whether it was paged and when; whether it was reported at all; the same of the rules."""

    kind: str
    form: str
    fault: Fault
    page: bool
    reported: bool
    delay_s: float | None
    scope_right: bool
    category_right: bool
    alert_delay_s: float | None


@dataclass(frozen=True, slots=True)
class Rates:
    """Of some healthy days together."""

    hours: float
    pages: int
    right: int
    notes: int
    alerts: int

    @classmethod
    def of(cls, days: Sequence[Healthy]) -> Rates:
        return cls(*(sum(getattr(day, name) for day in days) for name in ("hours", "pages", "right", "notes",
                                                                          "alerts")))

    @property
    def pages_a_week(self) -> float:
        return self.pages * WEEK_H / self.hours

    @property
    def pages_a_thousand_hours(self) -> float:
        return self.pages * THOUSAND_H / self.hours

    @property
    def notes_a_day(self) -> float:
        return self.notes * DAY_H / self.hours

    @property
    def alerts_a_week(self) -> float:
        return self.alerts * WEEK_H / self.hours


@dataclass(frozen=True, slots=True)
class Recall:
    """Of some faults together; delays are medians, None where nothing was found."""

    count: int
    paged: int
    reported: int
    scope_right: int
    category_right: int
    delay_s: float | None
    alerted: int
    alert_delay_s: float | None

    @classmethod
    def of(cls, found: Sequence[Found]) -> Recall:
        delays = [one.delay_s for one in found if one.page and one.delay_s is not None]
        alerted = [one.alert_delay_s for one in found if one.alert_delay_s is not None]
        return cls(
            len(found), sum(one.page for one in found), sum(one.reported for one in found),
            sum(one.scope_right for one in found), sum(one.category_right for one in found),
            median(delays) if delays else None, len(alerted), median(alerted) if alerted else None,
        )


def by_kind(days: Sequence[Healthy]) -> dict[tuple[str, str], Rates]:
    """The rates of each kind and format, in the order in which they were run."""
    keys = dict.fromkeys((day.kind, day.form) for day in days)
    return {key: Rates.of([day for day in days if (day.kind, day.form) == key]) for key in keys}


def by_fault(found: Sequence[Found]) -> dict[tuple[str, str], Recall]:
    """The recall of each kind of fault, native and scraped, in the order of the table of faults."""
    sides = ("native", "scraped")
    keys = [(name, side) for name in EFFECTS for side in sides]
    every = {key: Recall.of([one for one in found if (one.fault.kind, side_of(one.form)) == key]) for key in keys}
    return {key: recall for key, recall in every.items() if recall.count}


def overall(rates: Rates, recall: Recall) -> dict[str, float | None]:
    """The figures over all kinds; shares are of all faults."""
    shares = {name.replace("_", " "): getattr(recall, name) / recall.count if recall.count else None
              for name in ("paged", "reported", "scope_right", "category_right")}
    return {
        "service-hours": rates.hours, "pages in 1,000 service-hours": rates.pages_a_thousand_hours,
        "notes a service-day": rates.notes_a_day, "delay s": recall.delay_s, **shares,
    }


def side_of(form: str) -> str:
    """native or scraped."""
    return "native" if form == "native" else "scraped"
