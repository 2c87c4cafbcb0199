"""ADWIN: does the mean of the row's newer residuals, those since the last change, differ from the row's mean?

River's `ADWIN`, one per row, finds the newer part. It keeps a window that grows while its values have one mean, and
drops the older part when they do not. River empties the window at each detection, together with the part that it has
just found; here that part stays. River detects only what is statistically proven, which takes some thirty windows. Here
`delta` is 1, where the proof guarantees nothing and a row is cut by chance about every seventy windows. The statistic
is the difference between the window's mean and the row's mean, in standard errors, and is calibrated
(`TailCalibrator`).

The proof is for values in [0, 1]. This helps autocorrelated rows: the smaller their values, the larger the part of the
bound that keeps short windows together. One absurd value would widen the window's variance so far that no change is
found until it has left; residuals are therefore clipped. One NaN would disable river's object for good; NaN is ignored.

A change is new only for a while. Its statistic fades as the window grows older, also while the change lasts, and does
not return until the change has been absent for as long. River's reader of its own state panics on damaged bytes and
ends the process; `detectors/river/rows.py` refuses them first.

Fails: it sees only the mean, and a slow drift only where it is faster than the row's mean follows. On skewed residuals
it alarms about a third as often as asked at budgets of 20,000 windows. Cost: 5 us per window and series; 1.2 to 2.7 KB
a series that uses it, 3 KB in memory.

Source: Bifet and Gavalda 2007; river 0.26 `drift.ADWIN`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

from detectors.calibration.calibrator import TailCalibrator, TailParams
from detectors.river.bank import DriftBank
from detectors.river.rows import floats

if TYPE_CHECKING:
    from river._river_rust.drift import AdaptiveWindowing
    from river.stats import Var

_DELTA = 1.0
_EACH_WINDOW = 1
_MAX_BUCKETS = 5
_LEAST_PART = 1
"""Parameters of river: confidence, windows between checks, buckets of each size, minimum windows of either part."""
_ROW = 32
"""Bytes of the row's number, mean, squares and `alarm_windows`, before river's own state."""


@dataclass(frozen=True, slots=True)
class AdwinParams:
    """clip: residuals are clipped to this many spreads. news: windows for which a change counts as new; its statistic
    fades until the newer part has twice as many. memory: windows over which the row's mean and variance are taken.
    prior: number of windows that the initial mean 0 and variance 1 are worth. warm_up: windows before the row has a
    level.
    """

    every_windows: float = 604_800.0
    clip: float = 4.0
    news: int = 64
    memory: float = 2000.0
    prior: float = 100.0
    warm_up: int = 30
    tail: TailParams = field(
        default_factory=lambda: TailParams(
            mark=2.4, rate=0.0035, excess=0.5, shape=-0.12, prior_exceedances=20.0, prior_shape=200.0, longest=150.0,
        ),
    )

    def build(self, capacity: int) -> DriftBank[Parts]:
        """The bank. Its shift is the newer part's mean minus the row's."""
        tail = TailCalibrator(self.tail, self.every_windows, capacity)
        return DriftBank(_Adapter(self), tail, self.warm_up, capacity)


class RiverAdwin(Protocol):
    """River's detector as it is used here; its own methods have no types."""

    _helper: AdaptiveWindowing
    _drift_detected: bool

    @property
    def width(self) -> int:
        """Values in the window."""

    @property
    def estimation(self) -> float:
        """The mean of the window."""

    def update(self, x: float) -> None:
        """Add a value. River empties the window at the first value after a detection."""


@dataclass(slots=True)
class Parts:
    """newer: the window since the last change. row: mean and variance of the row. alarm_windows: for how many windows
    the statistic has alarmed, negative below; it returns to 0 by one per window without an alarm.
    """

    newer: RiverAdwin
    row: Var
    alarm_windows: float = 0.0


class _Adapter:
    """See the module."""

    def __init__(self, params: AdwinParams) -> None:
        # Here, because river takes a second to import.
        from river.drift import ADWIN
        from river.stats import Var

        self._params = params
        self._adwin = cast("Callable[[float, int, int, int, int], RiverAdwin]", ADWIN)
        self._variance = Var._from_state

    def new(self) -> Parts:
        newer = self._adwin(_DELTA, _EACH_WINDOW, _MAX_BUCKETS, _LEAST_PART, self._params.warm_up)
        return Parts(newer, self._variance(self._params.prior, 0.0, 1.0))

    def update(
        self, one: Parts, value: float, return_levels: tuple[float, float], _shift: float, inflation: float,
    ) -> tuple[float, float]:
        params, newer, row = self._params, one.newer, one.row
        value = min(max(value, -params.clip), params.clip)
        newer._drift_detected = False
        newer.update(value / inflation**2)
        width, away = newer.width, newer.estimation * inflation**2 - row.mean.get()
        error = math.sqrt(inflation * max(row.get(), 1.0) * (1.0 / width + 1.0 / row.n))
        statistic = away / error
        if statistic >= return_levels[0]:
            one.alarm_windows = min(max(one.alarm_windows, 0.0) + 1.0, 2.0 * params.news)
        elif -statistic >= return_levels[1]:
            one.alarm_windows = max(min(one.alarm_windows, 0.0) - 1.0, -2.0 * params.news)
        elif one.alarm_windows:
            one.alarm_windows -= math.copysign(1.0, one.alarm_windows)
        age = max(width, math.copysign(one.alarm_windows, one.alarm_windows * away))
        statistic *= min(max(2.0 - age / params.news, 0.0), 1.0)
        # The reference must not follow the change that is measured against it.
        if -return_levels[1] < statistic < return_levels[0]:
            one.row = self._variance(min(row.n, params.memory - 1.0), row.mean.get(), row.get())
            one.row.update(value)
        return statistic, away

    def pack(self, one: Parts) -> bytes:
        row = np.array([one.row.n, one.row.mean.get(), one.row._S, one.alarm_windows], dtype="<f8").tobytes()
        return row + bytes(one.newer._helper.__getstate__())

    def check(self, body: bytes) -> None:
        if len(body) <= _ROW or not floats(body[:_ROW])[0] > 1.0:
            raise ValueError(f"state: ADWIN of {len(body)} bytes, expected the row's numbers before river's own")

    def unpack(self, body: bytes) -> Parts:
        one = self.new()
        number, mean, squares, one.alarm_windows = floats(body[:_ROW]).tolist()
        one.row = self._variance(number, mean, 0.0)
        one.row._S = squares
        one.newer._helper.__setstate__(body[_ROW:])
        return one
