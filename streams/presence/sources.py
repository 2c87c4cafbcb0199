"""Services that fell silent: whether one is down, or nobody reports of it any more. Pure.

A service is down when others of its source go on. Where everything of a source is silent at once, nobody can tell:
either the source is lost, or all its services are down. Metrics that an exporter reports come with or without requests,
so the silence of the only service of such a source is the loss of its exporter or collector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Cause = Literal["down", "unmonitored", "source", "undecided"]

ENOUGH_MISSED = 3.0
"""Reports of the other services that are missing before all are taken for silent."""
UNDECIDED_MAX_S = 10.0
"""For so long at most it may be open whether the others are silent too: they report too seldom to know."""


@dataclass(frozen=True, slots=True)
class ServiceReports:
    """A service that a source brings reports of. last_s: when it reported last. gap_s: the usual time between its
    reports."""

    service: int
    last_s: float
    gap_s: float


def cause_of_silence(
    others: Sequence[ServiceReports], since_s: float, now_s: float, aggregated: bool,
) -> Cause:
    """Why a service is silent since then.

    others: the other services of its source. aggregated: whether the source brings metrics that were aggregated before.
    """
    if not others:
        return "unmonitored" if aggregated else "down"
    silence_s = now_s - since_s
    if any(2.0 * (now_s - other.last_s) <= silence_s for other in others):
        return "down"
    missed = sum(max(now_s - max(other.last_s, since_s), 0.0) / other.gap_s for other in others)
    if missed >= ENOUGH_MISSED:
        return "source"
    if silence_s <= UNDECIDED_MAX_S or aggregated:
        return "undecided"
    return "down"
