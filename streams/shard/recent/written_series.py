"""Windows of rows as they are published: short numbers, unknown ones as None. Pure."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from classifiers.series_windows import SeriesWindows, short, shorts
from detectors.base import FloatArray, IntArray
from detectors.suite import Suite
from streams.shard.recent.recent_windows import Windows
from streams.windows.series import SeriesTable

MIN_LEVEL = 0.1
"""Below it, a level says too little of how far away level 1.0 is."""


class Writer:
    """Of the series of one shard."""

    def __init__(self, series: SeriesTable, suite: Suite) -> None:
        self._series = series
        self._suite = suite

    def written(self, rows: IntArray, windows: Windows, each_s: float | None = None) -> tuple[SeriesWindows, ...]:
        """The windows of these rows, in their order; a row without windows, or that is free now, is left out.

        each_s: of the windows in so many seconds only the one with the highest level.
        """
        rows = rows[self._series.metric_of[rows] >= 0]
        own = windows.select(np.isin(windows.rows, rows))
        if each_s is not None:
            own = own.select(_highest(own, each_s))
        own = own.select(np.argsort(own.rows, kind="stable"))
        if not len(own):
            return ()
        starts = np.flatnonzero(np.diff(own.rows, prepend=-1))
        present = own.rows[starts].astype(np.intp)
        low, high = self._bands(own, starts)
        columns = [own.end_s.tolist(), *(shorts(each) for each in (own.value, own.expected, low, high, own.level))]
        bounds = [*starts.tolist(), len(own)]
        gap_s = self._suite.score_absence(present, float(own.end_s.max())).expected_gap_s.tolist()
        warm = self._suite.is_warm(present).tolist()
        made = {}
        for at, (begin, end) in enumerate(pairwise(bounds)):
            metric, scope = self._series.key(int(present[at]))
            detector = int(own.detector[end - 1])
            made[int(present[at])] = SeriesWindows(
                metric, scope, Suite.names[detector] if detector >= 0 else None, warm[at], short(gap_s[at]),
                *(tuple(column[begin:end]) for column in columns),
            )
        return tuple(made[row] for row in rows.tolist() if row in made)

    def _bands(self, own: Windows, starts: IntArray) -> tuple[FloatArray, FloatArray]:
        """The band of each window. Where another detector judges the row, it is as wide as the row's levels say."""
        centre, spread = own.centre.astype(np.float64), own.spread.astype(np.float64)
        low, high = self._suite.band(own.rows.astype(np.intp), centre, spread)
        known = np.isfinite(low) | np.isfinite(high)
        for begin, end in pairwise([*starts.tolist(), len(own)]):
            if not known[begin:end].any():
                expected, level = own.expected[begin:end], own.level[begin:end]
                away = np.abs(own.value[begin:end] - expected)[level >= MIN_LEVEL] / level[level >= MIN_LEVEL]
                half = float(np.median(away)) if len(away) else np.nan
                low[begin:end], high[begin:end] = expected - half, expected + half
        return low, high


def _highest(windows: Windows, each_s: float) -> IntArray:
    """Where the highest level of each row is in each stretch of about `each_s`, in order."""
    if not len(windows):
        return np.empty(0, np.intp)
    from_s, span_s = windows.end_s[0], windows.end_s[-1] - windows.end_s[0]
    stretches = max(1, int(span_s // each_s))
    place = np.minimum((windows.end_s - from_s) / max(span_s, each_s) * stretches, stretches - 1).astype(np.intp)
    level = np.where(np.isfinite(windows.level), windows.level, -1.0)
    order = np.lexsort((-level, place, windows.rows))
    stretch = windows.rows[order].astype(np.int64) * (stretches + 1) + place[order]
    return np.sort(order[np.unique(stretch, return_index=True)[1]])
