"""Windows of series as they are published: those of an incident, and those of a service that deviate most.

They are for people to look at. Nothing is decided by them, and the states of incidents never depend on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from classifiers.model import Scope

Part = Literal["version", "replica"]
Numbers = tuple[float | None, ...]
"""None where a number is unknown."""


def short(number: float) -> float | None:
    """As it is published and drawn: six digits are enough to look at; None for what is not finite.

    >>> short(0.12345678), short(float("nan"))
    (0.123457, None)
    """
    return float(f"{number:.6g}") if isfinite(number) else None


def shorts(numbers: NDArray[np.floating]) -> list[float | None]:
    """`short` of each of these, at a tenth of its cost. Between 1e-17 and 1e27 the same; beyond, with more or fewer
    digits. Shape (n,).

    >>> shorts(np.array([0.12345678, np.nan, -1234567.0]))
    [0.123457, None, -1234570.0]
    """
    known = np.isfinite(numbers)
    each = np.where(known, numbers, 0.0).astype(np.float64)
    digits = np.floor(np.log10(np.abs(each), out=np.zeros_like(each), where=each != 0.0))
    # Two powers of ten, since a negative one is not exact.
    below, above = 10.0 ** np.clip(5.0 - digits, 0.0, 22.0), 10.0 ** np.clip(digits - 5.0, 0.0, 22.0)
    rounded = np.rint(each * below / above) * above / below
    return [number if is_known else None for number, is_known in zip(rounded.tolist(), known.tolist(), strict=True)]


@dataclass(frozen=True, slots=True)
class SeriesWindows:
    """Windows of one series, oldest first; all tuples have the same length.

    detector: with the highest level in the newest window, None for none. warm: whether the learned detectors score the
    series. gap_s: usual time between its windows, None while it is unknown. end_s: seconds since the epoch. value,
    expected: in the metric's unit. low, high: a window beyond is an alarm of the series' detector of location; None
    where deviations in that direction do not count. level: 1.0 is the false-alarm budget.
    """

    metric: str
    scope: Scope
    detector: str | None
    warm: bool
    gap_s: float | None
    end_s: tuple[float, ...]
    value: Numbers
    expected: Numbers
    low: Numbers
    high: Numbers
    level: Numbers


@dataclass(frozen=True, slots=True)
class IncidentSeries:
    """Windows of the series that an incident is about, and of the same metrics of the whole service.

    at_s: event time of the newest window. each_s: seconds of event time that one window stands for, the one with the
    highest level among them; None for every window.
    """

    incident_id: str
    service: str
    model: str | None
    at_s: float
    each_s: float | None
    series: tuple[SeriesWindows, ...]


@dataclass(frozen=True, slots=True)
class PartLevel:
    """The highest level among the series of a replica or version, and its metric. level: None while all warm up."""

    part: Part
    name: str
    level: float | None
    metric: str | None


@dataclass(frozen=True, slots=True)
class ListedSeries:
    """The series of one metric, each by its newest window; all tuples have the same length. parts: what each is of,
    such as `replica/r0`; empty for the whole service. value: in the metric's unit. level: None while it warms up.
    """

    metric: str
    parts: tuple[str, ...]
    value: Numbers
    level: Numbers


@dataclass(frozen=True, slots=True)
class SourceCadence:
    """How a source is expected to deliver: delay_s: how late records may come. lateness_s: how far one may lie behind
    the newest."""

    topic: str
    delay_s: float
    lateness_s: float


@dataclass(frozen=True, slots=True)
class ShardReport:
    """How a shard is, as its owner says. since_s: when this owner began. at_s: of the report. Both are of the clock of
    decisions. evaluated_until_s: event time up to which all is judged, None before the first window. blind_s: for how
    long nothing could be concluded from what does not arrive, 0 while the owner sees. The others count since `since_s`:
    late: records whose window was closed. refused_series, overflowed, dropped_values: what the limits on series, on
    values of labels, and on metrics left out. skipped: points of aggregated metrics without a value. dead: dead letters
    by reason.
    """

    shard: int
    worker: str
    since_s: float
    at_s: float
    evaluated_until_s: float | None
    blind_s: float
    late: int
    refused_series: int
    overflowed: int
    dropped_values: int
    skipped: int
    dead: dict[str, int]


@dataclass(frozen=True, slots=True)
class ServiceSeries:
    """A service as one shard sees it. series: the number of its series; warming: those that no learned detector scores
    yet; silent: those without windows for longer than usual. top: the series of the whole service, and of its parts
    those with the highest levels; only windows since the last record. parts: levels since the last record. listed: all
    series with windows in the last minute, of too many those with the highest levels; once a minute, and empty between.
    """

    service: str
    model: str | None
    at_s: float
    series: int
    warming: int
    silent: int
    top: tuple[SeriesWindows, ...]
    parts: tuple[PartLevel, ...]
    sources: tuple[SourceCadence, ...] = ()
    listed: tuple[ListedSeries, ...] = ()


def part_text(scope: Scope) -> str:
    """What of its service a scope is.

    >>> part_text(Scope("chat", replica="r0")), part_text(Scope("chat"))
    ('replica/r0', '')
    """
    for name in ("replica", "tenant", "version"):
        if (value := getattr(scope, name)) is not None:
            return f"{name}/{value}"
    return ""
