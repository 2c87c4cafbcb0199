"""Serves the requests of a service: routing, queueing for slots, decoding that slows down when crowded, failures.

All draws of a run depend on its seed alone and not on its faults, so a day with a fault is the same day but for the
fault. About 1 s for a million requests.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from benchmarks.ordinary.generator.arrivals import FloatArray
from benchmarks.ordinary.generator.draws import BoolArray, Draws, IntArray, draw, thinned
from benchmarks.ordinary.generator.faults import Fault
from benchmarks.ordinary.generator.queueing import queue
from benchmarks.ordinary.generator.routing import route
from benchmarks.ordinary.generator.service import Service

TIMEOUT_S = 120.0
"""A caller gives up after so long: the request has failed."""
STEP_S = 0.008
"""A request waits for an engine step before it starts."""


@dataclass(frozen=True, slots=True)
class Requests:
    """All requests of one service and model, in order of arrival; all arrays are (n,), times in seconds of the run.

    lost: no answer ever came, and done_s is when the replica let go of it. replica: -1 where none received it. cached:
    share of the prompt that the prefix cache had. cut: the completion reached the cap.
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
        """(n,) from arrival to the end."""
        return self.done_s - self.arrival_s


@dataclass(slots=True)
class _Condition:
    """How each request is served, as versions and faults leave it; (n,) each."""

    token_factor: FloatArray
    failing: FloatArray
    confidence: FloatArray
    completion: FloatArray
    cap: FloatArray
    cached: FloatArray
    lost: BoolArray


@dataclass(frozen=True, slots=True)
class _Hit:
    """A fault, the requests of the part that it hits, and those of them that come while it lasts."""

    fault: Fault
    of_part: BoolArray
    during: BoolArray


def simulate(service: Service, faults: tuple[Fault, ...], origin_s: float, length_s: float, seed: int) -> Requests:
    """Serve all requests of a run."""
    rng = np.random.default_rng([27, seed])
    tenants = tuple(dict.fromkeys(tenant.name for stream in service.streams for tenant in stream.tenants))
    draws = thinned(draw(service, tenants, origin_s, length_s, rng), faults)
    replica, lost = route(service, draws)
    hits = [_hit(service, tenants, fault, draws, replica) for fault in faults]
    condition = _usual(service, draws, lost)
    _apply_versions(service, condition, replica)
    for hit in hits:
        _apply_fault(hit, condition, float(np.median(draws.completion)) if len(replica) else 1.0)
    return _serve(service, tenants, draws, replica, condition, hits)


def _hit(service: Service, tenants: tuple[str, ...], fault: Fault, draws: Draws, replica: IntArray) -> _Hit:
    dimension, value = fault.scope
    if dimension is None:
        of_part = np.ones(len(replica), np.bool_)
    elif dimension == "tenant":
        of_part = draws.tenant == (tenants.index(value) if value in tenants else -1)
    else:
        names = [one.name if dimension == "replica" else one.version for one in service.replicas]
        of_part = _of_replicas([name == value for name in names], replica)
    return _Hit(fault, of_part, of_part & (draws.arrival_s >= fault.start_s) & (draws.arrival_s < fault.end_s))


def _of_replicas(chosen: list[bool], replica: IntArray) -> BoolArray:
    """(n,) whether a request is at one of the chosen replicas."""
    found: BoolArray = np.array([*chosen, False])[replica]
    return found


def _usual(service: Service, draws: Draws, lost: BoolArray) -> _Condition:
    count = len(lost)
    spread = 0.0 if service.constant_confidence else 0.05
    luck = draws.uniform[:, 2]
    return _Condition(
        np.ones(count), np.full(count, service.failing), service.confidence + spread * draws.normal[:, 1],
        draws.completion.copy(), np.full(count, float(service.cap)),
        np.where(luck < service.cache, 0.5 + luck / max(service.cache, 1e-9) / 2, 0.0), lost.copy(),
    )


def _apply_versions(service: Service, condition: _Condition, replica: IntArray) -> None:
    for name, version in service.versions.items():
        of = _of_replicas([one.version == name for one in service.replicas], replica)
        condition.token_factor[of] *= version.token_factor
        condition.failing[of] *= version.failing_factor
        condition.confidence[of] += version.confidence
        condition.completion[of] *= version.completion_factor


def _apply_fault(hit: _Hit, condition: _Condition, median: float) -> None:
    effect, during = hit.fault.effect, hit.during
    condition.token_factor[during] *= effect.token_factor
    condition.failing[during] += effect.failing
    condition.confidence[during] += effect.confidence
    condition.completion[during] *= effect.completion_factor
    condition.cap[during] = np.minimum(condition.cap[during], effect.cap_factor * median)
    if not effect.cached:
        condition.cached[during] = 0.0
    if effect.lost:
        condition.lost |= during


def _serve(
    service: Service, tenants: tuple[str, ...], draws: Draws, replica: IntArray, condition: _Condition,
    hits: list[_Hit],
) -> Requests:
    cut = condition.completion > condition.cap
    completion = np.maximum(np.round(np.minimum(condition.completion, condition.cap)), 1.0)
    begin_s = STEP_S * np.exp(0.4 * draws.normal[:, 2]) + draws.prompt * (1.0 - condition.cached) * service.prefill_s
    token_s = service.token_s * condition.token_factor * np.exp(service.noise * draws.normal[:, 0])
    fewer = [(one.fault.start_s, one.fault.end_s, one.fault.effect.slots_factor) for one in hits
             if one.fault.effect.slots_factor < inf]
    wait_s, token_s = queue(service, draws, replica, condition.lost, begin_s, completion, token_s, fewer)
    ttft_s = wait_s + begin_s + token_s
    latency_s = ttft_s + completion * token_s
    failed = draws.uniform[:, 1] < condition.failing
    # A failure comes somewhere on the way, mostly early.
    latency_s = np.where(failed, latency_s * (0.05 + 0.6 * draws.uniform[:, 4]), latency_s)
    failed |= latency_s > TIMEOUT_S
    done_s = draws.arrival_s + np.minimum(latency_s, TIMEOUT_S)
    lost, done_s = _in_flight(service, draws, replica, done_s, condition.lost, hits)
    return Requests(
        service, tenants, draws.arrival_s, draws.arrival_s + wait_s, done_s, replica, draws.tenant, draws.prompt,
        completion, condition.cached, ttft_s, token_s, np.clip(condition.confidence, 0.01, 1.0), failed, cut, lost,
    )


def _in_flight(
    service: Service, draws: Draws, replica: IntArray, done_s: FloatArray, lost: BoolArray, hits: list[_Hit],
) -> tuple[BoolArray, FloatArray]:
    """What is lost, with what was in flight when its replica vanished or hung, and until when it was in flight."""
    vanish_s = np.array([*(one.gone_s if one.vanishes else inf for one in service.replicas), inf])[replica]
    lost, done_s = lost | (done_s > vanish_s), np.minimum(done_s, np.maximum(vanish_s, draws.arrival_s))
    for hit in hits:
        fault = hit.fault
        if fault.effect.lost:
            stuck = hit.during | (hit.of_part & (draws.arrival_s < fault.start_s) & (done_s > fault.start_s))
            lost, done_s = lost | stuck, np.where(stuck, fault.end_s, done_s)
    return lost, done_s
