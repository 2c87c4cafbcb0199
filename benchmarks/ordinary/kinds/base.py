"""What all kinds of days share: how a service is drawn, and what a kind is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.ordinary.generator.arrivals import Course, Steady
from benchmarks.ordinary.generator.day import MONDAY_S, Day, Expected, Format
from benchmarks.ordinary.generator.fleet import Names, pods
from benchmarks.ordinary.generator.service import Service, Stream, Tenant, Tokens, Version

HOUR_S = 3600.0
MORNING_S = MONDAY_S + 9 * HOUR_S
"""When days begin that are no course of a day."""
NO_PAGE = Expected()
WORDS = ("chat", "search", "code", "mail", "docs", "agents", "voice", "batch", "ocr", "plan", "news", "help")


@dataclass(frozen=True, slots=True)
class Draw:
    """What a day is drawn from. services: how many. hours: its length."""

    kind: str
    form: Format
    rng: np.random.Generator
    services: int
    hours: float

    @property
    def length_s(self) -> float:
        return self.hours * HOUR_S

    @property
    def renamed(self) -> bool:
        """Whether the pods of a service get new names at a deployment; two of three services are so."""
        return bool(self.rng.random() < 2 / 3)

    def time_s(self, low: float = 0.35, high: float = 0.75) -> float:
        """A moment of the day between two shares of its length."""
        return float(self.rng.uniform(low, high)) * self.length_s

    def day(self, services: list[Service], expected: Expected = NO_PAGE, **more: Any) -> Day:
        """The day of these services."""
        more = {"origin_s": MORNING_S} | more
        return Day(self.kind, self.form, tuple(services), self.length_s, expected=expected, **more)

    def each(self, make: Callable[[Names], Service]) -> list[Service]:
        """So many services, each with a name of its own and a manner of naming its pods."""
        return [make(Names(WORDS[number % len(WORDS)] + (str(number // len(WORDS)) if number >= len(WORDS) else ""),
                           self.renamed)) for number in range(self.services)]

    def service(
        self, names: Names, course: Course | None = None, per_s: float | None = None, replicas: int | None = None,
        tenants: tuple[Tenant, ...] | None = None, prompt: Tokens | None = None, completion: Tokens | None = None,
        **changes: Any,
    ) -> Service:
        """A service without anything particular about it; what is given is as given."""
        rng = self.rng
        rate = float(rng.uniform(4.0, 14.0)) if per_s is None else per_s
        stream = Stream(
            Steady(rate) if course is None else course,
            self.tenants(int(rng.integers(3, 8))) if tenants is None else tenants,
            Tokens(float(rng.uniform(200, 900)), float(rng.uniform(0.4, 0.8))) if prompt is None else prompt,
            Tokens(float(rng.uniform(60, 160)), float(rng.uniform(0.4, 0.7))) if completion is None else completion,
            burstiness=float(rng.choice([0.0, 0.01, 0.03])),
        )
        drawn: dict[str, Any] = {
            "slots": int(rng.choice([32, 64, 128])), "token_s": float(rng.uniform(0.008, 0.022)),
            "crowding": float(rng.uniform(0.2, 0.6)), "cache": float(rng.uniform(0.1, 0.6)),
            "failing": float(rng.choice([0.0, 0.0005, 0.001, 0.002])), "confidence": float(rng.uniform(0.75, 0.9)),
            "balancer": "round_robin" if rng.random() < 0.5 else "random",
        }
        count = int(rng.integers(3, 6)) if replicas is None else replicas
        running = changes.pop("replicas_", None) or tuple(pods(names, "v1", count, rng))
        return Service(
            names.service, "llama-70b", (stream,), running, changes.pop("split", ((-np.inf, {"v1": 1.0}),)),
            **(drawn | changes),
        )

    def tenants(self, count: int, tail: float = 1.0) -> tuple[Tenant, ...]:
        """So many tenants whose weights fall as those of Zipf do."""
        return tuple(Tenant(f"tenant-{number + 1}", (number + 1.0) ** -tail) for number in range(count))


NATIVE_AND_OTLP: tuple[Format, ...] = ("native", "otlp_json")
EVERY_FORMAT: tuple[Format, ...] = ("native", "otlp_json", "prometheus_json")
"""Samples of Prometheus cost several times as much to read, so only some kinds are written so."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of ordinary day. what: in words. forms: in which it is written. hours: of a day. services: in a day.

    canary: it has a version v2 that a fault can be in.
    """

    name: str
    what: str
    make: Callable[[Draw], Day]
    forms: tuple[Format, ...] = NATIVE_AND_OTLP
    hours: float = 1.5
    services: int = 5
    canary: bool = False


def with_version(service: Service, **traits: Any) -> Service:
    """With a version v2 of these traits."""
    return replace(service, versions={**service.versions, "v2": Version(**traits)})
