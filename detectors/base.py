"""The vocabulary of detection: blocks of windows go in, scores come out.

Detectors are *banks*: one object holds the state of many series in arrays, one row a series, so that a window of a
thousand series is one vectorised update and not a thousand Python calls. A row means the same series in every bank of a
shard; the owner of the rows (`streams/windows/windower.py`) hands them out and takes them back.

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
"""What of the samples of a window is its value."""
State = dict[str, NDArray[np.generic]]
"""A snapshot: plain arrays by name. It crosses the wire as raw bytes with dtype and shape; nothing in it is code."""


@dataclass(frozen=True, slots=True)
class Block:
    """Windows that closed at one instant of event time, at most one per series.

    rows: (n,) distinct row numbers. start_s, end_s: (n,) seconds since the epoch; a sparse series may span several base
    windows. value: (n,) the statistic under watch, in the metric's own unit. count: (n,) samples behind it, at least 1.
    std, minimum, maximum: (n,) of the samples; std is 0 for a single sample.
    """

    rows: IntArray
    start_s: FloatArray
    end_s: FloatArray
    value: FloatArray
    count: FloatArray
    std: FloatArray
    minimum: FloatArray
    maximum: FloatArray

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, keep: BoolArray | IntArray) -> Block:
        """The windows that a mask or an index array names."""
        return Block(
            self.rows[keep], self.start_s[keep], self.end_s[keep], self.value[keep], self.count[keep], self.std[keep],
            self.minimum[keep], self.maximum[keep],
        )

    def moved(self, rows: IntArray) -> Block:
        """The same windows as those of other rows."""
        return replace(self, rows=rows)


@dataclass(frozen=True, slots=True)
class Scores:
    """A detector's answer for each window of a block.

    level: (n,) calibrated; 1.0 is the operator's false-alarm budget, NaN while the detector cannot tell (warming up).
    raw: (n,) the detector's own statistic, NaN like level. direction: (n,) +1 above what was expected, -1 below, 0
    neither. expected: (n,) the value it expected, in the metric's unit, NaN where it expects none.
    """

    level: FloatArray
    raw: FloatArray
    direction: IntArray
    expected: FloatArray


class Detector(Protocol):
    """A bank of one family. The owner calls `score`, then `learn`, once per block, in event-time order; neither blocks.

    `score` never changes state. `learn` gets only the windows that may be learned from. On a crash the bank is rebuilt
    from its last snapshot; on a duplicate the owner skips the record, so a bank needs no deduplication of its own.
    """

    def grow(self, capacity: int) -> None:
        """Make room for rows below `capacity`; new rows start cold."""

    def score(self, block: Block) -> Scores:
        """Judge each window against what the row has learned."""

    def learn(self, block: Block) -> None:
        """Take each window into what the row knows."""

    def forget(self, rows: IntArray) -> None:
        """Return rows to the cold state; they may be handed to other series."""

    def snapshot(self, rows: IntArray) -> State:
        """The state of these rows, first axis aligned with `rows`; safe to keep while the bank goes on learning."""

    def restore(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Put a snapshot back; raises `ValueError` when names, types or shapes are not this bank's."""
