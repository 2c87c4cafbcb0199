"""KSWIN: do the row's newest residuals have another distribution than those before them?

River's `KSWIN`, one per row: the two-sample Kolmogorov-Smirnov test of the newest `recent` of the last `window`
residuals against as many drawn from the older ones.

- River draws at random, or from a seed whose position in its stream no snapshot holds. Here the generator is seeded at
  each test with the row's own count, so that a replay and a restored row draw the same.
- River empties the window at each detection and is then blind until it has filled again. Here river's threshold is 0,
  so the window stays and an alarm lasts until its two parts have one distribution again.
- River tests after every value, which changes one value in `recent` and draws again. That is most of its cost, and the
  luckiest draw of a run must be distinguished from a change. Here it tests after every `stride`-th value.
- River's p-value assumes independent residuals, and one NaN makes it NaN for `window` windows. Here the statistic is
  the negative logarithm of p, divided by the row's autocorrelation inflation and calibrated (`TailCalibrator`). NaN is
  ignored.

Fails: it is late, since `recent` windows must fill, and blind to single windows. Cost: 70 us per window and series,
nearly all of it scipy's exact test; 1.1 KB a series that uses it, 11 KB in memory. Not for many series.

Source: Raab, Heusinger and Schleif 2020; river 0.26 `drift.KSWIN`.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol, cast

import numpy as np

from detectors.calibration.calibrator import TailCalibrator, TailParams
from detectors.river.bank import DriftBank
from detectors.river.rows import floats

_LARGEST = 1e6
_MOST_RECENT = 500
"""With more, the smallest p-value is 0 in floating point, and river would report a detection."""


@dataclass(frozen=True, slots=True)
class KswinParams:
    """window: windows kept. recent: how many of them are the newer sample, at most 500 and at most half of the window.
    stride: windows from one test to the next. Raises `ValueError`.
    """

    every_windows: float = 604_800.0
    window: int = 100
    recent: int = 30
    stride: int = 4
    tail: TailParams = field(
        default_factory=lambda: TailParams(
            mark=1.4, rate=0.004, excess=0.43, shape=-0.06, prior_shape=200.0, longest=60.0,
        ),
    )

    def __post_init__(self) -> None:
        if self.stride < 1:
            raise ValueError(f"KswinParams.stride: {self.stride}, expected at least 1")
        if not 0 < self.recent <= min(_MOST_RECENT, self.window // 2):
            raise ValueError(
                f"KswinParams.recent: {self.recent}, expected 1 to {_MOST_RECENT} and at most half of {self.window}"
            )

    def build(self, capacity: int) -> DriftBank[RiverKswin]:
        """The bank. Its shift is the newer residuals' mean minus the older ones'."""
        tail = TailCalibrator(self.tail, self.every_windows, capacity)
        return DriftBank(_Adapter(self), tail, self.window, capacity)


class Generator(Protocol):
    """The random generator that river draws the older sample with."""

    def seed(self, number: int) -> None:
        """Restart the generator from this seed."""


class RiverKswin(Protocol):
    """River's test as it is used here; its own methods have no types."""

    n: int
    window: deque[float]
    p_value: float
    _rng: Generator

    def update(self, x: float) -> None:
        """Add a value to the window, and test it."""


class _Adapter:
    """See the module."""

    def __init__(self, params: KswinParams) -> None:
        from river.drift import KSWIN  # here, because river takes a second to import

        self._params = params
        self._kswin = KSWIN

    def new(self) -> RiverKswin:
        return cast("RiverKswin", self._kswin(0.0, self._params.window, self._params.recent, seed=0))

    def update(
        self, one: RiverKswin, value: float, _return_levels: tuple[float, float], _shift: float, inflation: float,
    ) -> tuple[float, float]:
        value = min(max(value, -_LARGEST), _LARGEST)
        if (one.n + 1) % self._params.stride == 0:
            one._rng.seed(one.n)
            one.update(value)
        else:
            one.n += 1
            one.window.append(value)
        if not one.p_value:  # not tested yet; no test gives 0
            return 0.0, 0.0
        older = self._params.window - self._params.recent
        shift = math.fsum(islice(one.window, older, None)) / self._params.recent
        shift -= math.fsum(islice(one.window, older)) / older
        return math.copysign(-math.log10(one.p_value) / inflation, shift), shift

    def pack(self, one: RiverKswin) -> bytes:
        return np.array([one.n, one.p_value, *one.window], dtype="<f8").tobytes()

    def check(self, body: bytes) -> None:
        numbers, most = floats(body), self._params.window + 2
        if not 2 < len(numbers) <= most:
            raise ValueError(f"state: KSWIN of {len(body)} bytes, expected at most {8 * most}")

    def unpack(self, body: bytes) -> RiverKswin:
        number, p_value, *values = floats(body).tolist()
        one = self.new()
        one.n, one.p_value = int(number), p_value
        one.window.extend(values)
        return one
