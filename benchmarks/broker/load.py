"""Seeded synthetic load: native records of a fleet, narrow or wide, at a given rate of event time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import orjson

from streams.replay.recordings import RecordedRequest

METRICS = ("latency_ms", "ttft_ms", "confidence", "prompt_tokens", "completion_tokens")
BLOCK = 10_000
"""Records whose numbers are drawn in one go."""


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


def requests(fleet: Fleet, rate_per_s: float, start_s: float, seed: int) -> Iterator[RecordedRequest]:
    """Requests without end, evenly spaced in event time, spread evenly at random over the fleet.

    Latency is lognormal, confidence Beta-like around 0.8, tokens geometric: shapes as in the recordings, no faults.
    """
    rng = np.random.default_rng(seed)
    number = 0
    while True:
        columns = zip(
            rng.integers(fleet.services, size=BLOCK).tolist(), rng.integers(fleet.replicas, size=BLOCK).tolist(),
            rng.integers(fleet.tenants, size=BLOCK).tolist(), rng.lognormal(6.0, 0.4, size=BLOCK).tolist(),
            rng.lognormal(4.0, 0.5, size=BLOCK).tolist(), rng.beta(40.0, 10.0, size=BLOCK).tolist(),
            rng.geometric(1 / 70.0, size=BLOCK).tolist(), rng.geometric(1 / 120.0, size=BLOCK).tolist(), strict=True,
        )
        for service, replica, tenant, latency_ms, ttft_ms, confidence, prompt, completion in columns:
            yield {
                "ts": round(start_s + number / rate_per_s, 6), "service": f"service-{service}", "model": "gpt",
                "version": "v1", "replica": f"r{replica}", "tenant": f"t{tenant}",
                "metrics": {
                    "latency_ms": round(latency_ms, 2), "ttft_ms": round(ttft_ms, 2),
                    "confidence": round(confidence, 5), "prompt_tokens": prompt, "completion_tokens": completion,
                },
            }
            number += 1


def keyed(request: RecordedRequest) -> tuple[bytes, bytes]:
    """Key and value; the key is the service, as the README asks of producers."""
    return request["service"].encode(), orjson.dumps(request)


def records(fleet: Fleet, count: int, rate_per_s: float, start_s: float, seed: int) -> Iterator[tuple[bytes, bytes]]:
    """(key, value) of the first `count` requests."""
    return map(keyed, islice(requests(fleet, rate_per_s, start_s, seed), count))
