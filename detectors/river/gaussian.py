"""Gaussian scorer: how many standard deviations is a window from the mean of the row's last windows?

River's `GaussianScorer` over a rolling window, one per row. Its fit is used, its score is not. River's score is the
normal probability. It is 1.0 for ever on a flat row (a division by zero counts as certainty), cannot tell 9 deviations
from 900 (it saturates at 8.3), and is 0 where it should be unknown. Here the statistic is the distance itself, in
deviations with a floor, and is calibrated (`TailCalibrator`).

River's rolling sums lose digits by cancellation. Its variance becomes negative, its root complex, and `score_one`
raises TypeError; or the rounding error of one absurd window stays for good. Here a window is learned at no more than
`clip` deviations. The sums are computed anew from the window when they have cancelled, and each time the whole window
has been replaced.

Fails: a large deviation widens the fit until it has left the window; robust location does not have this fault. On small
counts it alarms half to a third as often as asked. Cost: 7 us per window and series; 2 KB a series that uses it, 58 KB
in memory.

Source: river 0.26 `anomaly.GaussianScorer`; West 1979 (updates).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

from detectors.calibration.calibrator import TailCalibrator, TailParams
from detectors.river.bank import ScorerBank
from detectors.river.rows import floats

if TYPE_CHECKING:
    from river.proba import Gaussian
    from river.utils import Rolling

_LARGEST = 1e100
_MOST = 1e6
_CANCELLED = 1e-3
"""The variance has lost digits when it falls below this share of itself as one window leaves."""
_LEAST = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True, slots=True)
class GaussianParams:
    """window: windows over which mean and variance are taken. warm_up: windows before the row has a level.
    relative_floor: minimum deviation, as a share of the mean. clip: a window is learned at no more than so many
    deviations from the mean.
    """

    every_windows: float = 604_800.0
    window: int = 250
    warm_up: int = 30
    relative_floor: float = 1e-3
    clip: float = 10.0
    tail: TailParams = field(default_factory=lambda: TailParams(mark=2.05, rate=0.0195, excess=0.37))

    def build(self, capacity: int) -> ScorerBank[RiverGaussian]:
        """The bank. `Scores.raw` is the distance in standard deviations, without sign."""
        tail = TailCalibrator(self.tail, self.every_windows, capacity)
        return ScorerBank(_Adapter(self), tail, self.warm_up, capacity)


class RiverGaussian(Protocol):
    """River's scorer as it is used here; its own methods have no types."""

    gaussian: Rolling[Gaussian]

    def learn_one(self, x: None, y: float) -> None:
        """Add a value to the window."""


class _Adapter:
    """See the module."""

    def __init__(self, params: GaussianParams) -> None:
        # Here, because river takes a second to import.
        from river.anomaly import GaussianScorer
        from river.proba import Gaussian
        from river.utils import Rolling

        self._params = params
        self._scorer = cast("Callable[[int, int], RiverGaussian]", GaussianScorer)
        self._rolling, self._fitted = Rolling, Gaussian

    def new(self) -> RiverGaussian:
        return self._scorer(self._params.window, self._params.warm_up)

    def score(self, one: RiverGaussian, value: float) -> tuple[float, float]:
        mean, deviation = self._fit(one)
        return min(max((value - mean) / deviation, -_MOST), _MOST), mean

    def _fit(self, one: RiverGaussian) -> tuple[float, float]:
        """The mean, and the standard deviation with its floor."""
        fit = one.gaussian.obj
        mean, variance = float(fit.mu), float(fit._var.get())
        floor = max(self._params.relative_floor * abs(mean), _LEAST)
        return mean, max(math.sqrt(max(variance, 0.0)), floor)

    def learn(self, one: RiverGaussian, value: float, number: int) -> None:
        value = min(max(value, -_LARGEST), _LARGEST)
        if number > self._params.warm_up:
            mean, deviation = self._fit(one)
            most = self._params.clip * deviation
            value = min(max(value, mean - most), mean + most)
        before = one.gaussian.obj._var.get()
        one.learn_one(None, value)
        if one.gaussian.obj._var.get() < _CANCELLED * before or number % self._params.window == 0:
            self._refit(one)

    def _refit(self, one: RiverGaussian) -> None:
        """Compute mean and variance anew from the window, without the errors of cancellation."""
        fresh = self._rolling(self._fitted, window_size=one.gaussian.window_size)
        for value in _values(one):
            fresh.update(value)
        one.gaussian = fresh

    def pack(self, one: RiverGaussian) -> bytes:
        fit = one.gaussian.obj
        return np.array([fit.mu, fit._var._S, *_values(one)], dtype="<f8").tobytes()

    def check(self, body: bytes) -> None:
        most = self._params.window + 2
        if not 2 < len(floats(body)) <= most:
            raise ValueError(f"state: a Gaussian scorer of {len(body)} bytes, expected at most {8 * most}")

    def unpack(self, body: bytes) -> RiverGaussian:
        mean, squares, *values = floats(body).tolist()
        one = self.new()
        one.gaussian.window.extend(((value,), {}) for value in values)
        variance = one.gaussian.obj._var
        variance.mean.n, variance.mean._mean, variance._S = float(len(values)), mean, squares
        return one


def _values(one: RiverGaussian) -> list[float]:
    return [float(arguments[0]) for arguments, _ in one.gaussian.window]
