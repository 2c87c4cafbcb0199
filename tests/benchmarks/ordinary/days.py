"""A small service, its requests with and without a fault, and incidents made by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.ordinary.generator.arrivals import Steady
from benchmarks.ordinary.generator.day import MONDAY_S, Day
from benchmarks.ordinary.generator.faults import EFFECTS, Fault
from benchmarks.ordinary.generator.service import Replica, Service, Stream, Tenant, Tokens
from benchmarks.ordinary.generator.simulate import Requests, simulate
from classifiers.model import Incident

LENGTH_S, START_S, END_S = 900.0, 400.0, 700.0
PARTS = {"replica": "r1", "tenant": "acme", "version": "v2", None: None}


def service(**changes: Any) -> Service:
    """Ten requests a second over three replicas, one of which has another version."""
    stream = Stream(Steady(10.0), (Tenant("acme", 2.0), Tenant("beta", 1.0)), Tokens(300), Tokens(80))
    replicas = (Replica("r0", "v1"), Replica("r1", "v1"), Replica("r2", "v2"))
    made = Service("chat", "m", (stream,), replicas, ((-np.inf, {"v1": 0.7, "v2": 0.3}),), failing=0.001, cache=0.5,
                   prefill_s=0.0005)
    return replace(made, **changes)


def fault(kind: str) -> Fault:
    """A fault of this kind from START_S to END_S."""
    return Fault(kind, "chat", "m", START_S, END_S, PARTS[EFFECTS[kind].dimension])


def served(*faults: Fault, seed: int = 4, **changes: Any) -> Requests:
    """The requests of the service."""
    return simulate(service(**changes), faults, MONDAY_S, LENGTH_S, seed)


def day(**changes: Any) -> Day:
    """A native day of the service alone."""
    return replace(Day("test", "native", (service(),), LENGTH_S), **changes)


def incident(at_s: float, severity: str = "P2", **changes: Any) -> Incident:
    """An incident of the service that opens so late in the day."""
    made = Incident(
        f"inc-{at_s}", "resolved", MONDAY_S + at_s, MONDAY_S + at_s, MONDAY_S + at_s + 60.0, "availability", "P4",
        severity, "chat", "m", None, None, None, "by hand",  # type: ignore[arg-type]
    )
    return replace(made, **changes)
