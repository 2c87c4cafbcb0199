"""Forecast of the time to resolve, from how long similar incidents took; or the reason why there is none.

The prediction interval is between order statistics and needs no distribution. Of n incidents and the next one, each is
equally likely to have any rank. So the next one falls between the r-th and the s-th with probability (s - r) / (n + 1)
[1]. Only past incidents that lasted at least as long as this one has by now are counted.

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
from classifiers.validation_errors import describe_first

CONFIDENCE = 0.8
MIN_INCIDENTS = round(2.0 / (1.0 - CONFIDENCE)) - 1
"""With fewer incidents no two of them enclose the next one with that confidence."""
MAX_ENDED = 500
"""Incidents of one shard. A snapshot holds them all, about 0.1 KB each."""
FACTOR = "time_to_resolve"


@dataclass(frozen=True, slots=True)
class PastResolution:
    """How long an incident lasted from its onset.

    recovered: False where it ended otherwise (taken as the new normal, or silent): then the fault lasted at least as
    long.
    """

    category: Category
    severity: Severity
    service: str
    lasted_s: float
    recovered: bool


_ENDED = TypeAdapter(list[PastResolution])
SIMILARITY: tuple[tuple[str, Callable[[PastResolution, Incident], bool]], ...] = (
    ("category, severity and service", lambda ended, incident: (ended.category, ended.severity, ended.service)
     == (incident.category, incident.peak_severity, incident.service)),
    ("category and severity", lambda ended, incident: (ended.category, ended.severity)
     == (incident.category, incident.peak_severity)),
    ("category", lambda ended, incident: ended.category == incident.category),
)
"""From the closest similarity to the widest. The first with enough incidents is used."""


class ResolutionTimes:
    """The last `MAX_ENDED` incidents of one shard that ended. After a crash they come back with the snapshot."""

    def __init__(self) -> None:
        self._ended: deque[PastResolution] = deque(maxlen=MAX_ENDED)

    def record(self, incident: Incident) -> None:
        """Add a resolved incident. One without a valid time to resolve is ignored."""
        times = incident.stage_times
        lasted_s = times["resolve"].value_s
        if lasted_s is not None:
            recovered = times["recover"].status == "recorded"
            self._ended.append(
                PastResolution(incident.category, incident.peak_severity, incident.service, lasted_s, recovered),
            )

    def with_forecast(self, incident: Incident, now_s: float) -> Incident:
        """The incident with a forecast made now, and a factor that explains it. About 0.2 ms when full."""
        forecast, text = self._forecast(incident, now_s - incident.onset_at_s)
        value = None if forecast is None else round(forecast.median_s, 1)
        return _with(incident, forecast, Factor(FACTOR, value, 0.0, text))

    def dump(self) -> list[dict[str, Any]]:
        """Everything, as JSON values."""
        found: list[dict[str, Any]] = _ENDED.dump_python(list(self._ended))
        return found

    def load(self, data: object) -> None:
        """Restore a dump; raises `ValueError` when it is not one."""
        try:
            self._ended.extend(_ENDED.validate_python(data))
        except ValidationError as error:
            raise ValueError(f"resolution_times: {describe_first(error)}") from None

    def _forecast(self, incident: Incident, age_s: float) -> tuple[Forecast | None, str]:
        found = "unknown"
        for similarity, similar in SIMILARITY:
            past = sorted(
                ended.lasted_s if ended.recovered else inf
                for ended in self._ended if similar(ended, incident) and ended.lasted_s > age_s
            )
            forecast = interval(past)
            if forecast is not None:
                return forecast, f"{forecast.confidence:.0%} of {similarity} took {forecast.low_s:.0f} to " \
                                 f"{forecast.high_s:.0f} s, of {forecast.count} incidents"
            what = f"{len(past)} {'incident' if len(past) == 1 else 'incidents'} of the same {similarity}"
            found = f"unknown: {what} {'lasted as long' if age_s > 0 else 'ended'}, at least {MIN_INCIDENTS} are needed"
            if len(past) >= MIN_INCIDENTS:
                found = f"unknown: too many of the same {similarity} ended without recovery"
        return None, found


def with_forecast_of(published: Incident, incident: Incident) -> Incident:
    """The incident with the forecast that it was last published with."""
    kept = (factor for factor in published.factors if factor.name == FACTOR)
    return _with(incident, published.expected_resolve, *kept)


def interval(past: Sequence[float]) -> Forecast | None:
    """The narrowest central prediction interval of at least `CONFIDENCE`, from sorted durations; None where none is.

    Infinite values are censored: the incident ended without recovery. An interval that would need one is None.
    """
    count = len(past)
    tail = floor((count + 1) * (1.0 - CONFIDENCE) / 2.0 + 1e-9)
    if tail < 1 or past[count - tail] == inf:
        return None
    low_s, high_s = past[tail - 1], past[count - tail]
    median_s = (past[(count - 1) // 2] + past[count // 2]) / 2.0
    return Forecast(low_s, median_s, high_s, (count + 1 - 2 * tail) / (count + 1), count)


def _with(incident: Incident, forecast: Forecast | None, *factors: Factor) -> Incident:
    return replace(incident, expected_resolve=forecast, factors=(*incident.factors, *factors))
