"""A service without faults, the effect of a called service on it, and the requests that it served."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.triage.generator.fault import Dimension, Members
from detectors.base import BoolArray, FloatArray

PREFILL_MS = 0.03
"""For one token of a prompt that is not in the cache."""


@dataclass(frozen=True, slots=True)
class Service:
    """What a service is like when nothing is wrong. shares: of traffic by tenant; canary: of the last version.

    batch: requests that run on a replica at once, on average; it fixes the decode speed. upstream: the service whose
    answers every request waits for.
    """

    name: str
    model: str
    replicas: tuple[str, ...]
    tenants: tuple[str, ...]
    shares: tuple[float, ...]
    versions: tuple[str, ...]
    canary: float
    rate: float
    batch: float
    slots: int
    crowding: float
    prompt: float
    completion: float
    confidence: tuple[float, ...]
    tier: int
    groups: frozenset[str]
    dialect: str
    upstream: str | None = None

    def values(self, extra: tuple[str, ...] = ()) -> dict[Dimension, tuple[str, ...]]:
        """The values of each dimension; extra: versions that appear in the run."""
        return {"replica": self.replicas, "tenant": self.tenants, "version": self.versions + extra}


@dataclass(frozen=True, slots=True)
class Upstream:
    """The effect of a called service on its caller, by second of the run."""

    extra_ms: FloatArray
    failing: FloatArray

    @staticmethod
    def at(by_second: FloatArray, at_s: FloatArray) -> FloatArray:
        """(n,) one of the two at these times."""
        found: FloatArray = by_second[np.minimum(at_s.astype(np.intp), len(by_second) - 1)]
        return found


@dataclass(frozen=True, slots=True)
class Requests:
    """(n,) each, in order of arrival. answered: a record was written. metrics: by name of the first dialect, NaN where
    a request has none."""

    service: Service
    members: Members
    arrival_s: FloatArray
    done_s: FloatArray
    answered: BoolArray
    failed: BoolArray
    metrics: dict[str, FloatArray]

    def __len__(self) -> int:
        return len(self.arrival_s)
