"""The records of a run, in the order in which their producers send them. Seeded and pure.

The records of the services depend on the seed and on the real faults alone. What happens to records on their way
(sent twice, in another order, late, beside records that are none) is drawn apart, so that a quiet run has the same.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from benchmarks.chaos.plan import HISTORY_S, REPLICAS, SERVICES, Plan

FLUSH_EVERY_S = 6.0
FLUSHED = "embed"
"""The service of the producer that flushes every 6 s."""
SLOW_FACTOR = 5.0
DUPLICATED = 0.15
DISORDERED = 0.3
POISON_PER_S = 8.0
POISON = (
    b"", b"{", b"not json at all", b'{"ts": "yesterday"}', b"\xff\xfe\x00", b'{"ts": 1e30, "service": "x"}',
    b'{"service": "chat", "metrics": {"latency_ms": 1}}', b'{"ts": -5, "service": "chat", "metrics": {"a": 1}}',
)
Source = Literal["record", "duplicate", "poison", "flushed"]


@dataclass(frozen=True, slots=True, order=True)
class Arrival:
    """What a producer sends. at_s: when it is sent. number: its order among those sent at one time."""

    at_s: float
    number: int
    source: Source
    key: bytes
    value: bytes


def records(plan: Plan, start_s: float) -> Iterator[tuple[float, str, bytes]]:
    """(time in the run, service, value) in the order of event time. start_s: of the plan, since the epoch."""
    rng = random.Random(plan.seed * 1000 + 5)
    services = (*SERVICES, FLUSHED) if "flush" in plan.kinds else SERVICES
    at_s = -HISTORY_S
    while at_s < plan.end_s:
        at_s += rng.expovariate(plan.rate)
        service, replica = rng.choice(services), f"r{rng.randrange(REPLICAS)}"
        factor, is_silent = 1.0, False
        for fault in plan.services:
            if fault.service == service and fault.start_s <= at_s < fault.end_s:
                is_silent = fault.kind == "silent"
                factor = SLOW_FACTOR if fault.replica == replica else 1.0
        record = _record(rng, service, replica, start_s + at_s, factor)
        if not is_silent:
            yield at_s, service, orjson.dumps(record)


def _record(rng: random.Random, service: str, replica: str, ts: float, factor: float) -> dict[str, Any]:
    latency_ms = rng.lognormvariate(6.0, 0.3) * factor
    return {
        "ts": round(ts, 4), "service": service, "model": "m", "version": "v1", "replica": replica,
        "tenant": f"t{rng.randrange(2)}",
        "metrics": {
            "latency_ms": round(latency_ms, 1), "tpot_ms": round(latency_ms / 20.0, 2),
            "completion_tokens": rng.randrange(50, 200), "confidence": round(min(1.0, rng.gauss(0.8, 0.03)), 4),
        },
    }


def arrivals(plan: Plan, start_s: float) -> Iterator[Arrival]:
    """Everything that is sent, in the order of sending."""
    rng = random.Random(plan.seed * 1000 + 7)
    waiting: list[Arrival] = []
    poisoned_s = 0.0
    number = 0
    for at_s, service, value in records(plan, start_s):
        while waiting and waiting[0].at_s <= at_s:
            yield heapq.heappop(waiting)
        number += 2
        source: Source = "flushed" if service == FLUSHED else "record"
        sent_s = (at_s // FLUSH_EVERY_S + 1.0) * FLUSH_EVERY_S if service == FLUSHED else at_s
        if plan.active("disorder", at_s) and rng.random() < DISORDERED:
            sent_s += rng.uniform(0.0, 1.5)
        if plan.active("producer-delay", at_s):
            sent_s += 0.8
        heapq.heappush(waiting, Arrival(sent_s, number, source, service.encode(), value))
        if plan.active("duplicates", at_s) and rng.random() < DUPLICATED:
            again_s = sent_s + rng.uniform(0.0, 0.5)
            heapq.heappush(waiting, Arrival(again_s, number + 1, "duplicate", service.encode(), value))
        if plan.active("poison", at_s) and at_s >= poisoned_s:
            poisoned_s = at_s + rng.expovariate(POISON_PER_S)
            bad = rng.choice(POISON)
            heapq.heappush(waiting, Arrival(at_s, number + 1, "poison", service.encode(), bad))
    while waiting:
        yield heapq.heappop(waiting)
