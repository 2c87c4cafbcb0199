"""By how much the traffic of a service wanders from minute to minute, beyond the scatter of its counts.

Every `BLOCK` buckets, the means of the last 16, 48 and 96 are compared with those of as many buckets before: bursts
that last half a minute matter less the longer one looks. Fails: while a service is younger than two minutes a variation
of 5 % is assumed. Cost: 90 us a service and block.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from detectors.banks.table import Column, Table, TableComponent
from detectors.base import IntArray
from streams.presence.request_counts import RequestCounts
from streams.presence.share_test import VARIATION, dispersion

BLOCK = 16
SPANS = (16, 48, 96)
"""Buckets over which the variation is known; between them it is interpolated."""
BEFORE_MAX, BEFORE_MIN = 96, 24
"""Buckets before an instant from which the rate is known."""
ENOUGH, ENOUGH_MAX = 300.0, 64
"""So many requests before an instant are enough, and so many buckets, unless more are asked for."""
SQUARE_MAX = 9.0
"""The squared deviation of a block counts for at most so many times what variation and scatter explain: an incident
must not make the variation large. There is no bound below: a chi square is skewed, and bounds on both sides would
pull the estimate down to nothing where traffic is thin."""
LEAST = 0.01**2
MEMORY, PRIOR = 50.0, 8.0
"""Spans that are remembered, and that the assumed variation is worth."""


class Variation(TableComponent):
    """Squared coefficients of variation, by the row of a whole service's request rate."""

    def __init__(self) -> None:
        shape = (len(SPANS),)
        self._rows = Table({
            "square": Column(np.float64, VARIATION, shape), "spans": Column(np.float64, PRIOR, shape),
            "learned": Column(np.float64, -1.0), "first": Column(np.float64, -1.0),
        }, 0)

    def of(self, row: int | None, buckets: int) -> float:
        """The squared coefficient of variation of the mean of so many buckets."""
        if row is None or row >= self._rows.capacity:
            return VARIATION
        return float(np.exp(np.interp(np.log(max(buckets, 1)), np.log(SPANS), np.log(self._rows["square"][row]))))

    def due(self, rows: IntArray, counts: RequestCounts, lag: int) -> IntArray:
        """Those of the rows that have not learned from the last whole block. lag: buckets that are not complete yet."""
        due: IntArray = rows[self._rows["learned"][rows] < _last_block(counts, lag)]
        return due

    def learn(self, row: int, parts: IntArray, counts: RequestCounts, lag: int) -> None:
        """Learn up to the last whole block, once. parts: the rows whose counts add up to the traffic."""
        cells, block = self._rows, _last_block(counts, lag)
        if cells["first"][row] < 0.0:
            cells["first"][row] = float(counts.newest)
        if cells["learned"][row] >= block:
            return
        cells["learned"][row] = float(block)
        end = (block + 1) * BLOCK
        for at, span in enumerate(SPANS):
            begin = end - span
            if cells["first"][row] < begin - max(span, ENOUGH_MAX):
                self._learn_span(row, at, parts, counts, begin)

    def _learn_span(self, row: int, at: int, parts: IntArray, counts: RequestCounts, begin: int) -> None:
        cells, span = self._rows, SPANS[at]
        before = counts.between(parts, begin - enough(counts, parts, begin, span), begin)
        after = counts.between(parts, begin, begin + span)
        if len(before) < BEFORE_MIN or len(after) < span or before.sum() <= 0.0:
            return
        mean = float(before.mean())
        scatter = dispersion(before) * (1.0 / span + 1.0 / len(before)) / mean
        square = float(cells["square"][row, at])
        excess = min((float(after.mean()) / mean - 1.0) ** 2, SQUARE_MAX * (square + scatter)) - scatter
        fresh = BLOCK / span
        cells["spans"][row, at] = number = min(float(cells["spans"][row, at]) + fresh, MEMORY)
        cells["square"][row, at] = max(square + fresh * (excess - square) / number, LEAST)

    @override
    def restore(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Restore a snapshot; raises `ValueError`, and changes nothing, when it is not one. What version 16 of the
        snapshots holds, a variation of blocks alone, was too low: it is learned anew.
        """
        if set(state) == {"square", "blocks", "learned", "first"}:
            self.forget(rows)
            return
        super().restore(rows, state)


def _last_block(counts: RequestCounts, lag: int) -> int:
    return (counts.newest - lag) // BLOCK - 1


def enough(counts: RequestCounts, rows: IntArray, end: int, after: int) -> int:
    """How many buckets before one show the rate. after: buckets that it is compared with."""
    recent = np.cumsum(counts.between(rows, end - ENOUGH_MAX, end)[::-1])
    wanted = max(int(np.searchsorted(recent, ENOUGH)) + 1, after)
    return min(max(wanted, BEFORE_MIN), BEFORE_MAX)
