"""The decoded form of a batch of records: samples in columns, each sample a member of a few scopes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.base import BoolArray, FloatArray, IntArray


class Labels(NamedTuple):
    """The labels of one sample; None where the producer gave none (an empty string counts as none)."""

    service: str
    model: str | None = None
    version: str | None = None
    replica: str | None = None
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One metric of a batch. index: (m,) ascending sample numbers, or None for every sample. values: (m,) finite.

    trials: (m,) for shares that the writer counted, the denominator of each value, NaN where it is unknown; None where
    no denominator is known. resolution: (m,) how far each value may be from what was measured, NaN where it is exact;
    None where all are. number, variance: (m,) of the observations that each value is the mean of, NaN where they are
    unknown; None where all are.
    """

    metric: str
    index: IntArray | None
    values: FloatArray
    trials: FloatArray | None = None
    resolution: FloatArray | None = None
    number: FloatArray | None = None
    variance: FloatArray | None = None

    def select(self, keep: IntArray | BoolArray | slice) -> Column:
        """The values at these places of the column."""
        index = None if self.index is None else self.index[keep]
        known = (self.trials, self.resolution, self.number, self.variance)
        return Column(self.metric, index, self.values[keep], *(None if each is None else each[keep] for each in known))


@dataclass(frozen=True, slots=True)
class Samples:
    """The good samples of one batch, in record order.

    ts_s: (n,) event time, seconds since the epoch. scope: (k, n) numbers in the `ScopeTable`, one line a marginal (the
    first is service and model), -1 where the sample has no such scope; valid until the table is swept. offset: (n,) of
    the Kafka record of each sample. columns: one a metric, by first appearance. span_s: (n,) the interval before its
    time over which the writer aggregated the values of each sample; None when samples are requests.
    """

    ts_s: FloatArray
    scope: IntArray
    offset: NDArray[np.int64]
    columns: tuple[Column, ...]
    span_s: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.ts_s)


def ragged_columns(
    shapes: list[tuple[str, ...]], shape: IntArray, values: FloatArray, keep: BoolArray,
) -> tuple[Column, ...]:
    """Columns of samples whose metric names differ. values: flat, sample by sample; each column comes out in order."""
    widths = np.array([len(names) for names in shapes])[shape]
    first = np.cumsum(widths) - widths
    number = np.cumsum(keep) - 1
    pieces: dict[str, list[tuple[IntArray, FloatArray]]] = {}
    order = np.argsort(shape, kind="stable")
    bounds = np.searchsorted(shape[order], np.arange(len(shapes) + 1))
    for at, names in enumerate(shapes):
        members = order[bounds[at] : bounds[at + 1]]
        members = members[keep[members]]
        if not len(members):
            continue
        for place, name in enumerate(names):
            pieces.setdefault(name, []).append((number[members], values[first[members] + place]))
    return tuple(_column(name, parts, int(number[-1]) + 1) for name, parts in pieces.items())


def _column(name: str, parts: list[tuple[IntArray, FloatArray]], samples: int) -> Column:
    index = np.concatenate([part[0] for part in parts])
    values = np.concatenate([part[1] for part in parts])
    if len(parts) > 1:
        order = np.argsort(index, kind="stable")
        index, values = index[order], values[order]
    return Column(name, None if len(index) == samples else index, values)
