"""What runs beside a request slows it down, and a replica serves only so many at once."""

from __future__ import annotations

from heapq import heapify, heapreplace

import numpy as np

from benchmarks.ordinary.generator.arrivals import FloatArray
from benchmarks.ordinary.generator.draws import BoolArray, Draws, IntArray
from benchmarks.ordinary.generator.service import Service

Fewer = list[tuple[float, float, float]]
"""Times in which replicas have fewer slots: from, until, factor of the average number of running requests."""


def queue(
    service: Service, draws: Draws, replica: IntArray, lost: BoolArray, fixed_s: FloatArray, completion: FloatArray,
    token_s: FloatArray, fewer: Fewer,
) -> tuple[FloatArray, FloatArray]:
    """The wait for a slot, and the time for a token with what runs beside."""
    wait_s, crowded_s = np.zeros(len(token_s)), token_s.copy()
    for number in range(len(service.replicas)):
        mine = np.flatnonzero((replica == number) & ~lost)
        if not len(mine):
            continue
        at_s = draws.arrival_s[mine]
        for _ in range(2):
            done = np.sort(at_s + fixed_s[mine] + completion[mine] * crowded_s[mine])
            running = np.arange(len(mine)) - np.searchsorted(done, at_s)
            crowd = np.minimum(running / service.slots, 1.0)
            crowded_s[mine] = token_s[mine] * (1.0 + service.crowding * crowd)
        if fewer or running.max(initial=0) >= service.slots - 1:
            held_s = fixed_s[mine] + completion[mine] * crowded_s[mine]
            wait_s[mine] = _waits(at_s, held_s, service.slots, _limits(at_s, held_s, fewer))
    return wait_s, crowded_s


def _limits(
    at_s: FloatArray, held_s: FloatArray, fewer: Fewer,
) -> list[tuple[float, float, int]]:
    span_s = max(float(at_s[-1] - at_s[0]), 1.0)
    average = float(held_s.sum()) / span_s
    return [(begin, end, max(int(average * factor), 1)) for begin, end, factor in fewer]


def _waits(at_s: FloatArray, held_s: FloatArray, slots: int, fewer: list[tuple[float, float, int]]) -> FloatArray:
    """First come, first served on so many slots. fewer: times in which only some of them are in use."""
    free = [0.0] * slots
    heapify(free)
    waits = np.empty(len(at_s))
    closed: list[float] = []
    pending = sorted(fewer)
    for place, (now, held) in enumerate(zip(at_s.tolist(), held_s.tolist(), strict=True)):
        if pending and now >= pending[0][0]:
            _, end, left = pending.pop(0)
            ordered = sorted(free)
            closed = [max(end, time) for time in ordered[: slots - left]]
            free = [*ordered[slots - left :], *closed]
            heapify(free)
        begin = max(now, free[0])
        heapreplace(free, begin + held)
        waits[place] = begin - now
    return waits
