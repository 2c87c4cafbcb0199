"""Calibration: from any detector's raw statistic to one level, where 1.0 is the operator's false-alarm budget.

The method is peaks over threshold, online. Each row keeps, for each direction, a threshold that about `share_over` of
its windows exceed, the rate of runs of such windows, and the first two L-moments of the runs' peaks above the
threshold. A generalised Pareto tail through these gives the return level: the value that is exceeded once per budget.
The level is the statistic divided by the return level. A run beyond the threshold is one exceedance, as high as its
peak, so that an autocorrelated stream is not taken for a heavy-tailed one. Until a row has shown peaks of its own, the
tail that the detector declares stands in for them, in the unit that the row's own threshold sets: a detector knows the
form of its tail better than how widely a row scatters.

`observe` gets every window, `learn` those that may be learned from. A run ends with the first window below the
threshold that may be learned from. A run of ordinary length counts with its peak, also when the peak alarmed and was
itself not learned from: leaving out what alarms would cut off the tail that is to be measured. A run much longer than
usual is an incident and counts for nothing. So an incident never raises the return level, and a short outlier does.

L-moments: half the mean difference of two independent draws needs only the last few peaks beside a new one, so no
sample is kept. They exist for every shape below 1, and at 50 peaks are as good as maximum likelihood.

Accuracy: from 200 peaks (some 10,000 windows) of an exponential tail, the interval between false alarms is known to a
factor, at one standard error, of 1.6 when 2,000 windows are asked for, 3.2 when 20,000, and 30 when 604,800 (7 days of
seconds). Hours of data do not show what happens once in days. At such budgets the declared tail gives a lower bound of
the return level, which fades as the row's age nears the budget. A tail heavier than declared alarms more often than
asked.

Once a row is older than its budget, expected and observed alarms are counted. The budget is corrected by their ratio,
as far as so few alarms are evidence (a Gamma prior of a few alarms that came as expected, Poisson arrivals). This
corrects what no fitted tail can know: a direction that is bounded and never spends its half of the budget, values so
few that nothing lies between two of them, windows that depend on each other beyond a run.

Events that become rarer with age, such as records, have no constant rate per window. The detector may pass a clock on
which they have a constant rate; see `learn`.

Fails: in the first few thousand windows of a heavier tail than declared, and at budgets some hundred times the row's
age, as above. Cost: about 0.3 us per window and series; 270 bytes a series.

Sources: Smith 1987 (uncertainty of an estimated generalised Pareto tail); Siffer, Fouque, Termier and Largouet 2017
(peaks over threshold in streams); Hosking and Wallis 1987, Hosking 1990 (probability-weighted and L-moments of the
generalised Pareto distribution); Robbins and Monro 1951 (the threshold); Robbins 1956 (empirical Bayes).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.banks.table import Column, Table, TableComponent
from detectors.base import BoolArray, FloatArray, IntArray
from detectors.calibration.pareto import log_rate_variance, pareto_quantile, pareto_shape

_REFRESH = 64
"""Windows after which a row without exceedances is refreshed too, to learn that they are rarer than assumed."""
_PRIOR_ALARMS = 3.0
"""Alarms that are assumed to have come as expected before a row has raised any."""
_ALARM_MEMORY = 20.0
"""Expected alarms over which the counts are remembered."""
_MAX_CORRECTION = 3.0
"""The budget is corrected by this factor at most, either way."""
_MAX_CAUTION = 0.7
"""Upper bound of what is added to the log return period for the uncertainty of few peaks: more would mute young rows.
"""
_SPANS = 16.0
"""Windows over which the base windows that a window spans are averaged."""
_HEAVY_TAIL = 0.85
"""Share by which the log return period is lengthened, per unit of shape, measured on Student's t. Few peaks understate
a heavy tail by far more than they overstate it. No first-order correction shows this, and it grows with the
extrapolation.
"""


@dataclass(frozen=True, slots=True)
class TailParams:
    """Where the tail begins, and the tail that is assumed until the row has shown its own.

    mark: the first threshold, the raw value that about `share_over` of the windows exceed, per direction. rate: runs of
    such windows per window. excess: mean height of a run's peak above the threshold. shape: of the generalised Pareto
    tail, 0 is exponential. scales: whether excesses grow in proportion to the threshold until the row has shown its
    own; not so where the threshold is near 0, as for records. prior_exceedances, prior_windows: number of observations
    that these assumptions are worth. prior_shape: number of peaks that the assumed shape is worth. memory_exceedances,
    memory_windows: older observations fade. reach: a peak that alarms counts for at most so many mean excesses above
    the return level. longest: a run of more windows, and of more than four usual runs, is an incident. peers: number of
    last peaks that a new one is compared with. pace: step size of the threshold. held: for this share of the budget a
    row is young, and its return level is at least `young` times that of the declared tail; fades. With a clock, rates,
    shares and windows are by its units.

    The field names are part of the configuration's hash, which every incident carries.
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


