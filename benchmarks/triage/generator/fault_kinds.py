"""The kinds of faults: which knobs each turns, how far, and for which part of the traffic. One function per kind, one
table.

Sizes are drawn from ranges that go from barely visible to severe; `labels.py` says how severe each is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.triage.generator.fault import Dimension, Fault, Knob, Reach
from benchmarks.triage.generator.service import PREFILL_MS, Service
from classifiers.model import Category

Effects = tuple[tuple[Knob, float], ...]


@dataclass(frozen=True, slots=True)
class FaultKind:
    """reaches: what it may hit, `all` for the whole service. needs: telemetry without which nothing shows it. draw: its
    effects. ramps: it may grow slowly. rollout: it comes with a new version for all traffic."""

    name: str
    category: Category
    reaches: tuple[Dimension | str, ...]
    draw: Callable[[np.random.Generator, Service], Effects]
    needs: str | None = None
    ramps: bool = False
    rollout: bool = False
    breach: bool = False
    drift: bool = False
    planning: bool = False


def _outage(rng: np.random.Generator, _: Service) -> Effects:
    return (("silent", 1.0),) if rng.random() < 0.5 else (("failing", rng.uniform(0.95, 1.0)),)


def _bad_weights(rng: np.random.Generator, _: Service) -> Effects:
    return ("quality", 1.0 - rng.uniform(0.15, 0.7)), ("completion", rng.uniform(0.7, 1.7))


def _retrieval(rng: np.random.Generator, _: Service) -> Effects:
    return ("hits", rng.uniform(0.1, 0.6)), ("relevance", rng.uniform(0.4, 0.8)), ("quality", rng.uniform(0.75, 0.97))


def _mixed_up(rng: np.random.Generator, _: Service) -> Effects:
    return ("relevance", rng.uniform(0.25, 0.6)), ("quality", rng.uniform(0.7, 0.92))


def _overflow(rng: np.random.Generator, _: Service) -> Effects:
    return ("prompt", rng.uniform(2.2, 4.5)), ("truncated", rng.uniform(0.25, 0.6)), ("quality", rng.uniform(0.9, 1.0))


def _drifted(rng: np.random.Generator, _: Service) -> Effects:
    return (
        ("drifting", rng.uniform(0.4, 1.0)), ("quality", rng.uniform(0.65, 0.88)), ("prompt", rng.uniform(0.85, 1.15)),
    )


def _malformed(rng: np.random.Generator, _: Service) -> Effects:
    return ("malformed", rng.uniform(0.15, 0.6)), ("quality", rng.uniform(0.85, 1.0)), ("failing", rng.uniform(0, 0.06))


def _injections(rng: np.random.Generator, _: Service) -> Effects:
    return ("injecting", rng.uniform(0.3, 0.8)), ("blocked", rng.uniform(0.2, 0.7)), ("prompt", rng.uniform(1.0, 1.8))


def _leak(rng: np.random.Generator, _: Service) -> Effects:
    knob: Knob = "leaking" if rng.random() < 0.5 else "violating"
    return ((knob, rng.uniform(0.12, 0.5)),)


def _stuffing(rng: np.random.Generator, _: Service) -> Effects:
    return ("unauthorised", rng.uniform(0.3, 0.7)), ("traffic", rng.uniform(1.2, 2.5))


def _slow_prefill(rng: np.random.Generator, service: Service) -> Effects:
    """Prefills take up to so much of a replica's time; how often that is their usual time depends on the service."""
    reused = 0.6 if "rag" in service.groups else 0.0
    usual = PREFILL_MS * service.prompt * (1.0 - reused) * service.rate / len(service.replicas) / 1000.0
    return (("prefill", float(rng.uniform(0.3, 0.7)) / usual),)


def _slots_lost(rng: np.random.Generator, service: Service) -> Effects:
    """About as many slots are left as requests usually run at once, or fewer."""
    return (("slots", float(rng.uniform(0.75, 1.05)) * service.batch / service.slots),)


def _one(knob: Knob, low: float, high: float) -> Callable[[np.random.Generator, Service], Effects]:
    return lambda rng, _: ((knob, float(rng.uniform(low, high))),)


