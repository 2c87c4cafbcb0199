"""The decoded form of a batch of records: samples in columns, each sample a member of a few scopes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.base import FloatArray, IntArray


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
    no denominator is known.
    """

    metric: str
    index: IntArray | None
    values: FloatArray
    trials: FloatArray | None = None


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
