"""A serving stack with known faults: arrivals, routing, replicas, answers. Deterministic for a seed."""

from __future__ import annotations

import numpy as np

from benchmarks.triage.engine import STEP_S, Speed, serve
from benchmarks.triage.generator.fault import Fault, Knob, Members, turned
from benchmarks.triage.generator.service import PREFILL_MS, Requests, Service, Upstream
from benchmarks.triage.measure import Knobs, checks, observe
from detectors.base import BoolArray, FloatArray, IntArray

DETECTED_S = 20.0
"""After so long the router sends no more to a replica that does not answer."""


def run(service: Service, faults: tuple[Fault, ...], length_s: float, seed: int, upstream: Upstream | None) -> Requests:
    """All requests that arrive within `length_s`, served under these faults. About 20 us a request."""
    rng = np.random.default_rng(seed)
    members, arrival_s, replica_of = _arrivals(service, faults, length_s, rng)
    count = len(arrival_s)

    def knob(name: Knob) -> FloatArray:
        return turned(faults, name, arrival_s, members)

    def happens(share: FloatArray) -> BoolArray:
        hit: BoolArray = rng.random(count) < share
        return hit

    failing = 1.0 - (1.0 - 0.002) * (1.0 - knob("failing"))
    if upstream is not None:
        failing = 1.0 - (1.0 - failing) * (1.0 - Upstream.at(upstream.failing, arrival_s))
    fails = happens(failing)
    shown = checks(service, knob, happens, rng, count)
    turned_away = fails | (shown.get("auth_failure", np.zeros(count)) > 0)
    prompt = np.ceil(_lengths(rng, service.prompt, 0.55, count) * knob("prompt") * _context_share(service, knob))
    mean = service.completion
    completion = np.clip(_lengths(rng, mean, 0.6, count) * knob("completion"), 1, 2.2 * mean)
    blocked = shown.get("guardrail_blocked", np.zeros(count)) > 0
    completion = np.where(blocked, rng.integers(8, 20, count), np.ceil(completion))
    cached = np.clip(rng.beta(6.0, 4.0, count) * knob("cached"), 0.0, 1.0)
    if "rag" in service.groups:
        shown["prefix_cache_hit_rate"] = cached
    else:
        cached = np.zeros(count)
    work = ~turned_away & (replica_of >= 0)
    prefill_ms = PREFILL_MS * prompt * (1.0 - cached) * knob("prefill")
    served = _serve(service, faults, members, arrival_s, replica_of, work, prefill_ms, completion, length_s)
    return observe(service, members, arrival_s, replica_of, turned_away, fails, served, upstream, shown, {
        "prompt_tokens": prompt, "completion_tokens": completion, "quality": knob("quality"),
    }, rng)


def _arrivals(
    service: Service, faults: tuple[Fault, ...], length_s: float, rng: np.random.Generator,
) -> tuple[Members, FloatArray, IntArray]:
    """Poisson arrivals with a slow swing, their labels, and the replica that gets each: -1 where it is lost."""
    grid = np.arange(0.0, length_s, STEP_S)
    swing = 1.0 + 0.12 * np.sin(2.0 * np.pi * (grid / 170.0 + rng.random()))
    moved = tuple(dict.fromkeys(fault.version for fault in faults if fault.version is not None))
    values = service.values(moved)
    times: list[FloatArray] = []
    tenants: list[IntArray] = []
    for number, share in enumerate(service.shares):
        only = Members(values, {
            "tenant": np.full(len(grid), number), "replica": np.full(len(grid), -1), "version": np.full(len(grid), -1),
        })
        counts = rng.poisson(service.rate * share * swing * turned(faults, "traffic", grid, only) * STEP_S)
        times.append(np.repeat(grid, counts) + STEP_S * rng.random(int(counts.sum())))
        tenants.append(np.full(int(counts.sum()), number))
    arrival_s, tenant = np.concatenate(times), np.concatenate(tenants)
    order = np.argsort(arrival_s, kind="stable")
    arrival_s, tenant = arrival_s[order], tenant[order]
    version = np.zeros(len(arrival_s), np.intp)
    if len(service.versions) > 1:
        version[rng.random(len(arrival_s)) < service.canary] = len(service.versions) - 1
    for fault in faults:
        if fault.version is not None:
            version[fault.progress(arrival_s) > 0] = values["version"].index(fault.version)
    replica = rng.integers(0, len(service.replicas), len(arrival_s))
    members = Members(values, {"tenant": tenant, "replica": replica, "version": version})
    return members, arrival_s, _routed(service, faults, members, arrival_s, rng)


