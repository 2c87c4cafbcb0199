"""How many series of a shard warm up, are ready, or are silent. Pure; for metrics only, nothing is decided by it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.base import BoolArray, FloatArray, IntArray
from detectors.suite import Suite
from streams.shard.rows import Rows


@dataclass(frozen=True, slots=True)
class SeriesCounts:
    """warming: the learned detectors do not score the series yet. silent: no window for longer than its usual gaps
    allow, by the same measure as the absence alarm. ready: all others."""

    warming: int
    ready: int
    silent: int

    @property
    def total(self) -> int:
        """All series."""
        return self.warming + self.ready + self.silent


def counts_of(warm: BoolArray, absence_level: FloatArray) -> SeriesCounts:
    """The counts from (n,) whether each row is warm and (n,) its absence level, NaN where absence is not checked.

    A silent series counts as silent, warm or not. A level of 1.0 and more is silent.
    """
    silent = absence_level >= 1.0
    return SeriesCounts(
        warming=int(np.count_nonzero(~warm & ~silent)),
        ready=int(np.count_nonzero(warm & ~silent)),
        silent=int(np.count_nonzero(silent)),
    )


def count_series(active: IntArray, rows: Rows, suite: Suite, now_s: float) -> SeriesCounts:
    """The counts of the active rows at `now_s`, the event time up to which all windows are closed.

    A row whose first window is still carried on is not known to the suite yet; it warms up. About 0.1 us a series.
    """
    known = active[rows.is_admitted(active)]
    level = np.full(len(known), np.nan)
    checked = rows.absence_checked[known]
    level[checked] = suite.score_absence(known[checked], now_s).level
    counts = counts_of(suite.is_warm(known), level)
    return SeriesCounts(counts.warming + len(active) - len(known), counts.ready, counts.silent)
