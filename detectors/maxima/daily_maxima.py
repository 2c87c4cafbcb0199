"""The heights of rows by their daily maxima: what height is passed by one day in so many?

Each UTC day (a part of the budget where that is short) teaches the largest deviation of the day. The height is the
quantile of the last 32 days that as many days pass as the budget allows. Days are of real time, so no cadence is
needed: a day is worth the same whether it has 24 windows or 86,400. A day of much fewer windows than usual teaches
nothing. A single day teaches little more than the height, so that one fault barely raises it; what comes on three of
five days teaches in full. Until a row has shown eight days, days of the height that was declared (1) stand in for them.

Fails: what lasts over three days becomes normal, unless somebody says that it is a fault. Cost: some ns per window and
series, 2 us per series and day; 220 bytes a series.

Sources: Gumbel 1958 (block maxima); Weibull 1939 (plotting positions).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.banks.table import Column, Table, TableComponent
from detectors.base import BoolArray, FloatArray, IntArray

DAY_S = 86_400.0
_KEPT = 32
_RAW = 8
_RECENT = 5


@dataclass(frozen=True, slots=True)
class MaximaParams:
    """declared: days of height 1 that a new row is assumed to have shown. power: heights are this power of the
    quantile, which shrinks them towards 1. clip: a day teaches at most so many quantiles, or what recurs. thin: share
    of the usual windows below which a day teaches nothing.
    """

    declared: int = 8
    power: float = 0.6
    clip: float = 1.2
    thin: float = 0.3


class DailyMaxima(TableComponent):
    """A bank of heights. Not a `Detector`. budget_s: mean time between alarms of one row."""

    def __init__(self, params: MaximaParams, budget_s: float, capacity: int) -> None:
        self._params = params
        self.block_s = min(DAY_S, budget_s / 7.0)
        self._share = self.block_s / budget_s
        self._rows = Table(
            {
                "block": Column(np.int64, -1),
                "top": Column(np.float64, 0.0),
                "windows": Column(np.float64, 0.0),
                "usual": Column(np.float64, 0.0),
                "taught": Column(np.float32, np.nan, (_KEPT,)),
                "raw": Column(np.float32, np.nan, (_RAW,)),
                "quantile": Column(np.float64, 1.0),
                "height": Column(np.float64, 1.0),
            },
            capacity,
        )

    def height(self, rows: IntArray) -> FloatArray:
        """(n,) the height that is passed once per budget."""
        height: FloatArray = self._rows["height"][rows]
        return height

    def began_s(self, rows: IntArray) -> FloatArray:
        """(n,) when each row's current day began, seconds since the epoch."""
        began_s: FloatArray = self._rows["block"][rows] * self.block_s
        return began_s

    def observe(self, rows: IntArray, at_s: FloatArray, deviation: FloatArray, counts: BoolArray) -> None:
        """Add one deviation of distinct rows to their days. counts: (n,) whether a window is one of the day's."""
        cells = self._rows
        block = np.floor(at_s / self.block_s).astype(np.int64)
        turns = block > cells["block"][rows]
        if turns.any():
            self._turn(rows[turns], block[turns])
        cells["top"][rows] = np.maximum(cells["top"][rows], np.where(counts, deviation, 0.0))
        cells["windows"][rows] += counts

    def withdraw(self, rows: IntArray, start_s: float, end_s: float, rest: FloatArray) -> None:
        """Let the days from `start_s` to `end_s` teach nothing. rest: (n,) the largest deviation of the current day
        without them.
        """
        cells = self._rows
        first, last = (int(np.floor(one / self.block_s)) for one in (start_s, end_s))
        block = cells["block"][rows]
        for name, kept in (("taught", _KEPT), ("raw", _RAW)):
            number = _numbers(block, kept)
            values = cells.take(name, rows)
            values[(number >= first) & (number <= last)] = np.nan
            cells[name][rows] = values
        current = (block >= first) & (block <= last)
        cells["top"][rows[current]] = np.minimum(cells["top"][rows], rest)[current]
        self._refresh(rows)

    def _turn(self, rows: IntArray, block: IntArray) -> None:
        """The days of these rows are over and others begin; days between were not seen."""
        cells, params = self._rows, self._params
        old, windows, usual = cells["block"][rows], cells["windows"][rows], cells["usual"][rows]
        seen = old >= 0
        cells["usual"][rows] = np.where(usual == 0.0, windows, usual + (windows - usual) / 8.0)
        teaches = seen & (windows >= params.thin * usual) & (windows > 0.0)
        self._teach(rows[teaches])
        for name, kept in (("taught", _KEPT), ("raw", _RAW)):
            values = cells.take(name, rows)
            values[_numbers(block, kept) > old[:, None]] = np.nan
            cells[name][rows] = values
        cells["block"][rows] = block
        cells["top"][rows] = 0.0
        cells["windows"][rows] = 0.0
        self._refresh(rows[seen])

    def _teach(self, rows: IntArray) -> None:
        """The largest deviation of the day that ends is learned."""
        cells, block, top = self._rows, self._rows["block"][rows], self._rows["top"][rows]
        cells["raw"][rows, block % _RAW] = top
        recent = cells["raw"][rows[:, None], (block[:, None] - np.arange(_RECENT)) % _RAW]
        again = np.median(np.nan_to_num(recent), axis=1)
        most = np.maximum(self._params.clip * cells["quantile"][rows], again)
        cells["taught"][rows, block % _KEPT] = np.minimum(top, most)

    def _refresh(self, rows: IntArray) -> None:
        """Compute the heights from what was taught."""
        if not len(rows):
            return
        taught, declared = self._rows.take("taught", rows).astype(np.float64), self._params.declared
        known = np.isfinite(taught)
        shown = known.sum(axis=1)
        # The declared days take the first free cells.
        stands_in = ~known & (np.cumsum(~known, axis=1) <= (declared - shown)[:, None])
        ordered = -np.sort(-np.where(known, taught, np.where(stands_in, 1.0, -np.inf)), axis=1)
        quantile = _quantile(ordered, np.maximum(shown, declared), self._share)
        self._rows["quantile"][rows] = quantile
        self._rows["height"][rows] = np.maximum(quantile, 1e-9) ** self._params.power


def _numbers(block: IntArray, kept: int) -> IntArray:
    """(n, kept) the number of the day that each cell is of, where the newest one is `block`."""
    numbers: IntArray = block[:, None] - (block[:, None] - np.arange(kept)) % kept
    return numbers


def _quantile(ordered: FloatArray, number: IntArray, share: float) -> FloatArray:
    """(n,) what `share` of `number` maxima pass, by their plotting positions; beyond the largest an exponential tail.

    ordered: (n, k) largest first, minus infinity where there is none.
    """
    rank = share * (number + 1.0)
    inside = rank >= 1.0
    upper = np.clip(rank.astype(np.intp) - 1, 0, None)
    lower = np.minimum(upper + 1, number - 1)
    at = np.arange(len(ordered))
    highest, next_lower = ordered[at, upper], ordered[at, lower]
    between = highest + (next_lower - highest) * np.where(inside, rank - np.floor(rank), 0.0)
    quarter = np.maximum(number // 4, 1)
    top = np.where(np.arange(ordered.shape[1]) < quarter[:, None], ordered, 0.0).sum(axis=1) / quarter
    excess = np.maximum(top - ordered[at, np.minimum(quarter, number - 1)], 0.0)
    beyond: FloatArray = ordered[:, 0] + excess * np.log(1.0 / np.minimum(rank, 1.0))
    return np.where(inside, between, beyond)
