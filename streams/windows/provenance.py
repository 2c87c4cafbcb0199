"""Which records are behind a window: topic, partition, offsets. They are the evidence of an incident.

Kept for as many base windows as the longest window may span, since a sparse series carries its samples on. A range is
that of the partition within a base window: it holds every record of the series, and those of other series.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from classifiers.model import OffsetRange
from streams.windows.windower import Closed, Origin

Finder = Callable[[str, float, float], tuple[OffsetRange, ...]]


class Provenance:
    """The last base windows of one shard and the records behind them.

    size_s: of the base window. windows: how many a series may span. partition: the number that the shard has in every
    topic, None when the records came from no broker.
    """

    def __init__(self, size_s: float, windows: int, partition: int | None) -> None:
        self._size_s = size_s
        self._partition = partition
        self._past: deque[tuple[float, tuple[Origin, ...]]] = deque(maxlen=windows)
        self._found: dict[tuple[str, float, float], tuple[OffsetRange, ...]] = {}

    def add(self, closed: Closed) -> None:
        """Remember which records are behind a base window."""
        self._past.append((closed.end_s, closed.origins))
        self._found.clear()

    def of(self, metric: str, start_s: float, end_s: float) -> tuple[OffsetRange, ...]:
        """The records of each topic that gave this metric within a window, by topic; empty where none is remembered.

        About 0.2 us a call for the second and later series of a metric.
        """
        asked = (metric, start_s, end_s)
        found = self._found.get(asked)
        if found is None:
            found = self._found[asked] = self._find(*asked)
        return found

    def _find(self, metric: str, start_s: float, end_s: float) -> tuple[OffsetRange, ...]:
        bounds: dict[str, tuple[int, int]] = {}
        slack_s = self._size_s / 2
        for closed_s, origins in self._past:
            if not start_s + slack_s < closed_s < end_s + slack_s:
                continue
            for origin in origins:
                if metric in origin.metrics:
                    first, last = bounds.get(origin.source, (origin.first_offset, origin.last_offset))
                    bounds[origin.source] = min(first, origin.first_offset), max(last, origin.last_offset)
        return tuple(
            OffsetRange(topic, self._partition, first, last + 1) for topic, (first, last) in sorted(bounds.items())
        )

    def snapshot(self) -> list[Any]:
        """The remembered windows as JSON values."""
        return [
            [end_s, [[o.source, o.first_offset, o.last_offset, sorted(o.metrics)] for o in origins]]
            for end_s, origins in self._past
        ]

    def restore(self, data: list[Any]) -> None:
        """Go on from a snapshot; raises `ValueError` or `TypeError` when it is not one."""
        self._past.clear()
        self._found.clear()
        for end_s, origins in data:
            restored = tuple(Origin(str(source), int(first), int(last), frozenset(metrics))
                         for source, first, last, metrics in origins)
            self._past.append((float(end_s), restored))
