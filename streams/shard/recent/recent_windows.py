"""The last windows of all series of a shard, as they were scored: from these, plots begin before an onset.

A block of windows is kept as it is, so to add one costs a few conversions whatever it holds. Not in the snapshot: after
a take-over it fills anew. Pure.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from detectors.base import Block, FloatArray, IntArray
from detectors.suite import SuiteScores

MAX_WINDOWS = 200_000
KEEP_S = 600.0
Single = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Windows:
    """(n,) each, ordered by time. value, expected: in the metric's unit. detector: see `SuiteScores`. centre, spread:
    the frame of robust location, in the scale of the row's profile. NaN where a number is unknown."""

    rows: NDArray[np.int32]
    end_s: FloatArray
    value: Single
    expected: Single
    level: Single
    detector: NDArray[np.int8]
    centre: Single
    spread: Single

    def __len__(self) -> int:
        return len(self.rows)

    def select(self, keep: NDArray[np.bool_] | IntArray) -> Windows:
        """The windows selected by a mask or an index array."""
        return Windows(
            self.rows[keep], self.end_s[keep], self.value[keep], self.expected[keep], self.level[keep],
            self.detector[keep], self.centre[keep], self.spread[keep],
        )

    @classmethod
    def joined(cls, parts: list[Windows]) -> Self:
        """All of them, in order."""
        return cls(*(
            np.concatenate([getattr(part, name) for part in parts]) if parts else np.empty(0, kind)
            for name, kind in _KINDS.items()
        ))


_KINDS = {
    "rows": np.int32, "end_s": np.float64, "value": np.float32, "expected": np.float32, "level": np.float32,
    "detector": np.int8, "centre": np.float32, "spread": np.float32,
}


class RecentWindows:
    """At most `max_windows` windows of the last `KEEP_S`; 37 bytes each."""

    def __init__(self, max_windows: int = MAX_WINDOWS) -> None:
        self._max_windows = max_windows
        self._kept: deque[tuple[float, Windows]] = deque()
        self._count = 0
        self._begins_s: dict[int, float] = {}

    def add(self, now_s: float, block: Block, scores: SuiteScores, frame: tuple[FloatArray, FloatArray]) -> None:
        """Windows that closed at an instant. frame: centre and spread of each."""
        single = np.float32
        with np.errstate(over="ignore"):  # what single precision does not hold is infinite, and then unknown
            windows = Windows(
                block.rows.astype(np.int32), block.end_s, block.value.astype(single), scores.expected.astype(single),
                scores.level.astype(single), scores.detector.astype(np.int8), frame[0].astype(single),
                frame[1].astype(single),
            )
        self._kept.append((now_s, windows))
        self._count += len(windows)
        while self._kept and (self._count > self._max_windows or self._kept[0][0] < now_s - KEEP_S):
            self._count -= len(self._kept.popleft()[1])

    def forget(self, rows: IntArray, now_s: float) -> None:
        """Rows that were evicted before this instant: what was before is not of the series that has them now."""
        for row in rows.tolist():
            self._begins_s[row] = now_s
        if len(self._begins_s) > self._max_windows:
            oldest_s = self._kept[0][0] if self._kept else now_s
            self._begins_s = {row: at_s for row, at_s in self._begins_s.items() if at_s > oldest_s}

    def after(self, at_s: float, rows: IntArray | None = None, limit: int = MAX_WINDOWS) -> Windows:
        """The windows of instants after `at_s`, of some rows or of all. limit: on the windows that are looked at; the
        newest instants count."""
        parts: list[Windows] = []
        looked_at = 0
        for now_s, windows in reversed(self._kept):
            looked_at += len(windows)
            if now_s <= at_s or (parts and looked_at > limit):
                break
            parts.append(windows if rows is None else windows.select(np.isin(windows.rows, rows)))
        found = Windows.joined(parts[::-1])
        if self._begins_s and len(found):
            begins = np.array([self._begins_s.get(row, -np.inf) for row in found.rows.tolist()])
            found = found.select(found.end_s >= begins)
        return found
