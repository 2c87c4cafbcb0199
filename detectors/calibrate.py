"""Calibration: from any detector's raw statistic to the one level, where 1.0 is the operator's false-alarm budget.

Each row keeps, for either direction, how often the statistic passes a fixed mark and by how much (mean and mean square
of the excess). Windows in a row beyond the mark are one exceedance, so that an autocorrelated stream is not taken for a
heavy-tailed one, nor a long anomaly for a habit. A generalised Pareto tail through these moments gives the height that
is passed once per budget; the level is the statistic divided by that height. Before a row has exceedances of its own,
pseudo-observations of a tail declared by the detector stand in for them. Cost: about 0.3 us per window and
series; 110 bytes a series.

Fails when the stream is so heavy-tailed that its excesses have no variance (shape above 1/2): the shape is capped there
and alarms come somewhat more often than asked.

Sources: Siffer et al. 2017 (peaks over threshold in streams); Hosking and Wallis 1987 (moment estimators).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.base import FloatArray, IntArray, State
from detectors.table import Column, Table

_REFRESH = 64
"""A row without exceedances still learns that they are rarer than assumed, this often (windows)."""
_MAX_SHAPE = 0.45
_MIN_SHAPE = -0.2


@dataclass(frozen=True, slots=True)
class TailParams:
    """Where the tail begins and what it is taken for until the row has shown its own.

    mark: the raw height above which a window is an exceedance. rate: share of windows beyond it, per direction.
    excess: mean height above the mark, for those beyond it. shape: of the generalised Pareto tail, 0 is exponential.
    prior_exceedances, prior_windows: how many observations these guesses are worth. memory_exceedances,
    memory_windows: older ones fade. reach: an exceedance counts for at most so many times the excess that alarms.
    caution: how much longer than the budget the interval aimed at is, because a height that is only estimated is passed
    more often than the true one would be.
    """

    mark: float
    rate: float
    excess: float
    shape: float = 0.0
    prior_exceedances: float = 20.0
    prior_windows: float = 500.0
    memory_exceedances: float = 400.0
    memory_windows: float = 20_000.0
    reach: float = 2.0
    caution: float = 1.5


class TailCalibrator:
    """A bank of tails, two a row (above, below). Not a detector: detectors own one each.

    every_windows: the budget, windows between false alarms of one row and detector, both directions together.
    """

    def __init__(self, params: TailParams, every_windows: float, capacity: int) -> None:
        self._params = params
        # Two directions share the budget.
        self._share = min(0.5, 0.5 / (params.caution * every_windows))
        spread = params.excess**2 * 2 * (1 - params.shape) / (1 - 2 * params.shape)
        prior = [np.array(v) for v in (params.rate, params.excess, spread, params.prior_exceedances)]
        height = float(_height(params, prior[0], prior[1], prior[2], prior[3], self._share))
        self._least = height
        self._rows = Table(
            {
                "windows": Column(np.float64, params.prior_windows),
                "exceedances": Column(np.float64, params.prior_exceedances, (2,)),
                "rate": Column(np.float64, params.rate, (2,)),
                "excess": Column(np.float64, params.excess, (2,)),
                "square": Column(np.float64, spread, (2,)),
                "peak": Column(np.float64, 0.0, (2,)),
                "height": Column(np.float64, height, (2,)),
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

    def learn(self, rows: IntArray, raw: FloatArray) -> None:
        """Take signed statistics into the tails; the rows must be distinct, the statistics finite.

        Windows in a row beyond the mark are one exceedance, as high as the highest, counted when it ends.
        """
        params, cells = self._params, self._rows
        windows = np.minimum(cells["windows"][rows] + 1.0, params.memory_windows)
        cells["windows"][rows] = windows
        rate = cells["rate"][rows] * (1.0 - 1.0 / windows)[:, None]
        excess = np.maximum(np.stack([raw, -raw], axis=1) - params.mark, 0.0)
        peak = cells["peak"][rows]
        ended = (peak > 0.0) & (excess <= 0.0)
        stale = windows % _REFRESH == 0.0
        if ended.any():
            at, side = np.nonzero(ended)
            rate[at, side] += 1.0 / windows[at]
            self._learn_excess(rows[at], side, peak[at, side])
            stale |= ended.any(axis=1)
        cells["peak"][rows] = np.where(excess > 0.0, np.maximum(peak, excess), 0.0)
        cells["rate"][rows] = rate
        if stale.any():
            self._refresh(rows[stale])

    def _learn_excess(self, rows: IntArray, side: IntArray, excess: FloatArray) -> None:
        params, cells = self._params, self._rows
        # One value counts for no more than `reach` times what alarms now: an outlier must not deafen the row.
        excess = np.minimum(excess, params.reach * np.maximum(cells["height"][rows, side] - params.mark, params.excess))
        number = np.minimum(cells["exceedances"][rows, side] + 1.0, params.memory_exceedances)
        cells["exceedances"][rows, side] = number
        cells["excess"][rows, side] += (excess - cells["excess"][rows, side]) / number
        cells["square"][rows, side] += (excess * excess - cells["square"][rows, side]) / number

    def _refresh(self, rows: IntArray) -> None:
        cells = self._rows
        height = _height(
            self._params, cells["rate"][rows], cells["excess"][rows], cells["square"][rows],
            cells["exceedances"][rows], self._share,
        )
        # The assumed tail is also the least: seldom is a budget of days met by what hours have shown.
        cells["height"][rows] = np.maximum(height, self._least)

    def grow(self, capacity: int) -> None:
        """Make room for rows below `capacity`."""
        self._rows.grow(capacity)

    def forget(self, rows: IntArray) -> None:
        """Return rows to the assumed tail."""
        self._rows.forget(rows)

    def snapshot(self, rows: IntArray) -> State:
        """The tails of these rows."""
        return self._rows.snapshot(rows)

    def check(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Raise `ValueError` unless `restore` would accept this snapshot."""
        self._rows.check(rows, state)

    def restore(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Put tails back; raises `ValueError` when they are not a calibrator's."""
        self._rows.restore(rows, state)


def _height(
    params: TailParams, rate: FloatArray, excess: FloatArray, square: FloatArray, number: FloatArray, share: float
) -> FloatArray:
    """The height passed by `share` of the windows, by the moments of the excesses over the mark."""
    ratio = excess * excess / np.maximum(square - excess * excess, 1e-12 * excess * excess + 1e-300)
    # Second moments of a few are wild: until the row has shown many exceedances, the shape stays near the assumed one.
    own = 1.0 - params.prior_exceedances / np.maximum(number, params.prior_exceedances)
    shape = params.shape + own * (np.clip(0.5 * (1.0 - ratio), _MIN_SHAPE, _MAX_SHAPE) - params.shape)
    scale = excess * (1.0 - shape)
    odds = np.log(np.maximum(rate, share) / share)
    bent = np.abs(shape) > 1e-6
    safe = np.where(bent, shape, 1.0)
    reach = np.where(bent, np.expm1(safe * odds) / safe, odds)
    height: FloatArray = params.mark + scale * reach
    return height
