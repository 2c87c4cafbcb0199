"""What chance decides of a run before any fault: who sends what and when, and how each request turns out."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import inf

import numpy as np
from numpy.typing import NDArray

from benchmarks.ordinary.generator.arrivals import FloatArray, arrivals
from benchmarks.ordinary.generator.faults import Fault
from benchmarks.ordinary.generator.service import Service, Tokens

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Draws:
    """What chance decides, before any fault."""

    arrival_s: FloatArray
    stream: IntArray
    tenant: IntArray
    prompt: FloatArray
    completion: FloatArray
    uniform: FloatArray
    """(n, 5) for routing, failures, cache, traffic that is lost, and the share of a failure's time."""
    normal: FloatArray
    """(n, 3) for decode time, confidence and the wait for a step."""


def draw(
    service: Service, tenants: tuple[str, ...], origin_s: float, length_s: float, rng: np.random.Generator,
) -> Draws:
    parts = []
    for number, stream in enumerate(service.streams):
        at_s = arrivals(stream.course, stream.burstiness, origin_s, length_s, rng)
        parts.append((
            at_s, np.full(len(at_s), number), _tenants(service, number, tenants, at_s, rng),
            _tokens(stream.prompt, len(at_s), rng), _tokens(stream.completion, len(at_s), rng),
        ))
    joined = [np.concatenate(columns) for columns in zip(*parts, strict=True)]
    order = np.argsort(joined[0], kind="stable")
    at_s, stream_of, tenant, prompt, completion = (column[order] for column in joined)
    count = len(at_s)
    return Draws(at_s, stream_of, tenant, prompt, completion, rng.random((count, 5)), rng.normal(size=(count, 3)))


def _tokens(tokens: Tokens, count: int, rng: np.random.Generator) -> FloatArray:
    median = np.where(rng.random(count) < tokens.long_share, tokens.long_median, tokens.median)
    return np.maximum(np.round(median * np.exp(tokens.sigma * rng.normal(size=count))), 1.0)


def _tenants(
    service: Service, number: int, names: tuple[str, ...], at_s: FloatArray, rng: np.random.Generator,
) -> IntArray:
    """The tenant of each request, by the weights of those that send at the time."""
    tenants = service.streams[number].tenants
    place = np.array([names.index(tenant.name) for tenant in tenants])
    uniform = rng.random(len(at_s))
    found = np.zeros(len(at_s), np.int64)
    changes = sorted({-inf, *(time for tenant in tenants for time in (tenant.from_s, tenant.until_s)), inf})
    for begin, end in pairwise(changes):
        first, last = np.searchsorted(at_s, (begin, end))
        if first == last:
            continue
        weights = np.array([t.weight if t.from_s <= begin and end <= t.until_s else 0.0 for t in tenants])
        bounds = np.cumsum(weights) / weights.sum()
        chosen = np.minimum(np.searchsorted(bounds, uniform[first:last], side="right"), len(tenants) - 1)
        found[first:last] = place[chosen]
    return found


def thinned(draws: Draws, faults: tuple[Fault, ...]) -> Draws:
    """Without the requests that a fault keeps from coming."""
    kept = np.ones(len(draws.arrival_s), np.bool_)
    for fault in faults:
        during = (draws.arrival_s >= fault.start_s) & (draws.arrival_s < fault.end_s)
        kept &= ~(during & (draws.uniform[:, 3] >= fault.effect.arriving))
    if kept.all():
        return draws
    return Draws(*(getattr(draws, name)[kept] for name in Draws.__slots__))