class TailCalibrator(TableComponent):
    """A bank of tails, two per row (above, below). Not a `Detector`: each detector owns one. A cold row has the
    declared tail.

    every_windows: the budget, base windows between false alarms of one row and detector, both directions together. A
    window that spans several base windows (`learn`) spends as much of the budget.
    """

    def __init__(self, params: TailParams, every_windows: float, capacity: int) -> None:
        self._params = params
        self._every = every_windows
        # Two directions share the budget.
        self._share = min(0.5, 0.5 / every_windows)
        gini = params.excess / (2.0 - params.shape)
        threshold, rate, excess, spread, number = np.array(
            [params.mark, params.rate, params.excess, gini, params.prior_exceedances]
        )[:, None]
        self._declared = (threshold, rate, excess, spread, number)
        least = params.young * float(_return_level(params, *self._declared, self._share)[0])
        self._rows = Table(
            {
                "windows": Column(np.float64, params.prior_windows),
                "age": Column(np.float64, 0.0),
                "expected_alarms": Column(np.float64, 0.0),
                "observed_alarms": Column(np.float64, 0.0),
                "since_refresh": Column(np.float64, 0.0),
                "over": Column(np.float64, 0.0, (2,)),
                "threshold": Column(np.float64, params.mark, (2,)),
                "exceedances": Column(np.float64, params.prior_exceedances, (2,)),
                "rate": Column(np.float64, params.rate, (2,)),
                "excess": Column(np.float64, params.excess, (2,)),
                "gini": Column(np.float64, gini, (2,)),
                "recent": Column(np.float32, np.nan, (2, params.peers)),
                "peak": Column(np.float64, 0.0, (2,)),
                "length": Column(np.float64, 0.0, (2,)),
                "usual": Column(np.float64, 1.5, (2,)),
                "return_level": Column(np.float64, least, (2,)),
                "span": Column(np.float64, 1.0),
            },
            capacity,
        )

    def level(self, rows: IntArray, raw: FloatArray) -> FloatArray:
        """(n,) the level of signed statistics; NaN stays NaN."""
        level: FloatArray = np.abs(raw) / self._rows["return_level"][rows, (raw < 0).astype(np.intp)]
        return level

    def return_level(self, rows: IntArray) -> FloatArray:
        """(n, 2): the raw statistic that is level 1.0, above and below."""
        return_level: FloatArray = self._rows.take("return_level", rows)
        return return_level

    def observe(self, rows: IntArray, raw: FloatArray) -> None:
        """Add signed statistics of distinct rows to the runs they belong to; NaN belongs to none."""
        cells = self._rows
        excess = np.stack([raw, -raw], axis=1) - cells.take("threshold", rows)
        at, side = _places(excess > 0.0)
        if len(at):
            hit = rows[at]
            cells["peak"][hit, side] = np.maximum(cells["peak"][hit, side], excess[at, side])
            cells["length"][hit, side] += 1.0

    def incident(self, rows: IntArray) -> BoolArray:
        """(n, 2) whether the run beyond the threshold is so long that it will not be learned from."""
        cells = self._rows
        usual = cells.take("usual", rows)
        incident: BoolArray = cells.take("length", rows) > np.maximum(self._params.longest, 4.0 * usual)
        return incident

    def learn(
        self, rows: IntArray, raw: FloatArray, clock: FloatArray | None = None, span: FloatArray | None = None,
    ) -> None:
        """Count observed windows of distinct rows that may be learned from, and the runs that end with them.

        clock: (n,) units of the row's own clock that each window is worth, at most 1; None for one unit per window.
        span: (n,) base windows that each window spans; None for one.
        """
        params, cells = self._params, self._rows
        unit = np.ones(len(rows)) if clock is None else clock
        windows = np.minimum(cells["windows"][rows] + unit, params.memory_windows)
        cells["windows"][rows] = windows
        if span is None:
            cells["age"][rows] += 1.0
        else:
            span = np.clip(span, 1.0, 0.5 * self._every)
            cells["age"][rows] += span
            cells["span"][rows] += (span - cells["span"][rows]) / _SPANS
        old = cells["age"][rows] > self._every
        cells["since_refresh"][rows] += unit
        cells.put_pairs("rate", rows, cells.take("rate", rows) * (1.0 - unit / windows)[:, None])
        over = np.stack([raw, -raw], axis=1) > cells.take("threshold", rows)
        stale = cells["since_refresh"][rows] >= _REFRESH * unit
        ended = (cells.take("peak", rows) > 0.0) & ~over
        if ended.any():
            counts = ended & ~self.incident(rows)
            at, side = _places(counts)
            hit = rows[at]
            cells["rate"][hit, side] += 1.0 / windows[at]
            cells["over"][hit, side] += cells["length"][hit, side]
            alarmed = cells["peak"][hit, side] + cells["threshold"][hit, side] >= cells["return_level"][hit, side]
            np.add.at(cells["observed_alarms"], hit[alarmed & old[at]], 1.0)
            self._learn_peak(hit, side)
            at, side = _places(ended)
            cells["peak"][rows[at], side] = 0.0
            cells["length"][rows[at], side] = 0.0
            stale[at] = True
        if old.any():
            self._count_expected(rows[old])
        if stale.any():
            share = np.minimum(self._share * cells["span"][rows[stale]], 0.5)
            self._refresh(rows[stale], share * self._correction(rows[stale]) / unit[stale])

    def _count_expected(self, rows: IntArray) -> None:
        """Add one window's expected alarms, in rows older than their budget; old counts fade."""
        cells = self._rows
        expected = cells["expected_alarms"][rows] + cells["span"][rows] / self._every
        kept = np.minimum(_ALARM_MEMORY / np.maximum(expected, _ALARM_MEMORY), 1.0)
        cells["expected_alarms"][rows] = expected * kept
        cells["observed_alarms"][rows] *= kept

    def _correction(self, rows: IntArray) -> FloatArray:
        """(n,) factor of the alarm rate: above 1 where alarms were rarer than expected (Gamma-Poisson posterior)."""
        expected, observed = self._rows["expected_alarms"][rows], self._rows["observed_alarms"][rows]
        factor: FloatArray = np.clip(
            (_PRIOR_ALARMS + expected) / (_PRIOR_ALARMS + observed), 1.0 / _MAX_CORRECTION, _MAX_CORRECTION,
        )
        return factor

    def _learn_peak(self, rows: IntArray, side: IntArray) -> None:
        params, cells = self._params, self._rows
        mean, number = cells["excess"][rows, side], cells["exceedances"][rows, side]
        # A peak that alarms counts as far as this tail expects of such a peak. Left out, it would end the tail where
        # alarms begin; counted in full, one outlier could mute the row.
        shape = _shape(params, mean, cells["gini"][rows, side], number)
        alarms = np.maximum(cells["return_level"][rows, side] - cells["threshold"][rows, side], mean)
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
        """Move the thresholds towards `share_over`, and compute the return levels.

        share: (n,) runs that may exceed the return level, per unit of the row's clock.
        """
        params, cells = self._params, self._rows
        windows, excess = cells["windows"][rows][:, None], cells.take("excess", rows)
        threshold, gini, number = (cells.take(name, rows) for name in ("threshold", "gini", "exceedances"))
        shape = _shape(params, excess, gini, number)
        missing = cells.take("over", rows) - params.share_over * cells["since_refresh"][rows][:, None]
        step = np.clip(params.pace * missing / (params.share_over * windows), -1.0, 1.0) * excess
        step = np.maximum(threshold + step, 0.5 * params.mark) - threshold
        threshold = threshold + step
        # The mean excess of a Pareto tail over another threshold; the peaks kept for comparison move too little to
        # matter. The rest of the prior grows with the threshold: its form is believed, not its unit.
        assumed = params.scales * params.excess / params.mark * params.prior_exceedances / number
        moved = np.maximum(excess + step * (shape / (1.0 - shape) + assumed), 0.1 * excess)
        gini = gini * (moved / excess)
        rate = cells.take("rate", rows) * np.exp(-step / moved)
        cells.put_pairs("over", rows, np.zeros_like(threshold))
        cells["since_refresh"][rows] = 0.0
        level = _return_level(params, threshold, rate, moved, gini, number, share[:, None])
        # The declared tail is a lower bound while the row is younger than its budget: hours of data seldom show what
        # happens once in days.
        remaining = 1.0 - cells["age"][rows] / np.maximum(params.held * self._every, 1.0)
        young = remaining > 0.0
        if young.any():
            least = params.young * _return_level(params, *self._declared, share[young]) * remaining[young]
            level[young] = np.maximum(level[young], least[:, None])
        found = {"threshold": threshold, "gini": gini, "excess": moved, "rate": rate, "return_level": level}
        for name, values in found.items():
            cells.put_pairs(name, rows, values)


