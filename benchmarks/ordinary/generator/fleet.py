"""Replicas over time, as deployments, autoscalers and spot markets make and end them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np

from benchmarks.ordinary.generator.service import Replica

LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""What Kubernetes makes suffixes of."""
BOOT_S = 25.0
"""From the start of a process, which exports metrics by then, to its first request."""


@dataclass(frozen=True, slots=True)
class Names:
    """How replicas are called: like pods of a Deployment, renamed with each one, or of a StatefulSet, which keep their
    names."""

    service: str
    renamed: bool = True


def pods(names: Names, version: str, count: int, rng: np.random.Generator, ready_s: float = -inf) -> list[Replica]:
    """So many replicas of one ReplicaSet."""
    if not names.renamed:
        called = [f"{names.service}-{number}" for number in range(count)]
    else:
        revision = _suffix(rng, 9)
        called = [f"{names.service}-{revision}-{_suffix(rng, 5)}" for _ in range(count)]
    return [Replica(name, version, ready_s, started_s=ready_s - BOOT_S) for name in called]


def _suffix(rng: np.random.Generator, length: int) -> str:
    return "".join(LETTERS[number] for number in rng.integers(len(LETTERS), size=length))


def rolled(
    running: Sequence[Replica], names: Names, version: str, at_s: float, step_s: float, rng: np.random.Generator,
) -> list[Replica]:
    """One by one each running replica gives way to a new one. Stable names: the old one goes first, as they must."""
    fresh = pods(names, version, len(running), rng)
    found: list[Replica] = []
    for number, (old, new) in enumerate(zip(running, fresh, strict=True)):
        turn_s = at_s + number * step_s
        if names.renamed:
            found += [replace(old, gone_s=turn_s + BOOT_S), _ready(new, turn_s + BOOT_S)]
        else:
            gone = replace(old, gone_s=turn_s)
            found += [gone, _ready(new, gone.exports_until_s + BOOT_S + 10.0)]
    return found


def switched(
    running: Sequence[Replica], names: Names, version: str, at_s: float, rng: np.random.Generator,
) -> list[Replica]:
    """Blue-green: a whole new set takes all traffic at once; the old one ends five minutes later."""
    fresh = [_ready(new, at_s) for new in pods(names, version, len(running), rng)]
    return [*(replace(old, gone_s=at_s, drain_s=300.0) for old in running), *fresh]


def live(replicas: Sequence[Replica], at_s: float) -> list[Replica]:
    """Those that receive requests at a time."""
    return [one for one in replicas if one.ready_s <= at_s < one.gone_s]


def _ready(replica: Replica, at_s: float) -> Replica:
    return replace(replica, ready_s=at_s, started_s=at_s - BOOT_S)
