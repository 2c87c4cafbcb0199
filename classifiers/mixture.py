"""Which two parts of a service explain together what all its series of one metric show, where one does not.

What is measured of each request mixes: a part's series shows its own deviation in full, and of a part along another
dimension what that one's share of the traffic is; nothing of its siblings. So the deviations of all marginals are
linear in the deviations of the parts that are hit, known up to noise that shrinks with the number of requests: weighted
least squares with one or two of the parts, and the usual F ratio for whether the second is worth it. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from classifiers.localise import WHOLE, Blame, Dimension

CANDIDATES = 8
"""So many parts at most are tried, those furthest off for their traffic: the pairs of them are what it costs."""
WORTH = 14.0
"""F ratio from which on a second part is believed."""
NOISE = 0.015
"""Standard deviation that a series of average traffic has at least."""
LEAST = 0.04
"""A part that is hit deviates by so much at least."""
FAR_LESS = 0.15
"""The lesser of two parts deviates by at least so much of the greater."""
NEARLY = 0.95
"""Share of the traffic that is all of it."""
BESIDE = 0.35
"""Share of what a part shows that is its own, where something hits the whole too."""


@dataclass(frozen=True, slots=True)
class Part:
    """One marginal series: how far it is off towards the alarm, behind how many samples, and whether that is sure."""

    dimension: Dimension
    value: str
    deviation: float
    samples: int
    sure: bool


Known = Part | None
"""A part that may be hit; None is the whole."""


def two_parts(parts: Sequence[Part], whole: int, most: float, additive: bool) -> tuple[Blame, Blame] | None:
    """The two that are hit, or None where one explains enough. whole: samples of the service; most: share of the
    traffic from which on a part is no part any more; additive: of what all have in common siblings show alike. Where
    they do not, as of load, two parts are only believed along different dimensions. About 100 us.
    """
    seen = [part for part in parts if part.samples]
    if whole <= 0 or len(seen) < 4:
        return None
    mean = sum(part.samples for part in seen) / len(seen)
    weights = [part.samples / mean for part in seen]
    rows = {known: [_shown(known, part, whole) for part in seen] for known in _candidates(seen, whole, most)}
    offs = [weight * part.deviation for weight, part in zip(weights, seen, strict=True)]
    total = sum(off * part.deviation for off, part in zip(offs, seen, strict=True))
    along = {known: sum(map(_times, row, offs)) for known, row in rows.items()}
    loads = {known: list(map(_times, row, weights)) for known, row in rows.items()}
    own = {known: sum(map(_times, loads[known], row)) for known, row in rows.items()}
    alone = total - max(along[known] ** 2 / own[known] for known in rows if along[known] > 0.0 or known is None)
    if alone < WORTH * NOISE * NOISE:
        return None
    best: tuple[float, Known, float, Known, float] | None = None
    for one, other in combinations(rows, 2):
        if not _may_be(one, other, whole, additive):
            continue
        mixed = sum(map(_times, loads[one], rows[other]))
        both = own[one] * own[other] - mixed * mixed
        if both <= 1e-9 * own[one] * own[other]:
            continue
        here = (along[one] * own[other] - along[other] * mixed) / both
        there = (along[other] * own[one] - along[one] * mixed) / both
        left = total - here * along[one] - there * along[other]
        if min(here, there) >= max(LEAST, FAR_LESS * max(here, there)) and (best is None or left < best[0]):
            best = left, one, here, other, there
    if best is None:
        return None
    left, one, here, other, there = best
    noise = max(max(left, 0.0) / (len(seen) - 2), NOISE * NOISE)
    if alone - left < WORTH * noise:
        return None
    if one is None or other is None:
        part, mine, common = (other, there, here) if one is None else (one, here, there)
        if part is None or mine < BESIDE * (mine + common) or not _everywhere(part, seen):
            return None
        return _blame(part, mine / (mine + common)), WHOLE
    return _blame(one, 1.0), _blame(other, 1.0)


def _may_be(one: Known, other: Known, whole: int, additive: bool) -> bool:
    """Whether these two are to be told apart at all: siblings that are all of it together are one beside the whole."""
    if one is None or other is None:
        return additive
    return one.dimension != other.dimension or (additive and one.samples + other.samples < NEARLY * whole)


def _candidates(seen: Sequence[Part], whole: int, most: float) -> list[Known]:
    sure = [part for part in seen if part.sure and part.deviation > 0.0 and part.samples <= most * whole]
    sure.sort(key=lambda part: (-part.deviation * part.samples ** 0.5, part.dimension, part.value))
    return [None, *sure[:CANDIDATES]]


def _shown(known: Known, part: Part, whole: int) -> float:
    """How much of a known part's deviation a series shows."""
    if known is None or known is part:
        return 1.0
    return 0.0 if known.dimension == part.dimension else known.samples / whole


def _everywhere(part: Part, seen: Sequence[Part]) -> bool:
    """Whether most of what its siblings serve is surely off too."""
    siblings = [one for one in seen if one.dimension == part.dimension and one is not part]
    return 2 * sum(one.samples for one in siblings if one.sure) > sum(one.samples for one in siblings)


def _times(a: float, b: float) -> float:
    return a * b


def _blame(part: Part, concentration: float) -> Blame:
    return Blame(part.dimension, part.value, concentration)
