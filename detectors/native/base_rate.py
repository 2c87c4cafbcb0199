"""The base rate of a row's trials: how many are hits when all is well, and what a hit and a miss then say.

The rate is a mean over `memory_s`, at least over `least_trials`, with Jeffreys' prior. A young row remembers half its
age, so that what it showed first fades soonest. The dispersion is the mean squared residual of windows over the
binomial variance: above 1 where hits come in bunches, near 1 until the row has shown more.

For several alternatives, shares from just above the base rate to nearly 1, it gives what a hit and a miss add to the
log-likelihood ratio, divided by the dispersion; for hits, and for misses, whose base rate is the rest to 1. These terms
are computed again every few windows, counted per row.

Sources: McCullagh and Nelder 1989, chapter 4.5 (dispersion).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.banks.table import Column, Table, TableComponent
from detectors.base import BoolArray, FloatArray, IntArray

ALTERNATIVES = 4
_REACH = 0.7
"""The farthest alternative lies by so much of the way from the base rate to 1."""
_CAUTION = 1.0
"""Standard errors of the base rate by which the alternatives begin above it."""
_PRIOR_HITS = 0.5
_LEAST_MISSES = 1e-9
_FARTHEST = 25.0
"""A squared residual counts for at most so many times its expected value."""
_LEAST_DISPERSION = 0.05
_YOUNG = 0.5
_REFRESH = 8
"""Windows learned between two computations of the terms; in the first ones, one."""


@dataclass(frozen=True, slots=True)
class BaseRateParams:
    """least_shift: from the base rate to the nearest alternative; about twice the smallest deviation that matters.

    least_rate: the lowest base rate, so that one hit after a long time without any says little. memory_s, least_trials:
    time over which the rate is a mean, or longer, for so many trials. prior_variance: expected squared residuals that
    the assumption of independent hits is worth.
    """

    least_shift: float = 0.01
    least_rate: float = 5e-4
    memory_s: float = 3600.0
    least_trials: float = 2000.0
    prior_variance: float = 10.0


class BaseRate(TableComponent):
    """The rates of a bank's rows; see the module."""

    def __init__(self, params: BaseRateParams, capacity: int) -> None:
        self._params = params
        self._rows = Table(
            {
                "hits": Column(np.float64, 0.0),
                "trials": Column(np.float64, 0.0),
                "squares": Column(np.float64, 0.0),
                "variance": Column(np.float64, 0.0),
                "age_s": Column(np.float64, 0.0),
                "learned": Column(np.int64, 0),
                "hit": Column(np.float64, 0.0, (2, ALTERNATIVES)),
                "miss": Column(np.float64, 0.0, (2, ALTERNATIVES)),
            },
            capacity,
        )

    def learned(self, rows: IntArray) -> IntArray:
        """(n,) windows learned."""
        learned: IntArray = self._rows["learned"][rows]
        return learned

    def terms(self, rows: IntArray) -> tuple[FloatArray, FloatArray]:
        """(n, 2, alternatives) each: what a hit and a miss add to the log-likelihood ratio; 0 in cold rows."""
        return self._rows.take("hit", rows), self._rows.take("miss", rows)

    def mean(self, rows: IntArray) -> FloatArray:
        """(n,) the base rate."""
        cells = self._rows
        mean: FloatArray = (cells["hits"][rows] + _PRIOR_HITS) / (cells["trials"][rows] + 2.0 * _PRIOR_HITS)
        return mean

    def squares(self, rows: IntArray, hits: FloatArray, trials: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(n,), (n,): the squared residual of each window's hits, and its expected value for independent hits."""
        mean = self.mean(rows)
        variance = trials * mean * (1.0 - mean)
        usual = np.maximum(self._dispersion(rows), 1.0) * variance
        return np.minimum((hits - trials * mean) ** 2, _FARTHEST * np.maximum(usual, 1.0)), variance

    def _dispersion(self, rows: IntArray) -> FloatArray:
        """(n,) the mean squared residual over the binomial variance."""
        prior, cells = self._params.prior_variance, self._rows
        dispersion: FloatArray = (cells["squares"][rows] + prior) / (cells["variance"][rows] + prior)
        return dispersion

    def add_square(self, rows: IntArray, square: FloatArray) -> None:
        """Count a squared residual, of windows that are not learned from, in the dispersion of distinct rows."""
        self._rows["squares"][rows] += square

    def learn(self, rows: IntArray, hits: FloatArray, trials: FloatArray, gap_s: FloatArray) -> None:
        """Learn windows of distinct rows that may be learned from. gap_s: (n,) usual time between their windows."""
        params, cells = self._params, self._rows
        square, variance = self.squares(rows, hits, trials)
        known = cells["trials"][rows]
        age_s = cells["age_s"][rows] + gap_s
        kept = np.exp(-gap_s / np.minimum(params.memory_s, _YOUNG * age_s))
        # A sparse row remembers for longer, so that its base rate does not rest on a handful of trials.
        sparse = np.minimum(params.least_trials / np.maximum(known, 1.0), 1.0)
        kept = np.where(age_s > params.memory_s, np.maximum(kept, sparse), kept)
        counts = known >= 1.0
        cells["squares"][rows] = kept * cells["squares"][rows] + np.where(counts, square, 0.0)
        cells["variance"][rows] = kept * cells["variance"][rows] + np.where(counts, variance, 0.0)
        cells["hits"][rows] = kept * cells["hits"][rows] + hits
        cells["trials"][rows] = kept * known + trials
        cells["age_s"][rows] = age_s
        learned = cells["learned"][rows] + 1
        cells["learned"][rows] = learned
        due: BoolArray = (learned % _REFRESH == 0) | (learned < 2 * _REFRESH)
        if due.any():
            self._refresh(rows[due])

    def _refresh(self, rows: IntArray) -> None:
        params, cells = self._params, self._rows
        mean, dispersion = self.mean(rows), np.maximum(self._dispersion(rows), _LEAST_DISPERSION)
        error = np.sqrt(mean * (1.0 - mean) * np.maximum(dispersion, 1.0) / (cells["trials"][rows] + 1.0))
        means = np.stack([mean, 1.0 - mean], axis=1)
        base = np.clip(means + _CAUTION * error[:, None], params.least_rate, 1.0 - _LEAST_MISSES)
        shares = _alternatives(base, params.least_shift)
        cells["hit"][rows] = np.log(shares / base[:, :, None]) / dispersion[:, None, None]
        cells["miss"][rows] = np.log((1.0 - shares) / (1.0 - base[:, :, None])) / dispersion[:, None, None]


def _alternatives(base: FloatArray, least_shift: float) -> FloatArray:
    """(n, 2, alternatives): shares above the base rate, at equal distances in log-odds."""
    farthest = base + _REACH * (1.0 - base)
    nearest = np.minimum(base + least_shift, farthest)
    low, high = (np.log(share / (1.0 - share)) for share in (nearest, farthest))
    steps = np.linspace(0.0, 1.0, ALTERNATIVES)
    odds = np.exp(low[:, :, None] + (high - low)[:, :, None] * steps)
    shares: FloatArray = odds / (1.0 + odds)
    return shares
