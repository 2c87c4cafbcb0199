"""Serves the requests of a service: routing, queueing for slots, decoding that slows down when crowded, failures.

All draws of a run depend on its seed alone and not on its faults, so a day with a fault is the same day but for the
fault. About 2 s for a million requests.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heapify, heapreplace
from math import inf

import numpy as np
from numpy.typing import NDArray

from benchmarks.ordinary.generator.arrivals import FloatArray, arrivals
from benchmarks.ordinary.generator.faults import Fault
from benchmarks.ordinary.generator.service import Service, Tokens

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
TIMEOUT_S = 120.0
"""A caller gives up after so long: the request has failed."""
GOLDEN = 0.6180339887498949
"""Multiples of it modulo 1 are as even as a rotation is."""
STEP_S = 0.008
"""A request waits for an engine step before it starts."""


@dataclass(frozen=True, slots=True)
class Requests:
    """All requests of one service and model, in order of arrival; all arrays are (n,), times in seconds of the run.

    lost: no answer ever came, and done_s is when the replica let go of it. replica: -1 where none received it. cached: share of the prompt that the prefix cache
    had. cut: the completion reached the cap.
    """

    service: Service
    tenants: tuple[str, ...]
    arrival_s: FloatArray
    begun_s: FloatArray
    done_s: FloatArray
    replica: IntArray
    tenant: IntArray
    prompt: FloatArray
    completion: FloatArray
    cached: FloatArray
    ttft_s: FloatArray
    tpot_s: FloatArray
    confidence: FloatArray
    failed: BoolArray
    cut: BoolArray
    lost: BoolArray

    @property
    def latency_s(self) -> FloatArray:
        return self.done_s - self.arrival_s


@dataclass(slots=True)
class _Draws:
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


def simulate(service: Service, faults: tuple[Fault, ...], origin_s: float, length_s: float, seed: int) -> Requests:
    """Serve all requests of a run."""
    rng = np.random.default_rng([27, seed])
    tenants = tuple(dict.fromkeys(tenant.name for stream in service.streams for tenant in stream.tenants))
    draws = _draw(service, tenants, origin_s, length_s, rng)
    draws = _thinned(draws, faults)
    replica, lost = _route(service, draws)
    hits = [(fault, _hit(service, tenants, fault, draws, replica)) for fault in faults]
    return _serve(service, tenants, draws, replica, lost, hits)


def _draw(
    service: Service, tenants: tuple[str, ...], origin_s: float, length_s: float, rng: np.random.Generator,
) -> _Draws:
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
    return _Draws(at_s, stream_of, tenant, prompt, completion, rng.random((count, 5)), rng.normal(size=(count, 3)))


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
    for begin, end in zip(changes, changes[1:], strict=False):
        first, last = np.searchsorted(at_s, (begin, end))
        if first == last:
            continue
        weights = np.array([t.weight if t.from_s <= begin and end <= t.until_s else 0.0 for t in tenants])
        bounds = np.cumsum(weights) / weights.sum()
        chosen = np.minimum(np.searchsorted(bounds, uniform[first:last], side="right"), len(tenants) - 1)
        found[first:last] = place[chosen]
    return found


def _thinned(draws: _Draws, faults: tuple[Fault, ...]) -> _Draws:
    """Without the requests that a fault keeps from coming."""
    kept = np.ones(len(draws.arrival_s), np.bool_)
    for fault in faults:
        during = (draws.arrival_s >= fault.start_s) & (draws.arrival_s < fault.end_s)
        kept &= ~(during & (draws.uniform[:, 3] >= fault.effect.arriving))
    if kept.all():
        return draws
    return _Draws(*(getattr(draws, name)[kept] for name in _Draws.__slots__))


def _route(service: Service, draws: _Draws) -> tuple[IntArray, BoolArray]:
    """The replica of each request and whether it is lost, because the replica is gone or there is none."""
    at_s, replicas = draws.arrival_s, service.replicas
    uniform = draws.uniform[:, 0]
    if service.balancer == "round_robin":
        uniform = np.arange(len(at_s)) * GOLDEN % 1.0
    changes = {-inf, inf, *(from_s for from_s, _ in service.split)}
    changes |= {time for one in replicas for time in (one.ready_s, one.gone_s, one.gone_s + one.unnoticed_s)}
    times = sorted(changes)
    found, lost = np.full(len(at_s), -1), np.zeros(len(at_s), np.bool_)
    for begin, end in zip(times, times[1:], strict=False):
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


def _hit(
    service: Service, tenants: tuple[str, ...], fault: Fault, draws: _Draws, replica: IntArray,
) -> BoolArray:
    """(n,) which requests are of the part that a fault hits and come while it lasts."""
    during = (draws.arrival_s >= fault.start_s) & (draws.arrival_s < fault.end_s)
    return during & _of_part(service, tenants, fault, draws.tenant, replica)


def _of_part(
    service: Service, tenants: tuple[str, ...], fault: Fault, tenant: IntArray, replica: IntArray,
) -> BoolArray:
    dimension, value = fault.scope
    if dimension is None:
        return np.ones(len(tenant), np.bool_)
    if dimension == "tenant":
        return tenant == (tenants.index(value) if value in tenants else -1)
    of_part = np.array([(one.name if dimension == "replica" else one.version) == value for one in service.replicas])
    return np.append(of_part, False)[replica]


def _serve(
    service: Service, tenants: tuple[str, ...], draws: _Draws, replica: IntArray, lost: BoolArray,
    hits: list[tuple[Fault, BoolArray]],
) -> Requests:
    count = len(draws.arrival_s)
    factor, failing = np.ones(count), np.full(count, service.failing)
    confidence = service.confidence + 0.05 * draws.normal[:, 1]
    if service.constant_confidence:
        confidence = np.full(count, service.confidence)
    completion, cap = draws.completion.copy(), np.full(count, float(service.cap))
    cached = np.where(draws.uniform[:, 2] < service.cache, 0.5 + draws.uniform[:, 2] / max(service.cache, 1e-9) / 2, 0)
    for name, version in service.versions.items():
        of = np.append(np.array([one.version == name for one in service.replicas]), False)[replica]
        factor[of] *= version.token_factor
        failing[of] *= version.failing_factor
        confidence[of] += version.confidence
        completion[of] *= version.completion_factor
    median = float(np.median(draws.completion)) if count else 1.0
    for fault, hit in hits:
        effect = fault.effect
        factor[hit] *= effect.token_factor
        failing[hit] += effect.failing
        confidence[hit] += effect.confidence
        completion[hit] *= effect.completion_factor
        cap[hit] = np.minimum(cap[hit], max(effect.cap_factor * median, 1.0) if effect.cap_factor < inf else inf)
        if not effect.cached:
            cached[hit] = 0.0
        lost = lost | (hit & effect.lost)
    cut = completion > cap
    completion = np.maximum(np.round(np.minimum(completion, cap)), 1.0)
    step_s = STEP_S * np.exp(0.4 * draws.normal[:, 2])
    prefill_s = draws.prompt * (1.0 - cached) * service.prefill_s
    token_s = service.token_s * factor * np.exp(service.noise * draws.normal[:, 0])
    slots = _slots(service, hits)
    wait_s, token_s = _queue(service, draws, replica, lost, prefill_s + step_s, completion, token_s, slots)
    ttft_s = wait_s + step_s + prefill_s + token_s
    latency_s = ttft_s + completion * token_s
    failed = draws.uniform[:, 1] < failing
    latency_s = np.where(failed, latency_s * (0.05 + 0.6 * draws.uniform[:, 4]), latency_s)
    is_late = latency_s > TIMEOUT_S
    failed |= is_late
    latency_s = np.minimum(latency_s, TIMEOUT_S)
    done_s = draws.arrival_s + latency_s
    lost, done_s = _in_flight(service, tenants, draws, replica, done_s, lost, hits)
    return Requests(
        service, tenants, draws.arrival_s, draws.arrival_s + wait_s, done_s, replica, draws.tenant, draws.prompt,
        completion, cached, ttft_s, token_s, np.clip(confidence, 0.01, 1.0), failed, cut, lost,
    )


def _in_flight(
    service: Service, tenants: tuple[str, ...], draws: _Draws, replica: IntArray, done_s: FloatArray, lost: BoolArray,
    hits: list[tuple[Fault, BoolArray]],
) -> tuple[BoolArray, FloatArray]:
    """What is lost, with what was in flight when its replica vanished or hung, and until when it was in flight."""
    vanish_s = np.append(np.array([one.gone_s if one.vanishes else inf for one in service.replicas]), inf)[replica]
    lost, done_s = lost | (done_s > vanish_s), np.minimum(done_s, np.maximum(vanish_s, draws.arrival_s))
    for fault, hit in hits:
        if fault.effect.lost:
            of_part = _of_part(service, tenants, fault, draws.tenant, replica)
            stuck = hit | (of_part & (draws.arrival_s < fault.start_s) & (done_s > fault.start_s))
            lost, done_s = lost | stuck, np.where(stuck, fault.end_s, done_s)
    return lost, done_s


def _slots(service: Service, hits: list[tuple[Fault, BoolArray]]) -> list[tuple[float, float, float]]:
    """Times in which replicas have fewer slots: from, until, factor of the average number of running requests."""
    return [(one.start_s, one.end_s, one.effect.slots_factor) for one, _ in hits if one.effect.slots_factor < inf]


def _queue(
    service: Service, draws: _Draws, replica: IntArray, lost: BoolArray, fixed_s: FloatArray, completion: FloatArray,
    token_s: FloatArray, fewer: list[tuple[float, float, float]],
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
    at_s: FloatArray, held_s: FloatArray, fewer: list[tuple[float, float, float]],
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
