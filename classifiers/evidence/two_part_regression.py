"""Finds the two parts of a service whose deviations together explain all series of one metric, where one does not.

Each marginal is a traffic-weighted average of its parts. So a part's own series shows its deviation in full. A series
along another dimension shows it in proportion to the part's share of the traffic. The series of its siblings show
nothing of it. The deviations of all marginals are therefore linear in the deviations of the parts that are hit, up to
noise that shrinks with the number of requests. This is weighted least squares with one or two of the parts as
regressors. The F ratio decides whether the second regressor is significant. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from operator import mul

from classifiers.evidence.attribution import WHOLE, Attribution, Dimension, Shown, same_requests

MAX_CANDIDATES = 8
"""At most so many parts are tried, those with the largest deviation for their traffic. The cost is in their pairs."""
F_RATIO_MIN = 14.0
"""F ratio from which on a second part is significant."""
NOISE_MIN = 0.015
"""Least standard deviation of the residual of a series with average traffic."""
DEVIATION_MIN = 0.04
"""Least deviation of a part that is hit."""
LESSER_SHARE_MIN = 0.15
"""Least deviation of the lesser of two parts, as a share of the greater one's."""
NEARLY_ALL = 0.95
"""Share of the traffic that counts as all of it."""
OWN_SHARE_MIN = 0.35
"""Least share of a part's deviation that is its own, where something hits the whole too."""


@dataclass(frozen=True, slots=True)
class PartDeviation:
    """One marginal series. deviation: relative, positive in the alarm's direction. samples: behind it.

    sustained: it alarmed long enough to be a candidate.
    """

    dimension: Dimension
    value: str
    deviation: float
    samples: int
    sustained: bool


Regressor = PartDeviation | None
"""A part that may be hit; None is the whole."""


def two_parts(
    parts: Sequence[PartDeviation], whole: int, share_max: float, additive: bool,
) -> tuple[Attribution, Attribution] | None:
    """The two that are hit, or None where one explains enough.

    whole: samples of the service. share_max: a part with a larger share of the traffic is no candidate. additive: what
    all parts have in common shows alike in siblings. Where it does not, as for load, two parts are only accepted along
    different dimensions. 70 to 300 us, by candidates.
    """
    observed = [part for part in parts if part.samples]
    if whole <= 0 or len(observed) < 4:
        return None
    sums = _sums(observed, _candidates(observed, whole, share_max), whole)
    residual_of_one = sums.residual_of_one()
    if residual_of_one < F_RATIO_MIN * NOISE_MIN * NOISE_MIN:
        return None
    pairs = [
        fit for one, other in combinations(sums.rows, 2)
        if _separable(one, other, whole, additive) and (fit := sums.fit_two(one, other)) is not None
        and min(fit.one_size, fit.other_size)
        >= max(DEVIATION_MIN, LESSER_SHARE_MIN * max(fit.one_size, fit.other_size))
    ]
    if not pairs:
        return None
    best = min(pairs, key=lambda fit: fit.residual)
    noise = max(max(best.residual, 0.0) / (len(observed) - 2), NOISE_MIN * NOISE_MIN)
    return _attributions(best, observed) if residual_of_one - best.residual >= F_RATIO_MIN * noise else None


@dataclass(frozen=True, slots=True)
class _Fit:
    """Two regressors, the estimated deviation of each, and the weighted residual sum of squares."""

    one: Regressor
    one_size: float
    other: Regressor
    other_size: float
    residual: float


