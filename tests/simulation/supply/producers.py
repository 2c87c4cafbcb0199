"""Simulated services whose requests become records: at a cadence, late, again, out of order, but never lost."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from math import ceil

import orjson

from tests.simulation.supply.broker import Broker

T = 1_795_420_000.0
"""The epoch of the simulation's second 0."""
MAX_BACKOFF_S = 10.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """A real fault. replica: None when the whole service is silent, else one that is slow."""

    service: str
    replica: str | None
    begin_s: float
    end_s: float

    def covers(self, at_s: float) -> bool:
        return self.begin_s <= at_s < self.end_s


@dataclass(slots=True)
class Producer:
    """One service. flush_s: it sends what it gathered so often. skew_s: what its clock is ahead. disorder_s: records
    change places within this time. repeats: share of its flushes that are sent twice."""

    service: str
    topic: str
    number: int
    replicas: tuple[str, ...]
    metric: str
    every_s: float
    flush_s: float
    skew_s: float
    disorder_s: float
    repeats: float
    rng: random.Random
    next_s: float = 0.0
    flush_at_s: float = 0.0
    backoff_s: float = 0.0
    retry_s: float = 0.0
    waiting: list[tuple[float, bytes]] = field(default_factory=list)
    made: int = 0

    def step(self, now_s: float, broker: Broker, troubles: tuple[Trouble, ...], until_s: float) -> None:
        """Make the records up to now, and send them if it is time to."""
        while self.next_s <= now_s and self.next_s < until_s:
            self._make(self.next_s, troubles)
            self.next_s += self.every_s
        if now_s < max(self.flush_at_s, self.retry_s):
            return
        if not broker.up:
            self.backoff_s = min(MAX_BACKOFF_S, max(0.2, 2.0 * self.backoff_s))
            self.retry_s = now_s + self.backoff_s
            return
        self.backoff_s = 0.0
        self.flush_at_s += self.flush_s * ceil((now_s - self.flush_at_s + 1e-6) / self.flush_s)
        if not self.waiting:
            return
        batch = sorted(self.waiting)
        self.waiting = []
        copies = 1 + (self.rng.random() < self.repeats)
        partition = broker.partition(self.topic, self.number)
        for _ in range(copies):
            partition.entries += [value for _, value in batch]

    def _make(self, at_s: float, troubles: tuple[Trouble, ...]) -> None:
        trouble = next((one for one in troubles if one.service == self.service and one.covers(at_s)), None)
        if trouble is not None and trouble.replica is None:
            return
        for replica in self.replicas:
            is_slow = trouble is not None and trouble.replica == replica
            value = {
                "ts": round(T + at_s + self.skew_s, 3), "service": self.service, "model": "m", "replica": replica,
                "metrics": {self.metric: 800.0 if is_slow and self.metric == "latency_ms" else 100.0},
            }
            self.made += 1
            self.waiting.append((at_s + self.rng.uniform(0.0, self.disorder_s), orjson.dumps(value)))
