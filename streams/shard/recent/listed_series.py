"""All series of each service with their newest window, so that a viewer finds one that is not drawn. Pure."""

from __future__ import annotations

import numpy as np

from classifiers.series_windows import ListedSeries, part_text, shorts
from detectors.base import IntArray
from streams.shard.recent.recent_windows import Windows
from streams.shard.rows import Rows
from streams.windows.series import SeriesTable

LISTED_EVERY_S = 60.0
MAX_LISTED = 1_000
"""Series of one service, those with the highest levels."""
Name = tuple[str, str | None]
"""Service and model."""


class Lister:
    """Of the series of one shard."""

    def __init__(self, series: SeriesTable, rows: Rows) -> None:
        self._series = series
        self._rows = rows

    def listed(self, windows: Windows) -> dict[Name, tuple[ListedSeries, ...]]:
        """The series with windows here, by service. About 5 us a series of a window a second."""
        newest = _newest(windows)
        newest = newest.select(self._series.metric_of[newest.rows] >= 0)
        services = self._rows.service_of[newest.rows]
        level = np.where(np.isfinite(newest.level), newest.level, -1.0)
        found: dict[Name, tuple[ListedSeries, ...]] = {}
        for number in np.unique(services[services >= 0]).tolist():
            at = np.flatnonzero(services == number)
            at = at[np.argsort(-level[at], kind="stable")][:MAX_LISTED]
            found[self._rows.services[number]] = self._by_metric(newest.select(at))
        return found

    def _by_metric(self, own: Windows) -> tuple[ListedSeries, ...]:
        metrics: dict[str, list[tuple[str, float | None, float | None]]] = {}
        for row, value, level in zip(own.rows.tolist(), shorts(own.value), shorts(own.level), strict=True):
            metric, scope = self._series.key(row)
            metrics.setdefault(metric, []).append((part_text(scope), value, level))
        return tuple(ListedSeries(metric, *zip(*rows, strict=True)) for metric, rows in metrics.items())


def _newest(windows: Windows) -> Windows:
    """The last window of each row."""
    reverse: IntArray = np.arange(len(windows) - 1, -1, -1)
    _, first = np.unique(windows.rows[reverse], return_index=True)
    return windows.select(reverse[first])
