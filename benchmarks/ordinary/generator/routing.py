"""The balancer: which replica gets which request."""

from __future__ import annotations

from itertools import pairwise
from math import inf

import numpy as np

from benchmarks.ordinary.generator.arrivals import FloatArray
from benchmarks.ordinary.generator.draws import BoolArray, Draws, IntArray
from benchmarks.ordinary.generator.service import Service

GOLDEN = 0.6180339887498949
"""Multiples of it modulo 1 are as even as a rotation is."""


def route(service: Service, draws: Draws) -> tuple[IntArray, BoolArray]:
    """The replica of each request and whether it is lost, because the replica is gone or there is none."""
    at_s, replicas = draws.arrival_s, service.replicas
    uniform = draws.uniform[:, 0]
    if service.balancer == "round_robin":
        uniform = np.arange(len(at_s), dtype=np.float64) * GOLDEN % 1.0
    changes = {-inf, inf, *(from_s for from_s, _ in service.split)}
    changes |= {time for one in replicas for time in (one.ready_s, one.gone_s, one.gone_s + one.unnoticed_s)}
    times = sorted(changes)
    found, lost = np.full(len(at_s), -1), np.zeros(len(at_s), np.bool_)
    for begin, end in pairwise(times):
        first, last = np.searchsorted(at_s, (begin, end))
        if first == last:
            continue
        weights = _weights(service, begin, end)
        if weights.sum() <= 0.0:
            lost[first:last] = True
            continue
        bounds = np.cumsum(weights) / weights.sum()
        chosen = np.minimum(np.searchsorted(bounds, uniform[first:last], side="right"), len(replicas) - 1)
        found[first:last] = chosen
        is_gone = np.array([one.gone_s <= begin for one in replicas])
        lost[first:last] = is_gone[chosen]
    return found, lost


def _weights(service: Service, begin: float, end: float) -> FloatArray:
    """(replicas,) what the balancer gives each: the share of its version over the replicas that it has."""
    up = [one.ready_s <= begin and end <= one.gone_s + one.unnoticed_s for one in service.replicas]
    split = next((shares for from_s, shares in reversed(service.split) if from_s <= begin), service.split[0][1])
    count = {version: sum(is_up and one.version == version for is_up, one in zip(up, service.replicas, strict=True))
             for version in split}
    return np.array([
        split.get(one.version, 0.0) / count[one.version] if is_up and split.get(one.version) else 0.0
        for is_up, one in zip(up, service.replicas, strict=True)
    ])
