"""One fault in each service of a day: which kinds fit it, whom they hit and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from zlib import crc32

import numpy as np

from benchmarks.ordinary.generator.day import Day
from benchmarks.ordinary.generator.faults import EFFECTS, NEEDS_CANARY, Fault
from benchmarks.ordinary.generator.service import Replica, Service
from benchmarks.ordinary.kinds.base import HOUR_S, Kind

LASTS_S = {"native": 300.0, "otlp_json": 600.0, "prometheus_json": 600.0}
"""Metrics that are scraped take some scrapes to show a fault."""
RARE_LASTS_S = 900.0
"""Of failures of a few percent and of canaries, which need requests to show."""
KNOWN_S = 900.0
"""A part that is hit has been there for so long, or it could not be known."""
LEAST_PER_S = 0.8
"""Fewer requests show nothing within minutes."""
BUSY_PER_S, STEADY_FAILING = 6.0, 0.002
"""Failures of a few percent are a fault of services that are busy and hardly fail."""
LONGEST_S = 12 * HOUR_S
"""A day is cut here when faults are in it."""


def with_faults(kind: Kind, day: Day, seed: int) -> Day:
    """The day with one fault in each of its services, cut some minutes after the last of them.

    The kinds take turns by day and service, so that each occurs in many kinds of days. A service that none fits has
    none.
    """
    rng = np.random.default_rng([29, seed, crc32(f"{kind.name}/{day.form}".encode())])
    length_s = min(day.length_s, LONGEST_S)
    faults = []
    turn = int(rng.integers(len(EFFECTS)))
    for service in {one.name: one for one in day.services}.values():
        for step in range(len(EFFECTS)):
            name = list(EFFECTS)[(turn + step) % len(EFFECTS)]
            fault = _place(kind, day, service, name, length_s, rng)
            if fault is not None:
                faults.append(fault)
                turn += step + 1
                break
    ends_s = max((fault.end_s for fault in faults), default=length_s - 300.0)
    return replace(day, faults=tuple(faults), cut_s=min(ends_s + 300.0, length_s))


def _place(
    kind: Kind, day: Day, service: Service, name: str, length_s: float, rng: np.random.Generator,
) -> Fault | None:
    """A fault of a kind at a time and a part that fit; None where there are none."""
    lasts_s = max(LASTS_S[day.form], RARE_LASTS_S if EFFECTS[name].failing and EFFECTS[name].failing < 0.1 else 0.0)
    for attempt in range(12):
        low, high = (0.5, 0.95) if attempt < 6 else (0.1, 0.5)
        start_s = max(float(rng.uniform(low, high)) * (length_s - lasts_s - 300.0), KNOWN_S)
        found = _at(kind, day, service, name, start_s, lasts_s, rng)
        if found is not None:
            return found
    return None


def _at(
    kind: Kind, day: Day, service: Service, name: str, start_s: float, lasts_s: float, rng: np.random.Generator,
) -> Fault | None:
    per_s = service.nominal_per_s(start_s, day.origin_s)
    end_s = start_s + lasts_s
    if per_s < LEAST_PER_S or (name == "failures" and (per_s < BUSY_PER_S or service.failing > STEADY_FAILING)):
        return None
    if any(gap.start_s - 120.0 < end_s and start_s < gap.end_s + 120.0 for gap in day.gaps if gap.replica is None):
        return None
    dimension = EFFECTS[name].dimension
    value: str | None = None
    if name in NEEDS_CANARY:
        canaries = [one for one in service.replicas if one.version == "v2"]
        if not kind.canary or not canaries:
            return None
        start_s = min(one.ready_s for one in canaries) + 60.0
        end_s = start_s + RARE_LASTS_S
        value = "v2"
    elif dimension == "replica":
        steady = steady_replicas(service.replicas, start_s, end_s)
        hidden = {gap.replica for gap in day.gaps}
        steady = [one for one in steady if one.name not in hidden]
        if len(steady) < 2:
            return None
        value = steady[int(rng.integers(len(steady)))].name
    elif dimension == "tenant":
        if day.form != "native":
            return None
        value = service.streams[0].tenants[0].name
    elif day.form != "native" and EFFECTS[name].confidence:
        return None
    if (service.constant_confidence and EFFECTS[name].confidence) or (service.cache < 0.2 and not EFFECTS[name].cached):
        return None
    return Fault(name, service.name, service.model, start_s, end_s, value)


def steady_replicas(replicas: Sequence[Replica], start_s: float, end_s: float) -> list[Replica]:
    """Those that are there all the time of a fault and were before."""
    return [one for one in replicas if one.ready_s + KNOWN_S <= start_s and end_s <= one.gone_s]
