"""Replicas that answer requests second by second, as records of an input."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import orjson

START_S = 1_795_420_000.0
"""When every drill with a simulated clock begins, seconds since the epoch."""
PER_S = 10
"""Requests of a replica in one second."""
SERVICE, MODEL, VERSION = "chat", "gpt", "v1"
HEALTHY_MS = 100.0

Latency = Callable[[float, str], float | None]
"""The latency of a replica at a time in seconds since the start, in ms; None while it gets no request."""


def healthy(_: float, __: str) -> float:
    """Every replica answers in time."""
    return HEALTHY_MS


@dataclass
class SimulatedFleet:
    """Its own chance begins from one seed, so every run has the same requests. start_s: seconds since the epoch."""

    replicas: Sequence[str]
    start_s: float = START_S
    rng: random.Random = field(default_factory=lambda: random.Random(7))

    def requests(self, from_s: float, to_s: float, latency: Latency, per_s: int = PER_S) -> list[bytes]:
        """The requests between two times, in seconds since the start, in order."""
        return [orjson.dumps(each) for each in sorted(self._requests(from_s, to_s, latency, per_s), key=_time)]

    def _requests(self, from_s: float, to_s: float, latency: Latency, per_s: int) -> Iterator[dict[str, object]]:
        count = round((to_s - from_s) * per_s)
        for replica in self.replicas:
            for number in range(count):
                at_s = from_s + number / per_s
                value = latency(at_s, replica)
                if value is not None:
                    yield {
                        "ts": self.start_s + at_s, "service": SERVICE, "model": MODEL, "version": VERSION,
                        "replica": replica, "metrics": {"latency_ms": value * self.rng.uniform(0.9, 1.1)},
                    }


def sick(replica: str, since_s: float, latency_ms: float = 900.0) -> Latency:
    """One replica is slow from a time on."""
    return lambda at_s, name: latency_ms if name == replica and at_s >= since_s else HEALTHY_MS


def _time(request: dict[str, object]) -> float:
    return float(str(request["ts"]))
