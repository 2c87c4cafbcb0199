"""Binomial CUSUM: do more of a row's trials fail (or fewer) than its base rate explains?

A window is a number of hits out of a number of trials, for instance of failed requests out of all. For each of several
alternatives, shares that lie between just above the base rate and nearly all, a sum adds up the log-likelihood ratio of
the windows, and is never below 0. It is divided by the dispersion, so that hits that come in bunches count as the fewer
independent ones that they are (`base_rate.py`). The same is done with the misses, for shares that fall.

The highest sum alarms when it exceeds the logarithm of (mean time between false alarms / time between windows): a
false alarm of one alternative is then at most as frequent as asked for, because a likelihood ratio exceeds `x` with
probability 1/x at most. The time between windows is learned, so the budget is one of time. The sum that alarms is held
a little above the bound: an alarm lasts until hits stay away for longer than that alternative explains. All sums then
restart at half the bound (Lucas and Crosier's head start). One window adds at most half the bound to what is carried
on, so a burst within one window alarms once.

What was not to be learned from teaches no base rate. Of a short alarm the largest residual counts once in the
dispersion, or bunches that alarm would never be learned.

Fails: on shares without trials; on hits that depend on each other over many windows, until their dispersion is learned.
A slow rise is learned, where it is slower than the base rate's memory. Cost: 2.5 us per window and series in blocks of
200; 530 bytes a series that uses it.

Sources: Page 1954; Lorden 1971 (the bound); Reynolds and Stoumbos 1999 (binomial CUSUM); Lucas and Crosier 1982 (head
start).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detectors.banks.composite import CompositeBank
from detectors.banks.table import Column, Table
from detectors.base import Block, FloatArray, IntArray, Scores
from detectors.native.base_rate import ALTERNATIVES, BaseRate, BaseRateParams

_HELD_HITS = 2.0
"""The sum that alarms is held above its bound by what so many hits add to it."""
_MOST_CARRIED = 0.5
"""What one window adds to the sums that later windows start from, as a share of the bound: a burst alarms once."""
_HEAD_START = 0.5
"""Where sums restart after an alarm, as a share of the bound."""
_SHORT = 8
"""Windows up to which an alarm counts as one more residual of the row, and not as an incident."""
_LEAST_PERIODS = 8.0
_ONSET_NATS = 3.5
"""Evidence in nats that may be missing at the start of a run."""


@dataclass(frozen=True, slots=True)
class BinomialCusumParams:
    """window_s: base window. every_windows: the budget. warm_up: windows before the row has a level."""

    window_s: float = 1.0
    every_windows: float = 604_800.0
    warm_up: int = 8
    base: BaseRateParams = field(default_factory=BaseRateParams)

    def build(self, capacity: int) -> BinomialCusum:
        """The bank."""
        return BinomialCusum(self, capacity)


@dataclass(frozen=True, slots=True)
class _Test:
    """A block under test. (n, 2): of hits, of misses. (n, 2, alternatives) where it says so.

    hits: number in the window. gain: what one hit adds to a sum, by alternative. sums: with the window added, by
    alternative. bound: (n,) the sum that is level 1.
    """

    hits: FloatArray
    gain: FloatArray
    sums: FloatArray
    bound: FloatArray


class BinomialCusum(CompositeBank):
    """The bank; see the module. Its blocks must have `trials`; a window without a known number changes nothing.

    `Scores.raw` is the deviation of the run's share from the base rate, without sign. `Scores.expected` is the base
    rate.
    """

    def __init__(self, params: BinomialCusumParams, capacity: int) -> None:
        self._params = params
        self._every_s = params.every_windows * params.window_s
        # `score` and `observe` of one block need the same test.
        self._last: tuple[Block, _Test] | None = None
        self._base = BaseRate(params.base, capacity)
        by_alternative = (2, ALTERNATIVES)
        self._rows = Table(
            {
                "sum": Column(np.float64, 0.0, by_alternative),
                "run_hits": Column(np.float64, 0.0, by_alternative),
                "run_trials": Column(np.float64, 0.0, by_alternative),
                "run_windows": Column(np.float64, 0.0, by_alternative),
                "onset_s": Column(np.float64, np.nan, by_alternative),
                "alarms": Column(np.int32, 0, (2,)),
                "alarm_square": Column(np.float64, 0.0, (2,)),
                "last_s": Column(np.float64, np.nan),
                "gap_s": Column(np.float64, np.nan),
            },
            capacity,
        )
        super().__init__({"rows": self._rows, "base": self._base})

    def score(self, block: Block) -> Scores:
        """Score each window as if it were added to its row's sums."""
        rows, cells = block.rows, self._rows
        test = self._test(block)
        side, alternative = self._strongest(test)
        at = np.arange(len(rows))
        cold = self._base.learned(rows) < self._params.warm_up
        going = cells["sum"][rows, side, alternative] > 0.0
        hits = test.hits[at, side] + np.where(going, cells["run_hits"][rows, side, alternative], 0.0)
        trials = test.hits.sum(axis=1) + np.where(going, cells["run_trials"][rows, side, alternative], 0.0)
        mean = self._base.mean(rows)
        own_mean = np.where(side == 0, mean, 1.0 - mean)
        shift = np.maximum(hits / np.maximum(trials, 1e-9) - own_mean, 0.0)
        sums = test.sums[at, side, alternative]
        direction = np.where(cold | (sums <= 0.0), 0, 1 - 2 * side).astype(np.intp)
        level = np.where(cold, np.nan, sums / test.bound)
        return Scores(level, np.where(cold, np.nan, shift), direction, np.where(cold, np.nan, mean))

    def onset(self, block: Block) -> tuple[FloatArray, FloatArray]:
        """(n,), (n,): start of the run behind each score, and the half width of a 90% interval around it, in seconds.
        """
        rows, cells = block.rows, self._rows
        test = self._test(block)
        side, alternative = self._strongest(test)
        going = cells["sum"][rows, side, alternative] > 0.0
        onset_s = np.where(going, cells["onset_s"][rows, side, alternative], block.start_s)
        windows = np.where(going, cells["run_windows"][rows, side, alternative], 0.0) + 1.0
        evidence = test.sums[np.arange(len(rows)), side, alternative] / windows
        missing = np.minimum(_ONSET_NATS / np.maximum(evidence, 1e-9), windows)
        return onset_s, (block.end_s - block.start_s) * (1.0 + missing)

    def observe(self, block: Block) -> None:
        """Add each window to its row's sums, also windows that must not be learned from: sums are evidence."""
        block = block.select(block.are_shares())
        rows, cells = block.rows, self._rows
        if not len(rows):
            return
        test = self._test(block)
        starts = (cells.take("sum", rows) <= 0.0) & (test.sums > 0.0)
        runs = test.sums > 0.0
        added = (
            ("run_hits", test.hits[:, :, None]), ("run_trials", test.hits.sum(axis=1)[:, None, None]),
            ("run_windows", np.ones((len(rows), 1, 1))),
        )
        for name, more in added:
            cells[name][rows] = np.where(runs, np.where(starts, 0.0, cells.take(name, rows)) + more, 0.0)
        cells["onset_s"][rows] = np.where(starts, block.start_s[:, None, None], cells.take("onset_s", rows))
        self._hold(block, test)
        gap_s = block.end_s - cells["last_s"][rows]
        gap_s = np.where(gap_s > 0.0, gap_s, block.end_s - block.start_s)
        known_s = cells["gap_s"][rows]
        step = 1.0 / np.minimum(self._base.learned(rows) + 1.0, 100.0)
        gap_s = np.where(np.isnan(known_s), gap_s, np.minimum(gap_s, 10.0 * known_s))
        cells["gap_s"][rows] = np.where(np.isnan(known_s), gap_s, known_s + step * (gap_s - known_s))
        cells["last_s"][rows] = np.fmax(cells["last_s"][rows], block.end_s)
        self._last = None

    def _hold(self, block: Block, test: _Test) -> None:
        """Keep the sums near their bound, and restart those of a row whose alarm has ended."""
        rows, cells = block.rows, self._rows
        strongest = test.sums == test.sums.max(axis=2, keepdims=True)
        bound = test.bound[:, None, None]
        held = np.minimum(test.sums, bound + np.where(strongest, _HELD_HITS * test.gain, 0.0))
        held = np.minimum(held, cells.take("sum", rows) + _MOST_CARRIED * bound)
        alarms = test.sums.max(axis=2) >= test.bound[:, None]
        number, square = cells.take("alarms", rows), cells.take("alarm_square", rows)
        ended = (number > 0) & ~alarms
        held = np.where(ended[:, :, None], np.minimum(held, _HEAD_START * bound), held)
        cells["sum"][rows] = held
        cells["alarms"][rows] = np.where(alarms, number + 1, 0)
        own = self._base.squares(rows, test.hits[:, 0], test.hits.sum(axis=1))[0]
        cells["alarm_square"][rows] = np.where(alarms, np.maximum(square, own[:, None]), 0.0)
        if ended.any():
            for name in ("run_hits", "run_trials", "run_windows"):
                cells[name][rows] = np.where(ended[:, :, None], 0.0, cells.take(name, rows))
            self._base.add_square(rows, np.where(ended & (number <= _SHORT), square, 0.0).max(axis=1))

    def learn(self, block: Block) -> None:
        """Learn base rate and dispersion from observed windows that may be learned from."""
        block = block.select(block.are_shares())
        if len(block):
            trials = _trials(block)
            self._base.learn(block.rows, block.value * trials, trials, self._rows["gap_s"][block.rows])
            self._last = None

    def forget(self, rows: IntArray) -> None:
        """Return rows to the cold state."""
        super().forget(rows)
        self._last = None

    def restore(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Restore a snapshot; raises `ValueError`, and changes nothing, when it is not this component's."""
        super().restore(rows, state)
        self._last = None

    def _test(self, block: Block) -> _Test:
        if self._last is None or not _equal(self._last[0], block):
            self._last = block, self._tested(block)
        return self._last[1]

    def _tested(self, block: Block) -> _Test:
        rows = block.rows
        hits = block.value * _trials(block)
        both = np.stack([hits, _trials(block) - hits], axis=1)
        gain, loss = self._base.terms(rows)
        ratio = both[:, :, None] * gain + both[:, ::-1, None] * loss
        sums = np.maximum(self._rows.take("sum", rows) + ratio, 0.0)
        gap_s = self._rows["gap_s"][rows]
        gap_s = np.where(np.isnan(gap_s), block.end_s - block.start_s, gap_s)
        bound = np.log(np.maximum(self._every_s / np.maximum(gap_s, 1e-9), _LEAST_PERIODS))
        return _Test(both, gain, sums, bound)

    def _strongest(self, test: _Test) -> tuple[IntArray, IntArray]:
        """(n,), (n,): the side and the alternative with the highest sum."""
        at = np.arange(len(test.bound))
        side = (test.sums[:, 1].max(axis=1) > test.sums[:, 0].max(axis=1)).astype(np.intp)
        return side, test.sums[at, side].argmax(axis=1)


def _equal(one: Block, other: Block) -> bool:
    """Whether two blocks hold the same windows of the same rows."""
    return len(one) == len(other) and all(
        np.array_equal(mine, its) for mine, its in (
            (one.rows, other.rows), (one.end_s, other.end_s), (one.start_s, other.start_s), (one.value, other.value),
            (_trials(one), _trials(other)),
        )
    )


def _trials(block: Block) -> FloatArray:
    assert block.trials is not None
    return block.trials
