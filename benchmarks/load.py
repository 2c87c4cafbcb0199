"""Seeded synthetic load: native records of a fleet, dense or wide, at a given rate of event time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import orjson

METRICS = ("latency_ms", "ttft_ms", "confidence", "prompt_tokens", "completion_tokens")


@dataclass(frozen=True, slots=True)
class Fleet:
    """services x (1 + 1 version + replicas + tenants) scopes, each with 5 metrics and the derived request rate."""

    services: int
    replicas: int
    tenants: int

    @property
    def scopes(self) -> int:
        return self.services * (2 + self.replicas + self.tenants)

    @property
    def series(self) -> int:
        """Series a worker keeps for this fleet: every scope's metrics and its request rate."""
        return self.scopes * (len(METRICS) + 1)


NARROW = Fleet(services=3, replicas=5, tenants=4)
"""198 series."""
WIDE = Fleet(services=20, replicas=50, tenants=31)
"""9,960 series."""


def records(fleet: Fleet, count: int, rate_per_s: float, start_s: float, seed: int) -> Iterator[tuple[bytes, bytes]]:
    """(key, value) of `count` records, evenly spaced in event time; the key is the service, as producers are asked to.

    Latency is lognormal, confidence Beta-like around 0.8, tokens geometric: shapes as in the recordings, no faults.
    """
    rng = np.random.default_rng(seed)
    service = rng.integers(fleet.services, size=count)
    replica = rng.integers(fleet.replicas, size=count)
    tenant = rng.integers(fleet.tenants, size=count)
    latency = rng.lognormal(6.0, 0.4, size=count)
    ttft = rng.lognormal(4.0, 0.5, size=count)
    confidence = rng.beta(40.0, 10.0, size=count)
    prompt = rng.geometric(1 / 70.0, size=count)
    completion = rng.geometric(1 / 120.0, size=count)
    for i in range(count):
        name = f"service-{service[i]}"
        value = {
            "ts": round(start_s + i / rate_per_s, 6), "service": name, "model": "gpt", "version": "v1",
            "replica": f"r{replica[i]}", "tenant": f"t{tenant[i]}",
            "metrics": {
                "latency_ms": round(float(latency[i]), 2), "ttft_ms": round(float(ttft[i]), 2),
                "confidence": round(float(confidence[i]), 5), "prompt_tokens": int(prompt[i]),
                "completion_tokens": int(completion[i]),
            },
        }
        yield name.encode(), orjson.dumps(value)
