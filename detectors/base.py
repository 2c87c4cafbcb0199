"""The interface of detection: blocks of windows go in, scores come out.

Detectors are *banks*. A bank holds the state of many series in arrays, one row per series, so that the windows of a
thousand series are one vectorised update and not a thousand Python calls. A row number means the same series in every
bank of a shard. The shard's series table assigns the row numbers and frees them.

Unknown is NaN in arrays and ``None`` in records, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
BoolArray = NDArray[np.bool_]
Statistic = Literal["mean", "max", "min", "sum", "count", "p50", "p95", "p99"]
"""The statistic of a window's samples that is monitored: the window's value."""
State = dict[str, NDArray[np.generic]]
"""A snapshot: plain arrays by name. It crosses the wire as raw bytes with dtype and shape; nothing in it is code."""


@dataclass(frozen=True, slots=True)
class Block:
    """Windows that closed at one instant of event time, at most one per series.

    rows: (n,) distinct row numbers. start_s, end_s: (n,) seconds since the epoch; the window of a sparse series may
    span several base windows. value: (n,) the monitored statistic, in the metric's own unit. count: (n,) number of
    samples, at least 1. std, minimum, maximum: (n,) of the samples; std is 0 for a single sample. trials: (n,) the
    number of trials that the value is a share of, NaN where it is no share or the number is unknown; None for NaN in
    every row. resolution: (n,) how far the value may be from what was measured, for instance the width of a bucket, NaN
    where it is exact; None for NaN in every row.
    """

    rows: IntArray
    start_s: FloatArray
    end_s: FloatArray
    value: FloatArray
    count: FloatArray
    std: FloatArray
    minimum: FloatArray
    maximum: FloatArray
    trials: FloatArray | None = None
    resolution: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def select(self, keep: BoolArray | IntArray) -> Block:
        """The windows selected by a boolean mask or an index array."""
        return Block(
            self.rows[keep], self.start_s[keep], self.end_s[keep], self.value[keep], self.count[keep], self.std[keep],
            self.minimum[keep], self.maximum[keep], None if self.trials is None else self.trials[keep],
            None if self.resolution is None else self.resolution[keep],
        )

    def are_shares(self) -> BoolArray:
        """(n,) whether each value is a share of a known number of trials."""
        return np.zeros(len(self), np.bool_) if self.trials is None else np.isfinite(self.trials)

    def with_rows(self, rows: IntArray) -> Block:
        """The same windows under other row numbers."""
        return replace(self, rows=rows)


@dataclass(frozen=True, slots=True)
class Scores:
    """A detector's answer for each window of a block.

    level: (n,) calibrated; 1.0 is the operator's false-alarm budget, NaN while the row is warming up. raw: (n,) the
    detector's own statistic, NaN where level is NaN. direction: (n,) +1 above the expected value, -1 below, 0 neither.
    expected: (n,) the expected value, in the metric's unit, NaN where the detector has none.
    """

    level: FloatArray
    raw: FloatArray
    direction: IntArray
    expected: FloatArray


class Detector(Protocol):
    """A bank of one detector family.

    For each block, in event-time order, the owner calls `score`, then `observe` with every window, then `learn` with
    the windows that may be learned from. None of them blocks. `score` never changes state. After a crash the bank is
    rebuilt from its last snapshot. The owner skips duplicate records, so a bank needs no deduplication of its own.
    """

    def grow(self, capacity: int) -> None:
        """Make room for rows below `capacity`; new rows start cold."""

    def score(self, block: Block) -> Scores:
        """Score each window against the state of its row."""

    def observe(self, block: Block) -> None:
        """Record every window as evidence, also those that must not be learned from."""

    def learn(self, block: Block) -> None:
        """Learn from observed windows that may be learned from."""

    def forget(self, rows: IntArray) -> None:
        """Return rows to the cold state; they may then be assigned to other series."""

    def snapshot(self, rows: IntArray) -> State:
        """A copy of the state of these rows, first axis aligned with `rows`; later learning does not change it."""

    def restore(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Restore a snapshot; raises `ValueError` when names, types or shapes are not this bank's."""
