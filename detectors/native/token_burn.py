"""Token burn: does a series spend its token budget so fast that it will not last the period?

A burn rate of 1 spends the budget exactly within the period. Each pair of a long and a short time alarms when the burn
rates over both exceed the pair's factor: the long one shows that it matters, the short one that it still goes on. The
level is the largest ratio of burn rate to factor. `exhausted_s` projects when the budget is used up.

Its input is the mean share of the budget per sample; a window spends value times count. Every window counts, alarming
or not. Fails: it does not know what was spent before its first window. Cost: 0.6 us per window and series in blocks of
200; 80 bytes a series that uses it.

Source: Beyer et al. 2018, The Site Reliability Workbook, chapter 5 (multiwindow, multi-burn-rate alerts). The times are
exponential instead of sliding, so that no samples are kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.banks.composite import CompositeBank
from detectors.banks.table import Column, Table
from detectors.base import Block, FloatArray, IntArray, Scores

_MOST = 1e12


@dataclass(frozen=True, slots=True)
class TokenBurnParams:
    """period_s: the period of the budget; periods begin at multiples of it since the epoch. longs_s, shorts_s, factors:
    the pairs of times and the burn rates at which they alarm. every_windows: not used, since spending is not random.
    """

    every_windows: float = 604_800.0
    period_s: float = 2_592_000.0
    longs_s: tuple[float, ...] = (3_600.0, 21_600.0, 259_200.0)
    shorts_s: tuple[float, ...] = (300.0, 1_800.0, 21_600.0)
    factors: tuple[float, ...] = (14.4, 6.0, 1.0)

    def __post_init__(self) -> None:
        if not len(self.longs_s) == len(self.shorts_s) == len(self.factors) > 0:
            sizes = f"{len(self.longs_s)} longs, {len(self.shorts_s)} shorts, {len(self.factors)} factors"
            raise ValueError(f"token_burn: {sizes}, expected equally many and at least one")

    def build(self, capacity: int) -> TokenBurn:
        """The bank."""
        return TokenBurn(self, capacity)


class TokenBurn(CompositeBank):
    """The bank; see the module. `Scores.raw` is the burn rate of the pair with the highest level."""

    def __init__(self, params: TokenBurnParams, capacity: int) -> None:
        self._params = params
        self._times_s = np.array(params.longs_s + params.shorts_s)
        self._factors = np.array(params.factors)
        self._rows = Table(
            {
                "first_s": Column(np.float64, np.nan),
                "last_s": Column(np.float64, np.nan),
                "rate": Column(np.float64, 0.0, (len(self._times_s),)),
                "period": Column(np.int64, 0),
                "spent": Column(np.float64, 0.0),
            },
            capacity,
        )
        super().__init__({"rows": self._rows})

    def score(self, block: Block) -> Scores:
        """Score each row's burn rates, with this window; NaN until the row is as old as the shortest time."""
        burn = self._rates(block) * self._params.period_s
        pairs = len(self._factors)
        both = np.minimum(burn[:, :pairs], burn[:, pairs:])
        ratio = both / self._factors
        pair = ratio.argmax(axis=1)
        at = np.arange(len(block))
        cold = ~(block.end_s - self._rows["first_s"][block.rows] >= self._times_s.min())
        level = np.where(cold, np.nan, np.minimum(ratio[at, pair], _MOST))
        raw = np.where(cold, np.nan, np.minimum(both[at, pair], _MOST))
        return Scores(level, raw, (level > 0.0).astype(np.intp), np.full(len(block), np.nan))

    def _rates(self, block: Block) -> FloatArray:
        """(n, times) share of the budget spent per second, over each time."""
        since_s = np.maximum(block.end_s - np.fmax(self._rows["last_s"][block.rows], block.start_s), 0.0)
        elapsed_s = np.maximum(block.end_s - np.fmin(self._rows["last_s"][block.rows], block.start_s), 0.0)
        elapsed_s = np.where(np.isnan(self._rows["last_s"][block.rows]), since_s, elapsed_s)
        keep = np.exp(-elapsed_s[:, None] / self._times_s)
        rates: FloatArray = self._rows["rate"][block.rows] * keep + _spent(block)[:, None] / self._times_s
        return rates

    def observe(self, block: Block) -> None:
        """Add what each window spent."""
        rows, cells = block.rows, self._rows
        cells["rate"][rows] = self._rates(block)
        first_s = cells["first_s"][rows]
        cells["first_s"][rows] = np.where(np.isnan(first_s), block.start_s, first_s)
        cells["last_s"][rows] = np.fmax(cells["last_s"][rows], block.end_s)
        period = np.floor(block.start_s / self._params.period_s).astype(np.int64)
        cells["spent"][rows] = np.where(period == cells["period"][rows], cells["spent"][rows], 0.0) + _spent(block)
        cells["period"][rows] = period

    def learn(self, block: Block) -> None:
        """Does nothing: spending is not learned."""

    def exhausted_s(self, rows: IntArray, now_s: float) -> FloatArray:
        """(n,) when the budget is used up if spending goes on as over the first long time, seconds since the epoch.

        `now_s` for a budget that is used up already, infinity where the next period begins first, NaN for rows that
        never spent.
        """
        cells, period_s = self._rows, self._params.period_s
        rate = cells["rate"][rows, 0]
        left = np.maximum(1.0 - cells["spent"][rows], 0.0)
        at_s = now_s + np.where(left > 0.0, left / np.maximum(rate, 1e-300), 0.0)
        at_s = np.where(at_s < (cells["period"][rows] + 1) * period_s, at_s, np.inf)
        return np.where(np.isnan(cells["last_s"][rows]), np.nan, at_s)


def _spent(block: Block) -> FloatArray:
    spent: FloatArray = np.clip(block.value, 0.0, _MOST) * block.count
    return spent
