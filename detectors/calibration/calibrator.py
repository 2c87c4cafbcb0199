"""Calibration: from any detector's raw statistic to the one level, where 1.0 is the operator's false-alarm budget.

Peaks over threshold, online. Each row keeps, for either direction, a mark that about `share_over` of its windows pass,
how often runs of such windows come, and the first two L-moments of their peaks above the mark. A generalised Pareto
tail through these gives the height that is passed once per budget; the level is the statistic divided by it. A run
beyond the mark is one exceedance, as high as its peak, so that an autocorrelated stream is not taken for a heavy-tailed
one. Until a row has shown peaks of its own, those of a tail declared by the detector stand in for them, in the unit
that the row's own mark sets: a detector knows the form of its tail better than how widely a row scatters.

`track` gets every window, `learn` those that may be learned from. A run ends with the first window below the mark that
may be learned from; one of ordinary length counts with its peak, also when that alarmed and was itself not learned:
leaving out what alarms would cut off the tail that is to be measured. A run much longer than usual is an incident and
counts for nothing. So an incident never teaches its own height, and an accident does.

L-moments: half the mean difference of two independent draws needs no more than the last few peaks beside a new one; no
sample is kept. They exist for every shape below 1, and at 50 peaks are as good as maximum likelihood.

How far to trust it: from 200 peaks (some 10,000 windows) of an exponential tail, the interval between false alarms is
known to a factor, at one standard error, of 1.6 when 2,000 windows are asked for, 3.2 when 20,000, and 30 when 604,800
(7 days of seconds). Hours of data do not tell what happens once in days. There the declared tail is held to: it is the
least that alarms, and fades as the row lives its budget; and a heavier one than declared alarms more often than asked.

From when a row has lived its budget, an account is kept of the alarms asked for and those that came, and the budget is
corrected by their ratio, as far as so few alarms tell (a Gamma prior of a few that came as asked, Poisson arrivals). It
evens out what no fitted tail can know: a direction that is bounded and never spends its half of the budget, values so
few that between two heights nothing lies, neighbours that depend on each other beyond a run.

What becomes rarer with age, as records do, has no rate per window. It may bring a clock of its own, on which it comes
at a steady rate; see `learn`.

Fails: in the first few thousand windows of a heavier tail than declared, and at budgets some hundred times what the row
has lived, as above. Cost: about 0.3 us per window and series; 270 bytes a series.

Sources: Smith 1987 (how sure an estimated generalised Pareto tail is); Siffer, Fouque, Termier and Largouet 2017 (peaks
over threshold in streams); Hosking and Wallis 1987, Hosking 1990 (probability-weighted and L-moments of the generalised
Pareto distribution); Robbins and Monro 1951 (the mark); Robbins 1956 (empirical Bayes).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.banks.table import Column, Table, Tabled
from detectors.base import BoolArray, FloatArray, IntArray
from detectors.calibration.pareto import pareto_shape, reach, uncertainty

_REFRESH = 64
"""A row without exceedances still learns that they are rarer than assumed, this often (windows)."""
_TRUST = 3.0
"""So many alarms are believed to have come as asked before a row has told any."""
_ACCOUNT = 20.0
"""Alarms asked for that the account remembers."""
_MOST_OWED = 3.0
"""The budget is corrected by this factor at most, either way."""
_CAUTION = 0.7
"""At most so many e-foldings are added to the interval for what few peaks do not tell: more would deafen young rows."""
_HEAVY = 0.85
"""By so much, per unit of shape, the e-foldings are lengthened, measured on Student's t: few peaks understate a heavy
tail by far more than they overstate it, which no first-order correction sees, and more so the further it is followed.
"""


@dataclass(frozen=True, slots=True)
class TailParams:
    """Where the tail begins and what it is taken for until the row has shown its own.

    mark: the raw height about `share_over` of the windows pass, per direction. rate: runs of such windows per window.
    excess: mean height of a run's peak above the mark. shape: of the generalised Pareto tail, 0 is exponential. scales:
    whether excesses grow in proportion to the mark until the row has shown its own; not so where the mark is near 0, as
    of records. prior_exceedances, prior_windows: how many observations these guesses are worth. prior_shape: how many
    the guessed shape is worth. memory_exceedances, memory_windows: older ones fade. reach: a peak that alarms counts
    for at most so many mean excesses above what alarms. longest: a run of more windows, and of more than four usual
    ones, is an incident. peers: last peaks with which a new one is compared. pace: how boldly the mark follows.
    held: for this share of the budget a row is young, and what alarms is at least `young` times as high as by the
    declared tail; fades. On a clock, rates, shares and windows are by its units.
    """

    mark: float
    rate: float
    excess: float
    shape: float = 0.0
    share_over: float = 0.02
    scales: bool = True
    prior_exceedances: float = 16.0
    prior_windows: float = 500.0
    prior_shape: float = 4.0
    memory_exceedances: float = 400.0
    memory_windows: float = 20_000.0
    reach: float = 12.0
    longest: float = 8.0
    peers: int = 8
    pace: float = 2.0
    held: float = 1.0
    young: float = 1.0


class TailCalibrator(Tabled):
    """A bank of tails, two a row (above, below). Not a detector: detectors own one each. A cold row has the
    assumed tail.

    every_windows: the budget, windows between false alarms of one row and detector, both directions together.
    """

    def __init__(self, params: TailParams, every_windows: float, capacity: int) -> None:
        self._params = params
        self._every = every_windows
        # Two directions share the budget.
        self._share = min(0.5, 0.5 / every_windows)
        gini = params.excess / (2.0 - params.shape)
        mark, rate, excess, spread, number = np.array(
            [params.mark, params.rate, params.excess, gini, params.prior_exceedances]
        )[:, None]
        self._declared = (mark, rate, excess, spread, number)
        least = params.young * float(_height(params, *self._declared, self._share)[0])
        self._rows = Table(
            {
                "windows": Column(np.float64, params.prior_windows),
                "lived": Column(np.float64, 0.0),
                "due": Column(np.float64, 0.0),
                "told": Column(np.float64, 0.0),
                "since": Column(np.float64, 0.0),
                "over": Column(np.float64, 0.0, (2,)),
                "mark": Column(np.float64, params.mark, (2,)),
                "exceedances": Column(np.float64, params.prior_exceedances, (2,)),
                "rate": Column(np.float64, params.rate, (2,)),
                "excess": Column(np.float64, params.excess, (2,)),
                "gini": Column(np.float64, gini, (2,)),
                "recent": Column(np.float32, np.nan, (2, params.peers)),
                "peak": Column(np.float64, 0.0, (2,)),
                "length": Column(np.float64, 0.0, (2,)),
                "usual": Column(np.float64, 1.5, (2,)),
                "height": Column(np.float64, least, (2,)),
            },
            capacity,
        )

    def level(self, rows: IntArray, raw: FloatArray) -> FloatArray:
        """The level of signed statistics; NaN stays NaN."""
        level: FloatArray = np.abs(raw) / self._rows["height"][rows, (raw < 0).astype(np.intp)]
        return level

    def height(self, rows: IntArray) -> FloatArray:
        """(n, 2): the raw statistic that is level 1.0, above and below."""
        height: FloatArray = self._rows["height"][rows]
        return height

    def track(self, rows: IntArray, raw: FloatArray) -> None:
        """Take signed statistics of distinct rows into the runs they belong to; NaN belongs to none."""
        cells = self._rows
        excess = np.stack([raw, -raw], axis=1) - cells["mark"][rows]
        at, side = np.nonzero(excess > 0.0)
        if len(at):
            hit = rows[at]
            cells["peak"][hit, side] = np.maximum(cells["peak"][hit, side], excess[at, side])
            cells["length"][hit, side] += 1.0

    def incident(self, rows: IntArray) -> BoolArray:
        """(n, 2) whether the run beyond the mark is so long that it will not be learned from."""
        cells = self._rows
        incident: BoolArray = cells["length"][rows] > np.maximum(self._params.longest, 4.0 * cells["usual"][rows])
        return incident

    def learn(self, rows: IntArray, raw: FloatArray, clock: FloatArray | None = None) -> None:
        """Count tracked windows of distinct rows that may be learned from, and the runs that end with them.

        clock: (n,) how much of the row's own clock each window is, at most 1; None for one unit a window.
        """
        params, cells = self._params, self._rows
        unit = np.ones(len(rows)) if clock is None else clock
        windows = np.minimum(cells["windows"][rows] + unit, params.memory_windows)
        cells["windows"][rows] = windows
        cells["lived"][rows] += 1.0
        old = cells["lived"][rows] > self._every
        cells["since"][rows] += unit
        cells["rate"][rows] *= (1.0 - unit / windows)[:, None]
        over = np.stack([raw, -raw], axis=1) > cells["mark"][rows]
        stale = cells["since"][rows] >= _REFRESH * unit
        ended = (cells["peak"][rows] > 0.0) & ~over
        if ended.any():
            counts = ended & ~self.incident(rows)
            at, side = np.nonzero(counts)
            hit = rows[at]
            cells["rate"][hit, side] += 1.0 / windows[at]
            cells["over"][hit, side] += cells["length"][hit, side]
            alarmed = cells["peak"][hit, side] + cells["mark"][hit, side] >= cells["height"][hit, side]
            np.add.at(cells["told"], hit[alarmed & old[at]], 1.0)
            self._learn_peak(hit, side)
            at, side = np.nonzero(ended)
            cells["peak"][rows[at], side] = 0.0
            cells["length"][rows[at], side] = 0.0
            stale |= ended.any(axis=1)
        if old.any():
            self._age_account(rows[old])
        if stale.any():
            self._refresh(rows[stale], self._share * self._owed(rows[stale]) / unit[stale])

    def _age_account(self, rows: IntArray) -> None:
        """Count a window towards what was asked for, in rows that have lived their budget; what is long ago fades."""
        cells = self._rows
        due = cells["due"][rows] + 1.0 / self._every
        kept = np.minimum(_ACCOUNT / np.maximum(due, _ACCOUNT), 1.0)
        cells["due"][rows] = due * kept
        cells["told"][rows] *= kept

    def _owed(self, rows: IntArray) -> FloatArray:
        """(n,) by how much alarms have been rarer than asked for, as far as their number tells (Gamma-Poisson)."""
        cells = self._rows
        owed: FloatArray = np.clip(
            (_TRUST + cells["due"][rows]) / (_TRUST + cells["told"][rows]), 1.0 / _MOST_OWED, _MOST_OWED,
        )
        return owed

    def _learn_peak(self, rows: IntArray, side: IntArray) -> None:
        params, cells = self._params, self._rows
        mean, number = cells["excess"][rows, side], cells["exceedances"][rows, side]
        # A peak that alarms counts for what this tail would expect of one that does: it must not be left out, or the
        # tail ends where alarms begin, and it may be the accident that must not deafen the row.
        shape = _shape(params, mean, cells["gini"][rows, side], number)
        alarms = np.maximum(cells["height"][rows, side] - cells["mark"][rows, side], mean)
        most = alarms + params.reach * (mean + alarms * shape / (1.0 - shape))
        excess = np.minimum(cells["peak"][rows, side], most)
        number = np.minimum(number + 1.0, params.memory_exceedances)
        cells["exceedances"][rows, side] = number
        cells["excess"][rows, side] = mean + (excess - mean) / number
        cells["usual"][rows, side] += (cells["length"][rows, side] - cells["usual"][rows, side]) / number
        peers = cells["recent"][rows, side]
        known = np.isfinite(peers)
        apart = np.where(known, np.abs(peers - excess[:, None]), 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        gini = cells["gini"][rows, side]
        cells["gini"][rows, side] = np.where(known.any(axis=1), gini + (0.5 * apart - gini) / number, gini)
        peers[:, 1:] = peers[:, :-1].copy()
        peers[:, 0] = excess
        cells["recent"][rows, side] = peers

    def _refresh(self, rows: IntArray, share: FloatArray) -> None:
        """Move the marks towards the share of windows that should pass them, and take the heights anew.

        share: (n,) runs that may pass the height, by unit of the row's clock.
        """
        params, cells = self._params, self._rows
        windows, excess = cells["windows"][rows][:, None], cells["excess"][rows]
        shape = _shape(params, excess, cells["gini"][rows], cells["exceedances"][rows])
        missing = cells["over"][rows] - params.share_over * cells["since"][rows][:, None]
        step = np.clip(params.pace * missing / (params.share_over * windows), -1.0, 1.0) * excess
        step = np.maximum(cells["mark"][rows] + step, 0.5 * params.mark) - cells["mark"][rows]
        cells["mark"][rows] += step
        # The mean excess of a Pareto tail over another mark; the peaks kept for comparison move too little to matter.
        # What is left of the assumption grows with the mark: of the declared tail the form is believed, not the unit.
        assumed = params.scales * params.excess / params.mark * params.prior_exceedances / cells["exceedances"][rows]
        moved = np.maximum(excess + step * (shape / (1.0 - shape) + assumed), 0.1 * excess)
        cells["gini"][rows] *= moved / excess
        cells["excess"][rows] = moved
        cells["rate"][rows] *= np.exp(-step / moved)
        cells["over"][rows] = 0.0
        cells["since"][rows] = 0.0
        height = _height(
            params, cells["mark"][rows], cells["rate"][rows], moved, cells["gini"][rows], cells["exceedances"][rows],
            share[:, None],
        )
        # The assumed tail is also the least until the row has lived its budget: seldom is one of days met by what hours
        # have shown.
        unlived = 1.0 - cells["lived"][rows] / np.maximum(params.held * self._every, 1.0)
        young = unlived > 0.0
        if young.any():
            least = params.young * _height(params, *self._declared, share[young]) * unlived[young]
            height[young] = np.maximum(height[young], least[:, None])
        cells["height"][rows] = height


def _shape(params: TailParams, excess: FloatArray, gini: FloatArray, number: FloatArray) -> FloatArray:
    """The row's shape, near the assumed one until it has shown many exceedances."""
    own = np.maximum(number - params.prior_exceedances, 0.0)
    own = own / (own + params.prior_shape)
    shape: FloatArray = params.shape + own * (pareto_shape(excess, gini) - params.shape)
    return shape


def _height(
    params: TailParams, mark: FloatArray, rate: FloatArray, excess: FloatArray, gini: FloatArray, number: FloatArray,
    share: float | FloatArray,
) -> FloatArray:
    """The height that runs pass once in `1 / share` windows."""
    shape = _shape(params, excess, gini, number)
    odds = np.log(np.maximum(rate, share) / share)
    caution = np.minimum(0.5 * uncertainty(shape, odds) / number, _CAUTION)
    odds = odds * (1.0 + _HEAVY * np.maximum(shape, 0.0)) + caution
    height: FloatArray = mark + excess * (1.0 - shape) * reach(shape, odds)
    return height
