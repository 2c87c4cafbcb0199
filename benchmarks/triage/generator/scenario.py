"""Scenarios from a seed: four services side by side, each with a few events, and which service calls which.

Development seeds are even, held-out seeds are odd; nothing is tuned on the latter. An event is a single fault, two
overlapping faults, a flapping one, or a fault that also affects a caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from benchmarks.triage.generator.fault import Fault, Reach
from benchmarks.triage.generator.fault_kinds import FAULT_KINDS, FaultKind, inject, knobs_of, possible, reach_of
from benchmarks.triage.generator.service import Service
from classifiers.model import Category

Shape = Literal["single", "pair", "flapping", "cascade", "quiet"]
Part = Literal["development", "held-out"]

FIRST_S, EVERY_S, EVENTS = 80.0, 90.0, 3
HELD_OUT = 1001
"""The first held-out seed; the results of seeds 1 to 39 were inspected once, before the last changes."""
SETTLE_S = 20.0
"""Effects may outlast a fault by so long: queues drain."""
LENGTH_S = FIRST_S + EVERY_S * EVENTS
CATEGORIES: tuple[Category, ...] = (
    "availability", "performance_degradation", "model_degradation", "context_pipeline", "resource_exhaustion",
    "data_quality", "security",
)


@dataclass(frozen=True, slots=True)
class Event:
    """Faults that belong together: two for a pair, none for a quiet slot. Seconds of the run."""

    shape: Shape
    service: str
    start_s: float
    end_s: float
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One run."""

    seed: int
    services: tuple[Service, ...]
    events: tuple[Event, ...]


def seeds(part: Part, count: int) -> list[int]:
    """The first so many seeds of a part."""
    return [2 * number + (HELD_OUT if part == "held-out" else 0) for number in range(count)]


def draw(seed: int) -> Scenario:
    """The scenario of a seed."""
    rng = np.random.default_rng([2026, seed])
    chained = rng.random() < 0.4
    services = tuple(_service(rng, number, "svc-0" if chained and number == 1 else None) for number in range(4))
    events = [
        _event(rng, service, FIRST_S + EVERY_S * slot, chained and number == 0, service.upstream is not None)
        for number, service in enumerate(services) for slot in range(EVENTS)
    ]
    return Scenario(seed, services, tuple(events))


def _service(rng: np.random.Generator, number: int, upstream: str | None) -> Service:
    tenants = tuple(f"t{at}" for at in range(rng.integers(3, 6)))
    shares = rng.dirichlet(np.full(len(tenants), 12.0))
    groups = frozenset(name for name in ("rag", "safety", "input") if rng.random() < 0.6)
    return Service(
        name=f"svc-{number}", model="m", replicas=tuple(f"r{at}" for at in range(rng.integers(2, 5))), tenants=tenants,
        shares=tuple(shares.tolist()), versions=("v1", "v2") if rng.random() < 0.5 else ("v1",),
        canary=float(rng.uniform(0.2, 0.4)), rate=float(rng.uniform(32, 55)), batch=float(rng.uniform(6, 12)),
        slots=int(rng.integers(36, 64)), crowding=float(rng.uniform(0.005, 0.02)), prompt=float(rng.uniform(60, 260)),
        completion=float(rng.uniform(60, 180)), confidence=tuple(rng.uniform(0.74, 0.88, len(tenants)).tolist()),
        tier=int(rng.choice([1, 2, 3], p=[0.2, 0.68, 0.12])), groups=groups,
        dialect="gateway" if rng.random() < 0.4 else "recording", upstream=upstream,
    )


def _event(rng: np.random.Generator, service: Service, slot_s: float, calls: bool, called: bool) -> Event:
    """The event of one slot. calls: another service waits for this one. called: it waits for another and has no
    fault."""
    start_s = slot_s + float(rng.uniform(0.0, 6.0))
    end_s = start_s + float(rng.uniform(26.0, 45.0))
    version = f"v{int(slot_s)}"
    shape: Shape = "quiet" if called else "cascade" if calls else _shape(rng)
    if shape == "quiet":
        return Event(shape, service.name, start_s, end_s, ())
    if shape == "pair":
        return _pair(rng, service, start_s, version)
    kind = _kind(rng, service, ("availability", "performance_degradation") if calls else CATEGORIES)
    if shape == "flapping":
        spans = tuple((start_s + 12.0 * turn, start_s + 12.0 * turn + 6.0) for turn in range(4))
        kind = _kind(rng, service, CATEGORIES, steady=True)
        return Event(shape, service.name, start_s, spans[-1][1], (inject(kind, service, spans, rng, version),))
    fault = inject(kind, service, ((start_s, end_s),), rng, version)
    return Event(shape, service.name, start_s, end_s, (fault,))


def _shape(rng: np.random.Generator) -> Shape:
    return ("single", "pair", "flapping", "quiet")[rng.choice(4, p=[0.55, 0.3, 0.09, 0.06])]


def _kind(
    rng: np.random.Generator, service: Service, categories: tuple[Category, ...], steady: bool = False,
) -> FaultKind:
    """A kind that this service can have, categories alike in chance."""
    fitting = [
        kind for kind in FAULT_KINDS
        if possible(kind, service) and kind.category in categories and not (steady and (kind.planning or kind.rollout))
    ]
    present = sorted({kind.category for kind in fitting})
    category = present[rng.integers(len(present))]
    chosen = [kind for kind in fitting if kind.category == category]
    return chosen[rng.integers(len(chosen))]


def _pair(rng: np.random.Generator, service: Service, start_s: float, version: str) -> Event:
    """Two causes that overlap for at least 20 s, neither of which hides the other or causes what the other shows."""
    while True:
        fault_kinds = [_kind(rng, service, CATEGORIES, steady=True) for _ in range(2)]
        reaches = [reach_of(kind, service, rng, version) for kind in fault_kinds]
        shared = knobs_of(fault_kinds[0], service) & knobs_of(fault_kinds[1], service)
        if apart(fault_kinds[0], reaches[0], fault_kinds[1], reaches[1]) and not (shared and reaches[0] == reaches[1]):
            break
    # What hits the same part at the same moment is one cause by definition.
    together = reaches[0] != reaches[1] and rng.random() < 0.5
    second_s = start_s + (0.0 if together else float(rng.uniform(8.0, 16.0)))
    spans = (start_s, second_s + float(rng.uniform(22.0, 32.0))), (second_s, second_s + float(rng.uniform(24.0, 34.0)))
    faults = tuple(
        inject(kind, service, (span,), rng, version, reach)
        for kind, reach, span in zip(fault_kinds, reaches, spans, strict=True)
    )
    return Event("pair", service.name, start_s, max(end for _, end in spans), faults)


LOADING = frozenset({"burst", "tenant_burst", "runaway", "slots_lost", "slow_decode", "slow_prefill", "overflow",
                     "cache_off", "slow_version"})
"""Kinds that end in queues: the wait cannot be attributed to one of two of them, unless they hit different replicas."""


def apart(one: FaultKind, here: Reach, other: FaultKind, there: Reach) -> bool:
    """Whether the metrics of a stack can distinguish two faults at all."""
    if one.name == other.name or "outage" in (one.name, other.name):
        return False
    if one.category == other.category and (here == there or None in (here.dimension, there.dimension)):
        return False
    if "silent_replica" in (one.name, other.name) and here == there:
        return False
    both_load = one.name in LOADING and other.name in LOADING
    return not (both_load and not (here.dimension == there.dimension == "replica" and here != there))