FAULT_KINDS: tuple[FaultKind, ...] = (
    FaultKind("outage", "availability", ("all",), _outage),
    FaultKind("silent_replica", "availability", ("replica",), _one("silent", 1.0, 1.0)),
    FaultKind("failing", "availability", ("all", "replica", "tenant", "version"), _one("failing", 0.1, 0.7)),
    FaultKind(
        "slow_decode", "performance_degradation", ("all", "replica", "replica"), _one("decode", 1.4, 4.0), ramps=True,
    ),
    FaultKind("slow_prefill", "performance_degradation", ("all", "replica"), _slow_prefill, ramps=True),
    FaultKind("slow_version", "performance_degradation", ("version",), _one("decode", 1.5, 3.0)),
    FaultKind("bad_deploy", "model_degradation", ("version",), _bad_weights, rollout=True),
    FaultKind("bad_canary", "model_degradation", ("version",), _bad_weights),
    FaultKind("bad_weights", "model_degradation", ("replica", "all"), _bad_weights),
    FaultKind("sampling", "model_degradation", ("replica", "all"), _one("quality", 0.78, 0.92)),
    FaultKind("cut_short", "model_degradation", ("all", "replica"), _one("completion", 0.3, 0.6), drift=True),
    FaultKind("retrieval", "context_pipeline", ("tenant", "all"), _retrieval, needs="rag"),
    FaultKind("mixed_up", "context_pipeline", ("tenant", "all"), _mixed_up, needs="rag"),
    FaultKind("overflow", "context_pipeline", ("tenant",), _overflow),
    FaultKind("cache_off", "context_pipeline", ("all", "replica"), _one("cached", 0.05, 0.4), needs="rag", drift=True),
    FaultKind("burst", "resource_exhaustion", ("all",), _one("traffic", 2.2, 5.0)),
    FaultKind("tenant_burst", "resource_exhaustion", ("tenant",), _one("traffic", 4.0, 12.0)),
    FaultKind("runaway", "resource_exhaustion", ("replica", "all", "tenant"), _one("completion", 1.8, 4.0)),
    FaultKind("slots_lost", "resource_exhaustion", ("all", "replica"), _slots_lost),
    FaultKind("growth", "resource_exhaustion", ("all",), _one("traffic", 1.6, 2.1), ramps=True, planning=True),
    FaultKind("drifted", "data_quality", ("tenant", "tenant", "all"), _drifted, needs="input"),
    FaultKind("drifted_unseen", "data_quality", ("tenant",), _one("quality", 0.65, 0.85)),
    FaultKind("malformed", "data_quality", ("tenant", "all"), _malformed, needs="input"),
    FaultKind("injections", "security", ("tenant", "all"), _injections, needs="safety"),
    FaultKind("leak", "security", ("all", "version", "tenant"), _leak, needs="safety", breach=True),
    FaultKind("stuffing", "security", ("tenant", "all"), _stuffing, needs="safety"),
)
FAULT_KIND_OF = {kind.name: kind for kind in FAULT_KINDS}


def possible(kind: FaultKind, service: Service) -> bool:
    """Whether this service can have such a fault, and telemetry that could show it for what it is."""
    canary_only = set(kind.reaches) == {"version"} and not kind.rollout
    return (kind.needs is None or kind.needs in service.groups) and not (canary_only and len(service.versions) < 2)


def knobs_of(kind: FaultKind, service: Service) -> set[Knob]:
    """What such a fault turns; a request that is blocked is answered with a few words."""
    knobs = {knob for knob, _ in kind.draw(np.random.default_rng(0), service)}
    return knobs | {"completion"} if "blocked" in knobs else knobs


def reach_of(kind: FaultKind, service: Service, rng: np.random.Generator, version: str) -> Reach:
    """What a fault of this kind hits in this service."""
    if kind.rollout:
        return Reach("version", version)
    fitting = [name for name in kind.reaches if name != "version" or len(service.versions) > 1]
    chosen = fitting[rng.integers(len(fitting))]
    if chosen == "replica":
        return Reach("replica", service.replicas[rng.integers(len(service.replicas))])
    if chosen == "tenant":
        return Reach("tenant", service.tenants[rng.integers(len(service.tenants))])
    return Reach("version", service.versions[-1]) if chosen == "version" else Reach()


def inject(
    kind: FaultKind, service: Service, spans: tuple[tuple[float, float], ...], rng: np.random.Generator, version: str,
    reach: Reach | None = None,
) -> Fault:
    """A fault of this kind. version: the name of a new version, should it bring one."""
    reach = reach_of(kind, service, rng, version) if reach is None else reach
    whole_s = spans[-1][1] - spans[0][0]
    ramp_s = 0.0
    if kind.planning:
        ramp_s = whole_s
    elif kind.ramps and len(spans) == 1 and rng.random() < 0.35:
        ramp_s = whole_s * 0.6
    return Fault(
        kind.name, kind.category, reach, spans, kind.draw(rng, service), ramp_s, version if kind.rollout else None,
        kind.breach, kind.drift, kind.planning,
    )
