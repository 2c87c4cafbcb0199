"""Did a part of a service that serves no more take its share of the requests along, or do its siblings serve them?

A likelihood ratio test on the requests that the rest of the service has served since then. If requests to the part are
lost, the rest goes on as before. If the part has left, the rest serves its share too. The count is negative binomial:
it scatters from second to second (dispersion) and wanders from minute to minute (variation), both as learned before.

Fails: where the total changes by as much as the part's share within a minute, as it never did before. Cost: 20 us.

Source: Neyman and Pearson 1933 (the test); Wald 1945 (its bounds when it is repeated); Little 1961.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lgamma, log
from typing import Literal

import numpy as np

from detectors.base import FloatArray

Verdict = Literal["lost", "taken over", "undecided", "unknown"]

LOST_NATS, TAKEN_OVER_NATS = 6.9, -4.6
"""Bounds of the log likelihood ratio: a part that has left is taken for lost once in 1,000, a lost part for one that
has left once in 100."""
BEFORE_MIN = 10
"""Buckets with the part that must be known before its share is."""
RECENT, REFUTED_NATS = 2, -1.0
"""The last buckets must not speak against a loss: a short gap, while a balancer notices, is over."""
VARIATION = 0.05**2
"""Squared coefficient of variation of the traffic between minutes that is assumed at first."""
MAX_DISPERSION = 20.0
_MAX_SHARE = 0.999


@dataclass(frozen=True, slots=True)
class ShareTest:
    """The answer. nats: log likelihood ratio, positive for a loss. requests: of the service in one bucket before.
    share: of the part in them, 0..1. Both are None where unknown."""

    verdict: Verdict
    nats: float = 0.0
    requests: float | None = None
    share: float | None = None


def judge_share(
    total_before: FloatArray, part_before: FloatArray, rest_after: FloatArray, variation: float = VARIATION,
    growth_buckets: float = 0.0,
) -> ShareTest:
    """Test a part that serves no more. (buckets,) each, in order of time: the requests of the whole service and of the
    part while the part served, and those of all others since.

    variation: squared coefficient of variation between minutes. growth_buckets: by how much the latency has grown, in
    buckets. So long a traffic is still in flight, by Little's law, and not lost.
    """
    requests, part = float(total_before.mean()) if len(total_before) else 0.0, float(part_before.sum())
    if len(total_before) < BEFORE_MIN or part <= 0.0 or requests <= 0.0:  # the service may be told later than its part
        return ShareTest("unknown")
    share = min(part / float(total_before.sum()), _MAX_SHARE)
    if len(rest_after) < RECENT:
        return ShareTest("undecided", 0.0, requests, share)
    scatter = dispersion(total_before) * (1.0 + len(rest_after) / len(total_before))
    served, expected = float(rest_after.sum()), len(rest_after) * requests
    if _log_ratio(served, expected, share, scatter, variation) <= TAKEN_OVER_NATS:
        return ShareTest("taken over", TAKEN_OVER_NATS, requests, share)
    nats = _log_ratio(served + requests * growth_buckets, expected, share, scatter, variation)
    recent = _log_ratio(float(rest_after[-RECENT:].sum()), RECENT * requests, share, scatter, variation)
    if nats >= LOST_NATS and recent > REFUTED_NATS:
        return ShareTest("lost", nats, requests, share)
    return ShareTest("undecided", nats, requests, share)


def dispersion(counts: FloatArray) -> float:
    """The variance of counts over their mean, 1 for Poisson; from differences, so that a trend does not count."""
    mean = float(counts.mean())
    return float(np.clip(float(np.mean(np.diff(counts) ** 2)) / 2.0 / mean, 1.0, MAX_DISPERSION)) if mean > 0.0 else 1.0


def _log_ratio(served: float, expected: float, share: float, scatter: float, variation: float) -> float:
    """Log likelihood of a loss of the share less that of none."""
    lost = expected * (1.0 - share)
    return _log_likelihood(served, lost, scatter, variation) - _log_likelihood(served, expected, scatter, variation)


def _log_likelihood(count: float, mean: float, scatter: float, variation: float) -> float:
    """Of a negative binomial count, in units of the scatter, up to what does not depend on the mean."""
    count, mean = count / scatter, max(mean / scatter, 1e-9)
    size = 1.0 / max(variation, 1e-6)
    return (
        lgamma(count + size) - lgamma(size) + size * log(size / (size + mean)) + count * log(mean / (size + mean))
    )
