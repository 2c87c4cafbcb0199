"""Sums of an open window by scope, and how partial sums become one.

Every sum is taken in record order, one addition after the other (`numpy.ufunc.at`), so that cutting the same records
into other batches gives the same bits. Squares are summed around the first value of each scope, so that a large offset
does not drown a small spread.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detectors.base import BoolArray, FloatArray, IntArray

ROWS = 9
COUNT, SHIFT, SUM, SQUARES, LOW, HIGH, TRIALS, HITS, RESOLUTION = range(ROWS)


class Sums:
    """By scope, of one metric: count, first value, sum and squares around it, lowest, highest. Grows as needed.

    Of shares with a denominator also the sums of denominators (trials) and of numerators (hits). A share whose
    denominator is unknown adds nothing to them. The resolution is the widest of the values', 0 where all are exact.
    """

    def __init__(self, size: int = 0) -> None:
        self.table = np.zeros((ROWS, size))
        self.table[LOW], self.table[HIGH] = np.inf, -np.inf

    def add(
        self, scopes: IntArray, values: FloatArray, counts: FloatArray, trials: FloatArray | None = None,
        resolution: FloatArray | None = None, number: FloatArray | None = None, variance: FloatArray | None = None,
    ) -> None:
        """Add values. scopes, values: (n,), in record order within a scope. counts: how often each scope occurs.
        trials: (n,) the denominators of shares. resolution: (n,) of the values. number, variance: (n,) of the
        observations that each value is the mean of; it counts as so many.
        """
        if self.table.shape[1] < len(counts):
            self._grow(len(counts))
        count, shift, total, squares, low, high, known, hits, widest = self.table
        fresh = count[scopes] == 0
        if fresh.any():
            # Backwards: of several assignments to one place the last one stays, which then is the first value.
            shift[scopes[fresh][::-1]] = values[fresh][::-1]
        apart = values - shift[scopes]
        if number is None:
            count[: len(counts)] += counts
            np.add.at(total, scopes, apart)
            np.add.at(squares, scopes, apart * apart)
        else:
            self._add_means(scopes, apart, number, variance)
        np.minimum.at(low, scopes, values)
        np.maximum.at(high, scopes, values)
        if trials is not None:
            weights = np.where(np.isnan(trials), 0.0, trials)
            np.add.at(known, scopes, weights)
            np.add.at(hits, scopes, weights * values)
        if resolution is not None:
            np.fmax.at(widest, scopes, resolution)

    def _add_means(
        self, scopes: IntArray, apart: FloatArray, number: FloatArray, variance: FloatArray | None,
    ) -> None:
        """Add means of several observations each. apart: (n,) from the first value of the scope."""
        weights = np.where(number > 1.0, number, 1.0)  # also where it is unknown
        np.add.at(self.table[COUNT], scopes, weights)
        np.add.at(self.table[SUM], scopes, weights * apart)
        within = 0.0 if variance is None else np.where(np.isnan(variance), 0.0, variance) * (weights - 1.0)
        np.add.at(self.table[SQUARES], scopes, weights * apart * apart + within)

    def _grow(self, size: int) -> None:
        grown = Sums(size).table
        grown[:, : self.table.shape[1]] = self.table
        self.table = grown


class Members:
    """The scopes of a run of samples, marginal by marginal, each in record order."""

    def __init__(self, scope: IntArray, size: int) -> None:
        self._marginals = len(scope)
        flat = scope.reshape(-1)
        held = flat >= 0
        self._held = None if held.all() else held
        self.scopes: IntArray = flat if self._held is None else flat[held]
        self.counts: FloatArray = np.bincount(self.scopes, minlength=size).astype(np.float64)

    def spread(self, values: FloatArray) -> FloatArray:
        """A value per sample, repeated for each of its scopes."""
        tiled = np.tile(values, self._marginals)
        return tiled if self._held is None else tiled[self._held]


@dataclass(slots=True)
class SourceWindow:
    """What one source has put into one base window.

    requests: (2, scopes) number of records and the event time of the last one. metrics: by metric number. samples: for
    metrics whose statistic is a quantile, the values themselves with their scopes (marginals, n), batch by batch.
    counted: the source's records are requests, whose rate is a series. since_s: (scopes,) event time at which the
    oldest aggregation behind the values began; None for requests.
    """

    requests: FloatArray = field(default_factory=lambda: np.zeros((2, 0)))
    metrics: dict[int, Sums] = field(default_factory=dict)
    samples: dict[int, list[tuple[IntArray, FloatArray]]] = field(default_factory=dict)
    first_offset: int = np.iinfo(np.int64).max
    last_offset: int = -1
    counted: bool = False
    since_s: FloatArray | None = None

    def add_records(self, scopes: IntArray, ts_s: FloatArray, counts: FloatArray) -> None:
        """Add records. scopes, ts_s: (n,). counts: as in `Sums.add`."""
        if self.requests.shape[1] < len(counts):
            grown = np.zeros((2, len(counts)))
            grown[1] = -np.inf
            grown[:, : self.requests.shape[1]] = self.requests
            self.requests = grown
        self.requests[0, : len(counts)] += counts
        np.maximum.at(self.requests[1], scopes, ts_s)

    def extend_back(self, scopes: IntArray, since_s: FloatArray, size: int) -> None:
        """Note how far back the values reach. scopes, since_s: (n,). size: room for all scopes."""
        known = np.empty(0) if self.since_s is None else self.since_s
        if len(known) < size:
            known = np.concatenate([known, np.full(size - len(known), np.inf)])
        np.minimum.at(known, scopes, since_s)
        self.since_s = known

    def add_offsets(self, offset: NDArray[np.int64]) -> None:
        """Widen the range of offsets behind this window."""
        self.first_offset = min(self.first_offset, int(offset.min()))
        self.last_offset = max(self.last_offset, int(offset.max()))


@dataclass(frozen=True, slots=True)
class PartialWindows:
    """Partial windows by row, (n,) each.

    first: number of the base window in which one began. m2: sum of squares around the mean. trials, hits,
    resolution: as in `Sums`.
    """

    rows: IntArray
    first: IntArray
    count: FloatArray
    mean: FloatArray
    m2: FloatArray
    total: FloatArray
    low: FloatArray
    high: FloatArray
    trials: FloatArray
    hits: FloatArray
    resolution: FloatArray

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, keep: BoolArray) -> PartialWindows:
        """Those that a mask selects."""
        return PartialWindows(*(getattr(self, name)[keep] for name in PartialWindows.__slots__))

    @staticmethod
    def empty() -> PartialWindows:
        """None."""
        return PartialWindows(np.empty(0, np.intp), np.empty(0, np.intp), *(np.empty(0) for _ in range(9)))


def partial_windows(sums: Sums, rows: IntArray, scopes: IntArray, window: int) -> PartialWindows:
    """The sums of these scopes as partial windows of these rows; rows below 0 are left out."""
    held = rows >= 0
    rows, scopes = rows[held], scopes[held]
    count, shift, total, squares, low, high, trials, hits, resolution = sums.table[:, scopes]
    m2 = np.maximum(squares - total * total / count, 0.0)
    return PartialWindows(
        rows, np.full(len(rows), window), count, shift + total / count, m2, shift * count + total, low, high,
        trials, hits, resolution,
    )


def merge(parts: list[PartialWindows]) -> PartialWindows:
    """One partial window per row, rows ascending. Those of a row are added in the given order: it decides the bits."""
    rows = np.concatenate([part.rows for part in parts])
    first = np.concatenate([part.first for part in parts])
    count, mean, m2, total, low, high, trials, hits, resolution = (
        _joined(parts, name) for name in PartialWindows.__slots__[2:]
    )
    distinct, at, inverse = np.unique(rows, return_index=True, return_inverse=True)
    if len(distinct) == len(rows):
        return PartialWindows(
            distinct, first[at], count[at], mean[at], m2[at], total[at], low[at], high[at], trials[at], hits[at],
            resolution[at],
        )
    size = len(distinct)
    counts = _summed(inverse, count, size)
    reference = mean[at]
    apart = mean - reference[inverse]
    shift = _summed(inverse, count * apart, size) / counts
    spread = m2 + count * (apart - shift[inverse]) ** 2
    earliest, lowest, highest = first[at], np.full(size, np.inf), np.full(size, -np.inf)
    np.minimum.at(earliest, inverse, first)
    np.minimum.at(lowest, inverse, low)
    np.maximum.at(highest, inverse, high)
    widest = np.zeros(size)
    np.maximum.at(widest, inverse, resolution)
    return PartialWindows(
        distinct, earliest, counts, reference + shift, _summed(inverse, spread, size),
        _summed(inverse, total, size), lowest, highest, _summed(inverse, trials, size), _summed(inverse, hits, size),
        widest,
    )


def _joined(parts: list[PartialWindows], name: str) -> FloatArray:
    return np.concatenate([getattr(part, name) for part in parts])


def _summed(at: IntArray, values: FloatArray, size: int) -> FloatArray:
    sums = np.zeros(size)
    np.add.at(sums, at, values)
    return sums


def quantiles(rows: IntArray, values: FloatArray, wanted: IntArray, share: FloatArray) -> FloatArray:
    """(len(wanted),) the share-quantile of each wanted row's values, linear between neighbours; NaN without values."""
    order = np.lexsort((values, rows))
    rows, values = rows[order], values[order]
    start, stop = np.searchsorted(rows, wanted), np.searchsorted(rows, wanted, side="right")
    found = stop > start
    # Within the row, not in the whole array: rounding must not depend on where the row happens to lie.
    place = (share * np.maximum(stop - start - 1, 0))[found]
    low = np.floor(place).astype(np.intp)
    first, last = start[found], stop[found] - 1
    below, above = values[first + low], values[np.minimum(first + low + 1, last)]
    answer = np.full(len(wanted), np.nan)
    answer[found] = below + (above - below) * (place - low)
    return answer
