"""By how much the traffic of a service wanders from minute to minute, beyond the scatter of its counts.

Once a block of `BLOCK` buckets, its mean is compared with that of the buckets before. Fails: while a service is younger
than two minutes a variation of 5 % is assumed. Cost: 30 us a service and block.
"""

from __future__ import annotations

import numpy as np

from detectors.banks.table import Column, Table, TableComponent
from detectors.base import IntArray
from streams.presence.request_counts import RequestCounts
from streams.presence.share_test import VARIATION, dispersion

BLOCK = 16
BEFORE_MAX, BEFORE_MIN = 64, 24
"""Buckets before an instant from which the rate is known: so many at most, and only as far as needed for `ENOUGH`
requests, since traffic wanders."""
ENOUGH = 300.0
EXCESS_MAX = 9.0
"""A block counts for at most so many times the variation: an incident must not make it large."""
LEAST = 0.01**2
MEMORY, PRIOR = 50.0, 8.0
"""Blocks that are remembered, and that the assumed variation is worth."""


class Variation(TableComponent):
    """Squared coefficients of variation, by the row of a whole service's request rate."""

    def __init__(self) -> None:
        self._rows = Table({
            "square": Column(np.float64, VARIATION), "blocks": Column(np.float64, PRIOR),
            "learned": Column(np.float64, -1.0), "first": Column(np.float64, -1.0),
        }, 0)

    def of(self, row: int | None) -> float:
        """The squared coefficient of variation."""
        return VARIATION if row is None or row >= self._rows.capacity else float(self._rows["square"][row])

    def due(self, rows: IntArray, counts: RequestCounts, lag: int) -> IntArray:
        """Those of the rows that have not learned from the last whole block. lag: buckets that are not complete yet."""
        due: IntArray = rows[self._rows["learned"][rows] < _last_block(counts, lag)]
        return due

    def learn(self, row: int, parts: IntArray, counts: RequestCounts, lag: int) -> None:
        """Learn from the last whole block, once. parts: the rows whose counts add up to the traffic."""
        cells, block = self._rows, _last_block(counts, lag)
        if cells["first"][row] < 0.0:
            cells["first"][row] = float(counts.newest)
        if cells["learned"][row] >= block or cells["first"][row] >= block * BLOCK - BEFORE_MAX:
            return
        cells["learned"][row] = float(block)
        begin = block * BLOCK
        before = counts.between(parts, begin - enough(counts, parts, begin), begin)
        after = counts.between(parts, begin, begin + BLOCK)
        if len(before) < BEFORE_MIN or len(after) < BLOCK or before.sum() <= 0.0:
            return
        mean = float(before.mean())
        scatter = dispersion(before) * (1.0 / BLOCK + 1.0 / len(before)) / mean
        square = float(cells["square"][row])
        most = EXCESS_MAX * square
        excess = min(max((float(after.mean()) / mean - 1.0) ** 2 - scatter, -most), most)
        cells["blocks"][row] = number = min(float(cells["blocks"][row]) + 1.0, MEMORY)
        cells["square"][row] = max(square + (excess - square) / number, LEAST)


def _last_block(counts: RequestCounts, lag: int) -> int:
    return (counts.newest - lag) // BLOCK - 1


def enough(counts: RequestCounts, rows: IntArray, end: int) -> int:
    """How many buckets before one hold enough requests to know the rate."""
    recent = np.cumsum(counts.between(rows, end - BEFORE_MAX, end)[::-1])
    return int(np.clip(np.searchsorted(recent, ENOUGH) + 1, BEFORE_MIN, BEFORE_MAX))