def _routed(
    service: Service, faults: tuple[Fault, ...], members: Members, arrival_s: FloatArray, rng: np.random.Generator,
) -> IntArray:
    """The replica that gets each request; labels follow where the router found one that answers."""
    replica = members.index["replica"]
    routed: IntArray = replica.copy()
    for fault in faults:
        if not fault.size("silent"):
            continue
        hit = (fault.progress(arrival_s) > 0) & members.within(fault.reach, len(arrival_s))
        if fault.reach.dimension != "replica":
            routed[hit] = -1
            continue
        since_s = np.min([np.where(arrival_s >= start, arrival_s - start, np.inf) for start, _ in fault.spans], axis=0)
        late = hit & (since_s > DETECTED_S)
        others = [at for at, name in enumerate(service.replicas) if name != fault.reach.value]
        replica[late] = rng.choice(others, int(late.sum()))
        routed[late] = replica[late]
        routed[hit & ~late] = -1
    return routed


def _lengths(rng: np.random.Generator, mean: float, sigma: float, count: int) -> FloatArray:
    lengths: FloatArray = rng.lognormal(np.log(mean) - sigma * sigma / 2.0, sigma, count)
    return np.clip(lengths, 4.0, 8.0 * mean)


def _context_share(service: Service, knob: Knobs) -> FloatArray:
    """Prompts contain the retrieved text, so they shrink where less is found."""
    hits = knob("hits")
    return 0.5 + 0.5 * hits if "rag" in service.groups else np.ones(len(hits))


def _serve(
    service: Service, faults: tuple[Fault, ...], members: Members, arrival_s: FloatArray, replica_of: IntArray,
    work: BoolArray, prefill_ms: FloatArray, tokens: FloatArray, length_s: float,
) -> dict[str, FloatArray]:
    """Every replica in turn; a version that decodes slower delays its own requests only."""
    grid = np.arange(0.0, length_s + 60.0, STEP_S)
    per_replica = service.rate / len(service.replicas)
    mean_ms = 1000.0 * service.batch / (per_replica * service.completion)
    alone_ms = mean_ms / (1.0 + service.crowding * service.batch)
    found = {name: np.full(len(arrival_s), np.inf) for name in ("queue_ms", "first_ms", "done_s", "running", "waiting")}
    slower = tuple(fault for fault in faults if fault.reach.dimension in ("version", "tenant"))
    wide = tuple(fault for fault in faults if fault not in slower)
    stretch = turned(slower, "decode", arrival_s, members)
    for number in range(len(service.replicas)):
        mine = np.flatnonzero(work & (replica_of == number))
        here = Members(members.values, {
            "replica": np.full(len(grid), number), "tenant": np.full(len(grid), -1), "version": np.full(len(grid), -1),
        })
        slots = np.maximum(service.slots * turned(wide, "slots", grid, here), 1.0).astype(np.intp)
        speed = Speed(alone_ms * turned(wide, "decode", grid, here), service.crowding, slots)
        served = serve(arrival_s[mine], prefill_ms[mine], (tokens * stretch)[mine], speed)
        for name in found:
            found[name][mine] = getattr(served, name)
        for fault in faults:
            if fault.size("silent") and here.within(fault.reach, len(grid))[0]:
                for start_s, end_s in fault.spans:
                    gone = (found["done_s"][mine] >= start_s) & (found["done_s"][mine] < end_s)
                    found["done_s"][mine[gone]] = np.inf
    return found