@dataclass(frozen=True, slots=True)
class _Sums:
    """The weighted sums of products of the normal equations.

    rows: by regressor, its value in each series. weighted_rows: the same times the series' weight. total: sum of
    squares of the deviations. with_deviations: of each row with the deviations. with_itself: of each row with itself.
    """

    total: float
    rows: Mapping[Regressor, Sequence[float]]
    weighted_rows: Mapping[Regressor, Sequence[float]]
    with_deviations: Mapping[Regressor, float]
    with_itself: Mapping[Regressor, float]

    def residual_of_one(self) -> float:
        """Residual sum of squares of the best single regressor. The whole is always a candidate."""
        explained = (
            product**2 / self.with_itself[one] for one, product in self.with_deviations.items()
            if product > 0.0 or one is None
        )
        return self.total - max(explained)

    def fit_two(self, one: Regressor, other: Regressor) -> _Fit | None:
        """Least squares with two regressors; None where they are collinear."""
        mixed = sum(map(mul, self.weighted_rows[one], self.rows[other]))
        determinant = self.with_itself[one] * self.with_itself[other] - mixed * mixed
        if determinant <= 1e-9 * self.with_itself[one] * self.with_itself[other]:
            return None
        of_one, of_other = self.with_deviations[one], self.with_deviations[other]
        one_size = (of_one * self.with_itself[other] - of_other * mixed) / determinant
        other_size = (of_other * self.with_itself[one] - of_one * mixed) / determinant
        return _Fit(one, one_size, other, other_size, self.total - one_size * of_one - other_size * of_other)


def _sums(observed: Sequence[PartDeviation], candidates: Sequence[Regressor], whole: int) -> _Sums:
    mean = sum(part.samples for part in observed) / len(observed)
    weights = [part.samples / mean for part in observed]
    rows = {known: [_share_shown(known, part, whole) for part in observed] for known in candidates}
    weighted_rows = {known: list(map(mul, row, weights)) for known, row in rows.items()}
    deviations = [part.deviation for part in observed]
    return _Sums(
        sum(map(mul, map(mul, weights, deviations), deviations)), rows, weighted_rows,
        {known: sum(map(mul, row, deviations)) for known, row in weighted_rows.items()},
        {known: sum(map(mul, row, rows[known])) for known, row in weighted_rows.items()},
    )


def _attributions(
    best: _Fit, observed: Sequence[PartDeviation],
) -> tuple[Attribution, Attribution] | None:
    """The two of a fit. The whole beside a part only where most of the part's siblings deviate too."""
    one, other = best.one, best.other
    if one is not None and other is not None:
        return _attribution(one, 1.0), _attribution(other, 1.0)
    part, own = (other, best.other_size) if one is None else (one, best.one_size)
    both = best.one_size + best.other_size
    if part is None or own < OWN_SHARE_MIN * both or not _siblings_deviate(part, observed):
        return None
    return _attribution(part, own / both), WHOLE


def _separable(one: Regressor, other: Regressor, whole: int, additive: bool) -> bool:
    """Whether two regressors can be separated at all.

    Two siblings that make up all of the traffic together look the same as one of them beside the whole. The only
    replica of a version looks the same as the version.
    """
    if one is None or other is None:
        return additive
    if {one.dimension, other.dimension} == {"replica", "version"} and same_requests(_shown(one), _shown(other)):
        return False
    return one.dimension != other.dimension or (additive and one.samples + other.samples < NEARLY_ALL * whole)


def _shown(part: PartDeviation) -> Shown:
    return part.deviation, float(part.samples)


def _candidates(observed: Sequence[PartDeviation], whole: int, share_max: float) -> list[Regressor]:
    parts = [part for part in observed if part.sustained and part.deviation > 0.0 and part.samples <= share_max * whole]
    parts.sort(key=lambda part: (-part.deviation * part.samples ** 0.5, part.dimension, part.value))
    return [None, *parts[:MAX_CANDIDATES]]


def _share_shown(regressor: Regressor, part: PartDeviation, whole: int) -> float:
    """The share of a regressor's deviation that the series of a part shows."""
    if regressor is None or regressor is part:
        return 1.0
    return 0.0 if regressor.dimension == part.dimension else regressor.samples / whole


def _siblings_deviate(part: PartDeviation, observed: Sequence[PartDeviation]) -> bool:
    """Whether the siblings that alarm sustainedly have most of the siblings' traffic."""
    siblings = [one for one in observed if one.dimension == part.dimension and one is not part]
    return 2 * sum(one.samples for one in siblings if one.sustained) > sum(one.samples for one in siblings)


def _attribution(part: PartDeviation, concentration: float) -> Attribution:
    return Attribution(part.dimension, part.value, concentration)