def _places(pairs: BoolArray) -> tuple[IntArray, IntArray]:
    """The places of what is true in (n, 2): number and side, in order of number."""
    at = np.flatnonzero(pairs)
    return at >> 1, at & 1


def _shape(params: TailParams, excess: FloatArray, gini: FloatArray, number: FloatArray) -> FloatArray:
    """The row's shape, near the declared one until the row has shown many exceedances."""
    own = np.maximum(number - params.prior_exceedances, 0.0)
    own = own / (own + params.prior_shape)
    shape: FloatArray = params.shape + own * (pareto_shape(excess, gini) - params.shape)
    return shape


def _return_level(
    params: TailParams, threshold: FloatArray, rate: FloatArray, excess: FloatArray, gini: FloatArray,
    number: FloatArray, share: float | FloatArray,
) -> FloatArray:
    """The value that runs exceed once in `1 / share` windows."""
    shape = _shape(params, excess, gini, number)
    log_period = np.log(np.maximum(rate, share) / share)
    caution = np.minimum(0.5 * log_rate_variance(shape, log_period) / number, _MAX_CAUTION)
    log_period = log_period * (1.0 + _HEAVY_TAIL * np.maximum(shape, 0.0)) + caution
    level: FloatArray = threshold + excess * (1.0 - shape) * pareto_quantile(shape, log_period)
    return level
