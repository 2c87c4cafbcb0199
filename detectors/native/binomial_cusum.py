"""Binomial CUSUM: do more of a row's trials fail (or fewer) than its base rate explains?

A window is a number of hits out of a number of trials, for instance of failed requests out of all. For each of several
alternatives, shares that lie between just above the base rate and nearly all, a sum adds up the log-likelihood ratio of
the windows, and is never below 0. It is divided by the dispersion, so that hits that come in bunches count as the fewer
independent ones that they are. The same is done with the misses, for shares that fall.

The highest sum alarms when it exceeds the logarithm of (mean time between false alarms / time between windows): a
false alarm of one alternative is then at most as frequent as asked for, because a likelihood ratio exceeds `x` with
probability 1/x at most. The time between windows is learned, so the budget is one of time. The sum that alarms is held
a little above the bound: an alarm lasts until hits stay away for longer than that alternative explains. All sums then
restart at half the bound (Lucas and Crosier's head start). One window adds at most half the bound to what is carried
on, so a burst within one window alarms once.

The base rate is a mean over `memory_s`, at least `least_trials`. What a young row showed first fades soonest. The tests
of more hits use its upper credible bound, and a rate below `least_rate` counts as that, so that one hit after a long
time without any is no alarm. The dispersion is the mean squared residual over the binomial variance, near 1 until the
row has shown more.

Fails: on shares without trials; on hits that depend on each other over many windows, until their dispersion is learned.
A slow rise is learned, where it is slower than `memory_s`. Cost: 2.5 us per window and series in blocks of 200; 400
bytes a series that uses it.

Sources: Page 1954; Lorden 1971 (the bound); Reynolds and Stoumbos 1999 (binomial CUSUM); Lucas and Crosier 1982 (head
start); McCullagh and Nelder 1989, chapter 4.5 (dispersion).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.banks.table import Column, Table, TableComponent
from detectors.base import Block, FloatArray, IntArray, Scores

_ALTERNATIVES = 4
_REACH = 0.7
"""The farthest alternative lies by so much of the way from the base rate to 1."""
_HELD_HITS = 2.0
"""The sum that alarms is held above its bound by what so many hits add to it."""
_CAUTION = 1.0
"""Standard errors of the base rate by which the tests of more hits are more careful."""
_PRIOR_HITS = 0.5
_LEAST_MISSES = 1e-9
_MOST_CARRIED = 0.5
"""What one window adds to the sums that later windows start from, as a share of the bound: a burst alarms once."""
_SHORT = 8
"""Windows up to which an alarm counts as one more residual of the row, and not as an incident."""
_FARTHEST = 25.0
"""A squared residual counts for at most so many times its expected value towards the dispersion."""
_YOUNG = 0.5
"""The memory of a young row is this share of its age."""
_HEAD_START = 0.5
_ONSET_NATS = 3.5
"""Evidence in nats that may be missing at the start of a run."""


@dataclass(frozen=True, slots=True)
class BinomialCusumParams:
    """window_s: base window. every_windows: the budget. warm_up: windows before the row has a level.

    least_shift: from the base rate to the nearest alternative; about twice the smallest deviation that matters.
    least_rate: the lowest base rate. memory_s, least_trials: time over which the base rate is a mean, or longer, for so
    many trials. prior_variance: expected squared residuals that the assumption of independent hits is worth.
    """

    window_s: float = 1.0
    every_windows: float = 604_800.0
    warm_up: int = 8
    least_shift: float = 0.01
    least_rate: float = 5e-4
    memory_s: float = 3600.0
    least_trials: float = 2000.0
    prior_variance: float = 10.0

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


class BinomialCusum(TableComponent):
    """The bank; see the module. Its blocks must have `trials`; a window without a known number changes nothing.

    `Scores.raw` is the deviation of the run's share from the base rate, without sign. `Scores.expected` is the base
    rate.
    """

    def __init__(self, params: BinomialCusumParams, capacity: int) -> None:
        self._params = params
        self._every_s = params.every_windows * params.window_s
        by_alternative = (2, _ALTERNATIVES)
        self._rows = Table(
            {
                "sum": Column(np.float64, 0.0, by_alternative),
                "run_hits": Column(np.float64, 0.0, by_alternative),
                "run_trials": Column(np.float64, 0.0, by_alternative),
                "run_windows": Column(np.float64, 0.0, by_alternative),
                "onset_s": Column(np.float64, np.nan, by_alternative),
                "alarms": Column(np.int32, 0, (2,)),
                "alarm_square": Column(np.float64, 0.0, (2,)),
                "hits": Column(np.float64, 0.0),
                "trials": Column(np.float64, 0.0),
                "squares": Column(np.float64, 0.0),
                "variance": Column(np.float64, 0.0),
                "age_s": Column(np.float64, 0.0),
                "last_s": Column(np.float64, np.nan),
                "gap_s": Column(np.float64, np.nan),
                "learned": Column(np.int64, 0),
            },
            capacity,
        )

    def score(self, block: Block) -> Scores:
        """Score each window as if it were added to its row's sums."""
        rows, cells = block.rows, self._rows
        test = self._test(block)
        side, alternative = self._strongest(test)
        at = np.arange(len(rows))
        cold = cells["learned"][rows] < self._params.warm_up
        going = cells["sum"][rows, side, alternative] > 0.0
        hits = test.hits[at, side] + np.where(going, cells["run_hits"][rows, side, alternative], 0.0)
        trials = test.hits.sum(axis=1) + np.where(going, cells["run_trials"][rows, side, alternative], 0.0)
        mean = self._mean(rows)
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
        step = 1.0 / np.minimum(cells["learned"][rows] + 1.0, 100.0)
        gap_s = np.where(np.isnan(known_s), gap_s, np.minimum(gap_s, 10.0 * known_s))
        cells["gap_s"][rows] = np.where(np.isnan(known_s), gap_s, known_s + step * (gap_s - known_s))
        cells["last_s"][rows] = np.fmax(cells["last_s"][rows], block.end_s)

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
        own = self._square(block, test.hits.sum(axis=1), test.hits[:, 0])[0]
        cells["alarm_square"][rows] = np.where(alarms, np.maximum(square, own[:, None]), 0.0)
        if ended.any():
            for name in ("run_hits", "run_trials", "run_windows"):
                cells[name][rows] = np.where(ended[:, :, None], 0.0, cells.take(name, rows))
            onset_s = np.where(ended[:, :, None], block.end_s[:, None, None], cells.take("onset_s", rows))
            cells["onset_s"][rows] = onset_s
            cells["squares"][rows] += np.where(ended & (number <= _SHORT), square, 0.0).max(axis=1)

    def learn(self, block: Block) -> None:
        """Learn base rate and dispersion from observed windows that may be learned from."""
        block = block.select(block.are_shares())
        rows, cells, params = block.rows, self._rows, self._params
        if not len(rows):
            return
        trials = _trials(block)
        hits = block.value * trials
        known = cells["trials"][rows]
        age_s, gap_s = cells["age_s"][rows] + cells["gap_s"][rows], cells["gap_s"][rows]
        kept = np.exp(-gap_s / np.minimum(params.memory_s, _YOUNG * age_s))
        # A sparse row remembers for longer, so that its base rate does not rest on a handful of trials.
        sparse = np.minimum(params.least_trials / np.maximum(known, 1.0), 1.0)
        kept = np.where(age_s > params.memory_s, np.maximum(kept, sparse), kept)
        square, variance = self._square(block, trials, hits)
        counts = known >= 1.0
        cells["squares"][rows] = kept * cells["squares"][rows] + np.where(counts, square, 0.0)
        cells["variance"][rows] = kept * cells["variance"][rows] + np.where(counts, variance, 0.0)
        cells["hits"][rows] = kept * cells["hits"][rows] + hits
        cells["trials"][rows] = kept * known + trials
        cells["age_s"][rows] = age_s
        cells["learned"][rows] += 1

    def _square(self, block: Block, trials: FloatArray, hits: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(n,), (n,): the squared residual of each window's hits, and its expected value for independent hits."""
        mean = self._mean(block.rows)
        variance = trials * mean * (1.0 - mean)
        return np.minimum((hits - trials * mean) ** 2, _FARTHEST * np.maximum(variance, 1.0)), variance

    def _mean(self, rows: IntArray) -> FloatArray:
        """(n,) the base rate: the posterior mean with Jeffreys' prior."""
        cells = self._rows
        mean: FloatArray = (cells["hits"][rows] + _PRIOR_HITS) / (cells["trials"][rows] + 2.0 * _PRIOR_HITS)
        return mean

    def _dispersion(self, rows: IntArray) -> FloatArray:
        """(n,) variance of a window's hits over that of independent ones."""
        cells, prior = self._rows, self._params.prior_variance
        dispersion: FloatArray = (cells["squares"][rows] + prior) / (cells["variance"][rows] + prior)
        return np.maximum(dispersion, 0.05)

    def _test(self, block: Block) -> _Test:
        rows, cells, params = block.rows, self._rows, self._params
        trials = _trials(block)
        hits = block.value * trials
        both = np.stack([hits, trials - hits], axis=1)
        dispersion = self._dispersion(rows)
        mean = self._mean(rows)
        error = np.sqrt(mean * (1.0 - mean) * np.maximum(dispersion, 1.0) / (cells["trials"][rows] + 1.0))
        means = np.stack([mean, 1.0 - mean], axis=1)
        base = np.clip(means + _CAUTION * error[:, None], params.least_rate, 1.0 - _LEAST_MISSES)
        shares = _alternatives(base, params.least_shift)
        misses = np.log((1.0 - shares) / (1.0 - base[:, :, None])) / dispersion[:, None, None]
        gain = np.log(shares / base[:, :, None]) / dispersion[:, None, None]
        ratio = both[:, :, None] * gain + both[:, ::-1, None] * misses
        sums = np.maximum(self._rows.take("sum", rows) + ratio, 0.0)
        gap_s = cells["gap_s"][rows]
        gap_s = np.where(np.isnan(gap_s), block.end_s - block.start_s, gap_s)
        bound = np.log(np.maximum(self._every_s / np.maximum(gap_s, 1e-9), 8.0))
        return _Test(both, gain, sums, bound)

    def _strongest(self, test: _Test) -> tuple[IntArray, IntArray]:
        """(n,), (n,): the side and the alternative with the highest sum."""
        at = np.arange(len(test.bound))
        side = (test.sums[:, 1].max(axis=1) > test.sums[:, 0].max(axis=1)).astype(np.intp)
        return side, test.sums[at, side].argmax(axis=1)


def _trials(block: Block) -> FloatArray:
    assert block.trials is not None
    return block.trials


def _alternatives(base: FloatArray, least_shift: float) -> FloatArray:
    """(n, 2, alternatives): shares above the base rate, at equal distances in log-odds."""
    farthest = base + _REACH * (1.0 - base)
    nearest = np.minimum(base + least_shift, farthest)
    low, high = (np.log(share / (1.0 - share)) for share in (nearest, farthest))
    steps = np.linspace(0.0, 1.0, _ALTERNATIVES)
    odds = np.exp(low[:, :, None] + (high - low)[:, :, None] * steps)
    shares: FloatArray = odds / (1.0 + odds)
    return shares
