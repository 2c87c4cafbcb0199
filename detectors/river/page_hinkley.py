"""Page-Hinkley: has the mean of the row's residuals drifted from their mean so far?

River's `PageHinkley`, one per row: the sum of deviations from the running mean, minus an allowance, compared with its
own minimum (for a rise) and maximum (for a fall).

- River compares the difference with a threshold in the stream's own unit, so that one setting never alarms on seconds
  and always on milliseconds. Here river's threshold is infinite, and the difference is calibrated (`TailCalibrator`).
- River forgets everything at each detection, and then takes the return to normal for a change. River's mean also
  follows a change that is to be measured against it. Here, while the statistic alarms, the mean stands still and the
  sums are held just above the return level, so that an alarm lasts as long as the change and the evidence drains
  afterwards.
- River fades the sums but not their extremes: the older the row, the more of the allowance the fading cancels, until
  the sums move freely. Here nothing fades.
- One NaN disables river's object for good. Here NaN is ignored.

The sums of an autocorrelated row stay away from their extremes for hundreds of windows, too long to learn a return
level from. Its residuals are divided by the root of its autocorrelation inflation first.

Fails: it is a window late; slower than CUSUM, whose reference does not move with the change; and blind to shifts of a
spread or less where residuals are strongly autocorrelated. Cost: 4 us per window and series; 350 bytes a series that
uses it, 1 KB in memory.

Sources: Page 1954; Hinkley 1971; river 0.26 `drift.PageHinkley`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

from detectors.calibration.calibrator import TailCalibrator, TailParams
from detectors.river.bank import DriftBank
from detectors.river.rows import floats

if TYPE_CHECKING:
    from river.stats import Mean

_RECENT = 0.2
_HOLD = 8.0
"""How far above the return level a difference may be, in spreads."""
_FIELDS = 6
_NO_FADING = 1.0


@dataclass(frozen=True, slots=True)
class PageHinkleyParams:
    """delta: allowance per window, in spreads. clip: residuals are clipped to so many spreads. memory: windows over
    which the mean is taken. prior: number of windows that the initial mean 0 is worth. warm_up: windows before the row
    has a level.
    """

    every_windows: float = 604_800.0
    delta: float = 0.5
    clip: float = 5.0
    memory: float = 2000.0
    prior: float = 100.0
    warm_up: int = 30
    tail: TailParams = field(
        default_factory=lambda: TailParams(mark=4.0, rate=0.0065, excess=1.05, shape=0.1, longest=300.0),
    )

    def build(self, capacity: int) -> DriftBank[RiverPageHinkley]:
        """The bank. Its shift is the mean of the last few residuals."""
        tail = TailCalibrator(self.tail, self.every_windows, capacity)
        return DriftBank(_Adapter(self), tail, self.warm_up, capacity)


class RiverPageHinkley(Protocol):
    """River's test as it is used here; its own methods have no types."""

    _x_mean: Mean
    _sum_increase: float
    _sum_decrease: float
    _min_increase: float
    _max_decrease: float

    def update(self, x: float) -> None:
        """Add a value to the sums."""


class _Adapter:
    """See the module."""

    def __init__(self, params: PageHinkleyParams) -> None:
        # Here, because river takes a second to import.
        from river.drift import PageHinkley
        from river.stats import Mean

        self._params = params
        self._page_hinkley = PageHinkley
        self._mean = Mean._from_state

    def new(self) -> RiverPageHinkley:
        params = self._params
        one = cast("RiverPageHinkley", self._page_hinkley(params.warm_up, params.delta, math.inf, _NO_FADING))
        one._x_mean = self._mean(params.prior, 0.0)
        return one

    def update(
        self, one: RiverPageHinkley, value: float, return_levels: tuple[float, float], shift: float, inflation: float,
    ) -> tuple[float, float]:
        value = min(max(value, -self._params.clip), self._params.clip)
        recent = shift + _RECENT * (value - shift)
        value /= math.sqrt(inflation)
        mean = self._mean(min(one._x_mean.n, self._params.memory - 1.0), one._x_mean.get())
        one._x_mean.n = mean.n
        one.update(value)
        above, below = one._sum_increase - one._min_increase, one._max_decrease - one._sum_decrease
        if above >= return_levels[0] or below >= return_levels[1]:
            one._x_mean = mean
            one._sum_increase = min(one._sum_increase, one._min_increase + return_levels[0] + _HOLD)
            one._sum_decrease = max(one._sum_decrease, one._max_decrease - return_levels[1] - _HOLD)
        return above if above >= below else -below, recent

    def pack(self, one: RiverPageHinkley) -> bytes:
        mean = one._x_mean
        return np.array(
            [mean.n, mean.get(), one._sum_increase, one._sum_decrease, one._min_increase, one._max_decrease], "<f8",
        ).tobytes()

    def check(self, body: bytes) -> None:
        if len(floats(body)) != _FIELDS:
            raise ValueError(f"state: a Page-Hinkley test of {len(body)} bytes, expected {8 * _FIELDS}")

    def unpack(self, body: bytes) -> RiverPageHinkley:
        number, mean, *sums = floats(body).tolist()
        one = self.new()
        one._x_mean = self._mean(number, mean)
        one._sum_increase, one._sum_decrease, one._min_increase, one._max_decrease = sums
        return one
