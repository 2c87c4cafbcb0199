"""Which two parts of a service explain together what all its series of one metric show, where one does not.

What is measured of each request mixes: a part's series shows its own deviation in full, and of a part along another
dimension what that one's share of the traffic is; nothing of its siblings. So the deviations of all marginals are
linear in the deviations of the parts that are hit, known up to noise that shrinks with the number of requests: weighted
least squares with one or two of the parts, and the usual F ratio for whether the second is worth it. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from operator import mul

from classifiers.evidence.attribution import WHOLE, Attribution, Dimension

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


def two_parts(parts: Sequence[Part], whole: int, most: float, additive: bool) -> tuple[Attribution, Attribution] | None:
    """The two that are hit, or None where one explains enough. whole: samples of the service; most: share of the
    traffic from which on a part is no part any more; additive: of what all have in common siblings show alike. Where
    they do not, as of load, two parts are only believed along different dimensions. 70 to 300 us, by candidates.
    """
    seen = [part for part in parts if part.samples]
    if whole <= 0 or len(seen) < 4:
        return None
    sums = _sums(seen, _candidates(seen, whole, most), whole)
    alone = sums.left_by_one()
    if alone < WORTH * NOISE * NOISE:
        return None
    pairs = [
        fit for one, other in combinations(sums.rows, 2)
        if _may_be(one, other, whole, additive) and (fit := sums.of_two(one, other)) is not None
        and min(fit.here, fit.there) >= max(LEAST, FAR_LESS * max(fit.here, fit.there))
    ]
    if not pairs:
        return None
    best = min(pairs, key=lambda fit: fit.left)
    noise = max(max(best.left, 0.0) / (len(seen) - 2), NOISE * NOISE)
    return _told(best, seen) if alone - best.left >= WORTH * noise else None


@dataclass(frozen=True, slots=True)
class _Fit:
    """Two that are hit, by how much each deviates, and the weighted squares that they leave unexplained."""

    one: Known
    here: float
    other: Known
    there: float
    left: float


@dataclass(frozen=True, slots=True)
class _Sums:
    """The sums of weighted products that least squares are made of. rows: by candidate, what each series shows of it,
    and with its weight in `loads`. total: of the deviations; along: of each row with them; own: of each with itself.
    """

    total: float
    rows: Mapping[Known, Sequence[float]]
    loads: Mapping[Known, Sequence[float]]
    along: Mapping[Known, float]
    own: Mapping[Known, float]

    def left_by_one(self) -> float:
        """What the best single candidate leaves unexplained; the whole is always one."""
        explained = (
            along**2 / self.own[known] for known, along in self.along.items() if along > 0.0 or known is None
        )
        return self.total - max(explained)

    def of_two(self, one: Known, other: Known) -> _Fit | None:
        """Least squares with both; None where their rows are the same."""
        mixed = sum(map(mul, self.loads[one], self.rows[other]))
        both = self.own[one] * self.own[other] - mixed * mixed
        if both <= 1e-9 * self.own[one] * self.own[other]:
            return None
        here = (self.along[one] * self.own[other] - self.along[other] * mixed) / both
        there = (self.along[other] * self.own[one] - self.along[one] * mixed) / both
        return _Fit(one, here, other, there, self.total - here * self.along[one] - there * self.along[other])


def _sums(seen: Sequence[Part], candidates: Sequence[Known], whole: int) -> _Sums:
    mean = sum(part.samples for part in seen) / len(seen)
    weights = [part.samples / mean for part in seen]
    rows = {known: [_shown(known, part, whole) for part in seen] for known in candidates}
    loads = {known: list(map(mul, row, weights)) for known, row in rows.items()}
    deviations = [part.deviation for part in seen]
    return _Sums(
        sum(map(mul, map(mul, weights, deviations), deviations)), rows, loads,
        {known: sum(map(mul, load, deviations)) for known, load in loads.items()},
        {known: sum(map(mul, load, rows[known])) for known, load in loads.items()},
    )


def _told(best: _Fit, seen: Sequence[Part]) -> tuple[Attribution, Attribution] | None:
    """Both by name; the whole beside a part only where it shows in most of what its siblings serve."""
    one, other = best.one, best.other
    if one is not None and other is not None:
        return _blame(one, 1.0), _blame(other, 1.0)
    part, mine = (other, best.there) if one is None else (one, best.here)
    both = best.here + best.there
    if part is None or mine < BESIDE * both or not _everywhere(part, seen):
        return None
    return _blame(part, mine / both), WHOLE


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


def _blame(part: Part, concentration: float) -> Attribution:
    return Attribution(part.dimension, part.value, concentration)
