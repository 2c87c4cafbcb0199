"""A service as its operator would describe it: who sends what, and which replicas serve it when. Times in seconds of
the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Literal

from benchmarks.ordinary.generator.arrivals import Course

Balancer = Literal["random", "round_robin"]


@dataclass(frozen=True, slots=True)
class Tokens:
    """Lognormal numbers of tokens; a share of them comes from a second mode of long ones."""

    median: float
    sigma: float = 0.6
    long_median: float = 0.0
    long_share: float = 0.0


@dataclass(frozen=True, slots=True)
class Tenant:
    """Sends a share of a stream in proportion to its weight, from from_s until until_s."""

    name: str
    weight: float
    from_s: float = -inf
    until_s: float = inf


@dataclass(frozen=True, slots=True)
class Stream:
    """Requests of one kind. burstiness: variance of the rate in units of its square; 0 is a Poisson process."""

    course: Course
    tenants: tuple[Tenant, ...]
    prompt: Tokens
    completion: Tokens
    burstiness: float = 0.0


@dataclass(frozen=True, slots=True)
class Version:
    """How a version differs: factors of decode time and of failures, and what it adds to the confidence."""

    token_factor: float = 1.0
    failing_factor: float = 1.0
    confidence: float = 0.0
    completion_factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Replica:
    """One process. It receives requests from ready_s until gone_s and then drains.

    vanishes: requests in flight at gone_s are lost, and so is what the balancer sends in the unnoticed_s after it.
    started_s: of the process, which exports metrics before it receives requests.
    """

    name: str
    version: str
    ready_s: float = -inf
    gone_s: float = inf
    started_s: float = -inf
    drain_s: float = 20.0
    vanishes: bool = False
    unnoticed_s: float = 0.0

    @property
    def exports_until_s(self) -> float:
        """When the process ends."""
        return self.gone_s if self.vanishes else self.gone_s + self.drain_s


Split = tuple[tuple[float, Mapping[str, float]], ...]
"""From when on which version gets which share of the traffic. Shares of versions without a replica go to the others."""


@dataclass(frozen=True, slots=True)
class Service:
    """token_s: seconds for a token on an idle replica. crowding: growth of it when all slots are in use. failing: share
    of requests. cache: share of prompts that are found in the prefix cache. cap: most tokens of a completion."""

    name: str
    model: str
    streams: tuple[Stream, ...]
    replicas: tuple[Replica, ...]
    split: Split
    versions: Mapping[str, Version] = field(default_factory=dict)
    balancer: Balancer = "random"
    slots: int = 32
    token_s: float = 0.02
    crowding: float = 0.5
    prefill_s: float = 0.0001
    failing: float = 0.001
    cache: float = 0.3
    confidence: float = 0.85
    cap: int = 2048
    noise: float = 0.08
    constant_confidence: bool = False

    def nominal_per_s(self, at_s: float, origin_s: float) -> float:
        """Requests a second that are expected at a time."""
        return sum(float(stream.course.at(origin_s + at_s)) for stream in self.streams)
