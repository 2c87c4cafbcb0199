"""Histograms of observations: cumulative readings that can be subtracted, and the observations between two of them.

`Buckets` (explicit bounds) and `Exponential` (OpenTelemetry's base-2 buckets, reduced to the coarser of two scales) are
readings as they come, `Scalar` is a single number. The delta of two readings becomes `Observed`: counts by interval, in
our units. `Observed` can be added up over series, and gives the mean and quantiles.

A quantile is interpolated linearly within its bucket, so it is off by at most the bucket's width; the open bucket above
the last bound answers that bound, and the lowest one begins at 0 where its bound is positive, as Prometheus has it.
Sources: OpenTelemetry metrics data model (exponential histograms), Prometheus `histogram_quantile`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf, isnan, sqrt
from typing import Protocol, Self

import numpy as np

Numbers = list[float]
MIN_TAIL_COUNT = 2.0
"""A quantile needs as many observations beyond it: p50 needs 4 in all, p95 40, p99 200."""
_RANK_ERRORS = 1.645
"""Standard errors of a quantile's rank within which it lies, nine times in ten."""


class Reading(Protocol):
    """A cumulative value at an instant."""

    def minus(self, older: Self) -> Self | None:
        """The difference to `older`; None where there is none: after a reset, or with other buckets."""

    def decreased(self, older: Self) -> bool:
        """Whether a count is below that of `older`, which means that the source was reset."""

    def pack(self) -> Numbers:
        """The reading as plain numbers, for a snapshot."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """One number that only grows."""

    value: float

    def minus(self, older: Scalar) -> Scalar | None:
        """See `Reading`."""
        return None if self.value < older.value else Scalar(self.value - older.value)

    def decreased(self, older: Scalar) -> bool:
        """See `Reading`."""
        return self.value < older.value

    def pack(self) -> Numbers:
        """See `Reading`."""
        return [self.value]


@dataclass(frozen=True, slots=True)
class Buckets:
    """total: sum of the observations, NaN where the source gives none. counts: one more than bounds, not cumulated."""

    count: float
    total: float
    bounds: tuple[float, ...]
    counts: tuple[float, ...]

    def minus(self, older: Buckets) -> Buckets | None:
        """See `Reading`."""
        if self.bounds != older.bounds or self.decreased(older):
            return None
        counts = tuple([mine - theirs for mine, theirs in zip(self.counts, older.counts, strict=True)])
        return Buckets(self.count - older.count, self.total - older.total, self.bounds, counts)

    def decreased(self, older: Buckets) -> bool:
        """See `Reading`."""
        if self.count < older.count:
            return True
        return self.bounds == older.bounds and any(map(float.__lt__, self.counts, older.counts))

    def pack(self) -> Numbers:
        """See `Reading`."""
        return [self.count, self.total, float(len(self.bounds)), *self.bounds, *self.counts]

    def observed(self, factor: float) -> Observed:
        """The observations, in our units."""
        return Observed(self.count, self.total * factor, [(_scaled(self.bounds, factor), self.counts)])


@dataclass(frozen=True, slots=True)
class Exponential:
    """Bucket i holds observations above base**i and up to base**(i+1), where base is 2**2**-scale. What is not above 0
    counts in `zero`. counts: by ascending index, none of them 0."""

    count: float
    total: float
    scale: int
    zero: float
    counts: tuple[tuple[int, float], ...]

    def minus(self, older: Exponential) -> Exponential | None:
        """See `Reading`."""
        if self.scale > older.scale or self.decreased(older):
            return None
        left = dict(self.counts)
        for index, count in older.at_scale(self.scale).counts:
            left[index] = left.get(index, 0.0) - count
        counts = tuple((index, count) for index, count in left.items() if count)
        zero = self.zero - older.zero
        return Exponential(self.count - older.count, self.total - older.total, self.scale, zero, counts)

    def decreased(self, older: Exponential) -> bool:
        """See `Reading`."""
        if self.count < older.count or self.zero < older.zero:
            return True
        if self.scale > older.scale:
            return False
        mine = dict(self.counts)
        return any(mine.get(index, 0.0) < count for index, count in older.at_scale(self.scale).counts)

    def at_scale(self, scale: int) -> Exponential:
        """The same in coarser buckets."""
        if scale == self.scale:
            return self
        coarse: dict[int, float] = {}
        for index, count in self.counts:
            at = index >> (self.scale - scale)
            coarse[at] = coarse.get(at, 0.0) + count
        return Exponential(self.count, self.total, scale, self.zero, tuple(coarse.items()))

    def pack(self) -> Numbers:
        """See `Reading`."""
        flat = [number for index, count in self.counts for number in (float(index), count)]
        return [self.count, self.total, float(self.scale), self.zero, *flat]

    def observed(self, factor: float) -> Observed:
        """The observations, in our units."""
        bounds: list[float] = [0.0]
        counts = [self.zero]
        for index, count in sorted(self.counts):
            low, high = _edge(index, self.scale), _edge(index + 1, self.scale)
            if low > bounds[-1]:
                bounds.append(low)
                counts.append(0.0)
            bounds.append(high)
            counts.append(count)
        layout = tuple(bound * factor for bound in bounds)
        return Observed(self.count, self.total * factor, [(layout, (*counts, 0.0))])


def unpack(kind: type[Reading], numbers: Sequence[float]) -> Reading:
    """What `pack` gave; raises ValueError when it is too short for its kind."""
    if kind is Scalar and len(numbers) == 1:
        return Scalar(numbers[0])
    if kind is Buckets and len(numbers) >= 4 and len(numbers) == 4 + 2 * int(numbers[2]):
        width = int(numbers[2])
        return Buckets(numbers[0], numbers[1], tuple(numbers[3 : 3 + width]), tuple(numbers[3 + width :]))
    if kind is Exponential and len(numbers) >= 4 and len(numbers) % 2 == 0:
        pairs = tuple((int(index), count) for index, count in zip(numbers[4::2], numbers[5::2], strict=True))
        return Exponential(numbers[0], numbers[1], int(numbers[2]), numbers[3], pairs)
    raise ValueError(f"reading: {len(numbers)} numbers, expected as many as a {kind.__name__} has")


@dataclass(slots=True)
class Observed:
    """Observations within an interval, of one series or several. parts: (bounds, counts), one for each layout."""

    count: float
    total: float
    parts: list[tuple[tuple[float, ...], tuple[float, ...]]]

    def add(self, other: Observed) -> None:
        """Add the observations of another one."""
        self.count += other.count
        self.total += other.total
        for bounds, counts in other.parts:
            for place, (known, sums) in enumerate(self.parts):
                if known == bounds:
                    self.parts[place] = (known, tuple([a + b for a, b in zip(sums, counts, strict=True)]))
                    break
            else:
                self.parts.append((bounds, counts))

    @property
    def mean(self) -> float | None:
        """None without observations, or where a source gives no sums."""
        return None if self.count <= 0.0 or isnan(self.total) else self.total / self.count

    @property
    def variance(self) -> float:
        """Of the observations, as if they were spread evenly within their buckets."""
        number = total = squares = 0.0
        for bounds, counts in self.parts:
            if bounds:
                for (middle, within), count in zip(_moments(bounds), counts, strict=True):
                    if count > 0.0:
                        number += count
                        total += count * middle
                        squares += count * (middle * middle + within)
        return 0.0 if number <= 0.0 else max(squares / number - (total / number) ** 2, 0.0)

    def quantile(self, share: float) -> float | None:
        """None where there are too few observations."""
        if self.count * (1.0 - share) < MIN_TAIL_COUNT:
            return None
        if len(self.parts) == 1:
            return _quantile_of_layout(*self.parts[0], share)
        return _quantile_of_layouts(self.parts, share)


    def quantile_width(self, share: float) -> float:
        """The width of the interval that holds a quantile nine times in ten: from the lower edge of the bucket that
        holds its lowest plausible rank to the upper edge of that of the highest.
        """
        error = _RANK_ERRORS * sqrt(share * (1.0 - share) / self.count)
        low, high = max(share - error, 0.0), min(share + error, 1.0)
        edges = [(_edges(*part, low)[0], _edges(*part, high)[1]) for part in self.parts if part[0]]
        return max((upper for _, upper in edges), default=0.0) - min((lower for lower, _ in edges), default=0.0)


def _edges(bounds: tuple[float, ...], counts: tuple[float, ...], share: float) -> tuple[float, float]:
    """The edges of the bucket that holds a quantile; above the last bound, that bound twice."""
    wanted, seen, last = share * sum(counts), 0.0, 0
    for place, count in enumerate(counts):
        if count:
            last = place
            seen += count
            if seen >= wanted:
                break
    low = bounds[last - 1] if last else min(0.0, bounds[0])
    return low, bounds[min(last, len(bounds) - 1)]


def _quantile_of_layout(bounds: tuple[float, ...], counts: tuple[float, ...], share: float) -> float | None:
    """The quantile of one layout."""
    wanted = share * sum(counts)
    if wanted <= 0.0 or not bounds:
        return None
    seen = 0.0
    for place, count in enumerate(counts):
        if count and seen + count >= wanted:
            if place == len(bounds):
                return bounds[-1]
            low = bounds[place - 1] if place else min(0.0, bounds[0])
            return low + (bounds[place] - low) * (wanted - seen) / count
        seen += count
    return bounds[-1]


def _quantile_of_layouts(parts: list[tuple[tuple[float, ...], tuple[float, ...]]], share: float) -> float | None:
    """The quantile over layouts that differ: their distribution functions are added up at the edges of all."""
    edges = np.unique(np.concatenate([np.array([min(0.0, bounds[0]), *bounds]) for bounds, _ in parts if bounds]))
    below = np.zeros(len(edges))
    in_all = 0.0
    for bounds, counts in parts:
        if bounds:
            own = np.array([min(0.0, bounds[0]), *bounds])
            below += np.interp(edges, own, np.concatenate([[0.0], np.cumsum(counts[:-1])]))
            in_all += sum(counts)
    wanted = share * in_all
    if wanted <= 0.0:
        return None
    return float(np.interp(wanted, below, edges))


@lru_cache(maxsize=4096)
def _moments(bounds: tuple[float, ...]) -> tuple[tuple[float, float], ...]:
    """The middle of each bucket, and the variance within it; of the open one the last bound, and 0."""
    lower = (min(0.0, bounds[0]), *bounds[:-1])
    inner = [((low + high) / 2.0, (high - low) ** 2 / 12.0) for low, high in zip(lower, bounds, strict=True)]
    return (*inner, (bounds[-1], 0.0))


@lru_cache(maxsize=1024)
def _scaled(bounds: tuple[float, ...], factor: float) -> tuple[float, ...]:
    return tuple(bound * factor for bound in bounds)


@lru_cache(maxsize=4096)
def _edge(index: int, scale: int) -> float:
    try:
        return float(2.0 ** (index * 2.0**-scale))
    except OverflowError:
        return inf
