"""Faults to inject into a fleet's requests: what they do, to whom, and when. Seeded; no clock."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.broker.load import Fleet
from streams.replay.recordings import RecordedRequest

Kind = Literal["slow_replica", "slow_service", "queueing", "low_confidence", "token_runaway", "silent_replica"]
Breadth = Literal["replica", "tenant", "service"]


@dataclass(frozen=True, slots=True)
class Effect:
    """How a kind shows. factors: by metric. silent: its requests are not sent at all."""

    breadth: Breadth
    factors: Mapping[str, float]
    silent: bool = False


EFFECTS: Mapping[Kind, Effect] = {
    "slow_replica": Effect("replica", {"latency_ms": 4.0, "ttft_ms": 4.0}),
    "slow_service": Effect("service", {"latency_ms": 2.5}),
    "queueing": Effect("service", {"ttft_ms": 6.0, "latency_ms": 1.5}),
    "low_confidence": Effect("service", {"confidence": 0.7}),
    "token_runaway": Effect("tenant", {"completion_tokens": 5.0, "latency_ms": 3.0}),
    "silent_replica": Effect("replica", {}, silent=True),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One injection, from start_s on and before end_s. part: the replica or tenant, None for the whole service."""

    kind: Kind
    service: str
    part: str | None
    start_s: float
    end_s: float

    def hits(self, request: RecordedRequest) -> bool:
        """Whether a request of its service is affected."""
        breadth = EFFECTS[self.kind].breadth
        here = breadth == "service" or self.part == request["replica" if breadth == "replica" else "tenant"]
        return here and self.start_s <= request["ts"] < self.end_s


def schedule(fleet: Fleet, start_s: float, slots: int, slot_s: float, fault_s: float, seed: int) -> list[Fault]:
    """A fault a service and slot, each at a random instant of the first part of its slot, so that it can resolve."""
    rng = random.Random(seed)
    kinds = list(EFFECTS)
    faults = []
    for slot in range(slots):
        rng.shuffle(kinds)
        for number in range(fleet.services):
            kind = kinds[number % len(kinds)]
            part = {
                "replica": f"r{rng.randrange(fleet.replicas)}", "tenant": f"t{rng.randrange(fleet.tenants)}",
                "service": None,
            }[EFFECTS[kind].breadth]
            at_s = start_s + slot * slot_s + rng.uniform(0.0, slot_s / 4)
            faults.append(Fault(kind, f"service-{number}", part, at_s, at_s + fault_s))
    return sorted(faults, key=lambda fault: fault.start_s)


class Injector:
    """Requests as the faults leave them. Faults of one service must not overlap."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self._waiting: dict[str, list[Fault]] = {}
        for fault in sorted(faults, key=lambda one: -one.start_s):
            self._waiting.setdefault(fault.service, []).append(fault)

    def __call__(self, request: RecordedRequest) -> RecordedRequest | None:
        """Change a request in place; None when it is not sent. Requests must come in order of time."""
        waiting = self._waiting.get(request["service"])
        while waiting and waiting[-1].end_s <= request["ts"]:
            waiting.pop()
        if not waiting or not waiting[-1].hits(request):
            return request
        effect = EFFECTS[waiting[-1].kind]
        if effect.silent:
            return None
        for metric, factor in effect.factors.items():
            request["metrics"][metric] *= factor
        return request
