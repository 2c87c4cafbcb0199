"""A day: the services of one topic over one stretch of time, what is expected of it, and the faults in its midst."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Literal

from benchmarks.ordinary.generator.faults import Fault
from benchmarks.ordinary.generator.service import Service
from classifiers.directives import Directive

Format = Literal["native", "prometheus_json", "otlp_json"]
MONDAY_S = 1_788_739_200.0
"""2026-09-07 00:00 UTC."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without scrapes. services: whose, by name. replica: whose alone. restart: the collector restarted, so the
    start times that it writes are new."""

    start_s: float
    end_s: float
    services: tuple[str, ...]
    replica: str | None = None
    restart: bool = False


@dataclass(frozen=True, slots=True)
class Expected:
    """What may be reported of a healthy day, beside two notes a day of each service.

    incidents: pages of each service that are right, such as the one incident of a change that nobody announced.
    telemetry_pages: pages of each service about the monitoring itself that are right. source_pages: pages of the whole
    day that are right since everything of its source was silent at once, and nobody can tell that from an outage.
    """

    incidents: int = 0
    telemetry_pages: int = 0
    source_pages: int = 0


@dataclass(frozen=True, slots=True)
class Day:
    """services: of one topic; two with one name are models of one service. scrape_s: between two scrapes of an
    exporter. cut_s: the records end here, though the run goes on."""

    kind: str
    form: Format
    services: tuple[Service, ...]
    length_s: float
    origin_s: float = MONDAY_S
    expected: Expected = Expected()
    faults: tuple[Fault, ...] = ()
    gaps: tuple[Gap, ...] = ()
    directives: tuple[Directive, ...] = ()
    scrape_s: float = 15.0
    cut_s: float = inf

    @property
    def names(self) -> tuple[str, ...]:
        """The services, each once."""
        return tuple(dict.fromkeys(service.name for service in self.services))

    @property
    def ends_s(self) -> float:
        """When the records end."""
        return min(self.length_s, self.cut_s)

    @property
    def hours(self) -> float:
        """Service-hours."""
        return len(self.names) * self.ends_s / 3600.0
