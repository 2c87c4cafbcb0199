"""Faults: what each does to the requests of a service, whom it hits, and as what it may be named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Literal

from classifiers.model import Category

Dimension = Literal["replica", "tenant", "version"]


@dataclass(frozen=True, slots=True)
class Effect:
    """What a fault changes while it lasts, for the requests that it hits.

    lost: requests get no answer. failing: added to the share of failures. cap_factor: of the median completion, where
    completions are cut off. slots_factor: slots of a replica as a factor of the requests that run on average. arriving:
    share of requests that still come.
    """

    categories: tuple[Category, ...]
    dimension: Dimension | None = None
    lost: bool = False
    token_factor: float = 1.0
    failing: float = 0.0
    confidence: float = 0.0
    completion_factor: float = 1.0
    cap_factor: float = inf
    slots_factor: float = inf
    arriving: float = 1.0
    cached: bool = True


EFFECTS: Mapping[str, Effect] = {
    "hung_replica": Effect(("availability",), "replica", lost=True),
    "slow_replica": Effect(("performance_degradation", "resource_exhaustion"), "replica", token_factor=3.0),
    "slow_service": Effect(("performance_degradation", "resource_exhaustion"), token_factor=2.0),
    "failures": Effect(("availability",), failing=0.03),
    "tenant_failures": Effect(("availability", "data_quality"), "tenant", failing=0.2),
    "failing_canary": Effect(("availability", "model_degradation"), "version", failing=0.2),
    "slow_canary": Effect(("performance_degradation",), "version", token_factor=2.0),
    "quality_loss": Effect(("model_degradation",), confidence=-0.2),
    "truncation": Effect(("context_pipeline", "model_degradation"), cap_factor=0.6),
    "runaway": Effect(("resource_exhaustion",), "tenant", completion_factor=5.0),
    "queueing": Effect(("resource_exhaustion", "performance_degradation"), slots_factor=0.8),
    "outage": Effect(("availability",), lost=True),
    "traffic_loss": Effect(("availability",), arriving=0.5),
    "cache_lost": Effect(("context_pipeline", "performance_degradation"), cached=False),
    "fleet_fault": Effect(("availability", "performance_degradation"), token_factor=1.6, failing=0.4),
}
"""The sizes are those of real faults: an operator would want to be told of each within minutes."""
NEEDS_CANARY = frozenset({"failing_canary", "slow_canary"})


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a service. value: the replica, tenant or version that it hits, None where it hits all."""

    kind: str
    service: str
    model: str
    start_s: float
    end_s: float
    value: str | None = None

    @property
    def effect(self) -> Effect:
        return EFFECTS[self.kind]

    @property
    def scope(self) -> tuple[Dimension | None, str | None]:
        """The dimension and the part that an incident should name; None for the service as a whole."""
        return self.effect.dimension, self.value
