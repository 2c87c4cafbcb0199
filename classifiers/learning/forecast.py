"""How long it will take: the time to resolve from how long incidents like it took, or why nothing can be said.

The interval is of order statistics and supposes no distribution: of n incidents and the next one, each is as likely to
be in any place, so the next one falls between the r-th and the s-th with chance (s - r) / (n + 1) [1]. Of the past only
those count that lasted at least as long as this one has by now.

[1] Wilks: Determination of sample sizes for setting tolerance limits. Annals of Mathematical Statistics, 1941.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import floor, inf
from typing import Any

from pydantic import TypeAdapter, ValidationError

from classifiers.model import Category, Factor, Forecast, Incident, Severity

CONFIDENCE = 0.8
LEAST = round(2.0 / (1.0 - CONFIDENCE)) - 1
"""Incidents without which no two of them enclose the next one with that confidence."""
MAX_ENDED = 500
"""Of one shard; a snapshot holds them all, about 0.1 KB each."""
FACTOR = "time_to_resolve"


@dataclass(frozen=True, slots=True)
class Lasted:
    """How long an incident lasted from its onset. recovered: False where it ended otherwise (taken as the new normal,
    or silent), so that its trouble lasted at least as long."""

    category: Category
    severity: Severity
    service: str
    lasted_s: float
    recovered: bool


_ENDED = TypeAdapter(list[Lasted])
LIKENESS: tuple[tuple[str, Callable[[Lasted, Incident], bool]], ...] = (
    ("category, severity and service", lambda ended, incident: (ended.category, ended.severity, ended.service)
     == (incident.category, incident.peak_severity, incident.service)),
    ("category and severity", lambda ended, incident: (ended.category, ended.severity)
     == (incident.category, incident.peak_severity)),
    ("category", lambda ended, incident: ended.category == incident.category),
)
"""From the closest likeness to the widest; the first with enough incidents is used."""


class Durations:
    """The incidents that one shard saw end, the latest `MAX_ENDED`. On a crash they come back with the snapshot."""

    def __init__(self) -> None:
        self._ended: deque[Lasted] = deque(maxlen=MAX_ENDED)

    def note(self, incident: Incident) -> None:
        """Remember a resolved incident; one whose times contradict each other says nothing."""
        times = incident.stage_times
        lasted_s = times["resolve"].value_s
        if lasted_s is not None:
            recovered = times["recover"].status == "recorded"
            self._ended.append(
                Lasted(incident.category, incident.peak_severity, incident.service, lasted_s, recovered),
            )

    def expect(self, incident: Incident, now_s: float) -> Incident:
        """The incident with its forecast, and a factor that says what it rests on. About 0.2 ms when full."""
        forecast, text = self._forecast(incident, now_s - incident.onset_at_s)
        value = None if forecast is None else round(forecast.median_s, 1)
        return _told(incident, forecast, Factor(FACTOR, value, 0.0, text))

    def dump(self) -> list[dict[str, Any]]:
        """Everything remembered, as JSON values."""
        found: list[dict[str, Any]] = _ENDED.dump_python(list(self._ended))
        return found

    def load(self, data: object) -> None:
        """Put a dump back; raises `ValueError` when it is not one."""
        try:
            self._ended.extend(_ENDED.validate_python(data))
        except ValidationError as error:
            raise ValueError(f"durations: {error.errors()[0]['loc']}: {error.errors()[0]['msg']}") from None

    def _forecast(self, incident: Incident, age_s: float) -> tuple[Forecast | None, str]:
        found = "cannot say"
        for likeness, alike in LIKENESS:
            past = sorted(
                ended.lasted_s if ended.recovered else inf
                for ended in self._ended if alike(ended, incident) and ended.lasted_s > age_s
            )
            forecast = interval(past)
            if forecast is not None:
                return forecast, f"{forecast.confidence:.0%} of {likeness} took {forecast.low_s:.0f} to " \
                                 f"{forecast.high_s:.0f} s, of {forecast.count} incidents"
            what = "lasted as long" if age_s > 0 else "ended"
            found = f"cannot say: {len(past)} incidents of the same {likeness} {what}, expected at least {LEAST}"
            if len(past) >= LEAST:
                found = f"cannot say: too many of the same {likeness} ended without recovery"
        return None, found


def with_forecast(incident: Incident, before: Incident) -> Incident:
    """The incident with the forecast that it was last told with."""
    return _told(incident, before.expected_resolve, *(factor for factor in before.factors if factor.name == FACTOR))


def interval(past: Sequence[float]) -> Forecast | None:
    """The narrowest central interval of at least `CONFIDENCE` for the next of these, sorted; None where none is.

    Infinite values stand for what lasted longer than anybody waited: an interval that would need one is not told.
    """
    count = len(past)
    tail = floor((count + 1) * (1.0 - CONFIDENCE) / 2.0 + 1e-9)
    if tail < 1 or past[count - tail] == inf:
        return None
    low_s, high_s = past[tail - 1], past[count - tail]
    median_s = (past[(count - 1) // 2] + past[count // 2]) / 2.0
    return Forecast(low_s, median_s, high_s, (count + 1 - 2 * tail) / (count + 1), count)


def _told(incident: Incident, forecast: Forecast | None, *why: Factor) -> Incident:
    return replace(incident, expected_resolve=forecast, factors=(*incident.factors, *why))
