"""KSWIN: are the row's last residuals drawn from another distribution than those before them?

River's `KSWIN`, one a row: the two-sample Kolmogorov-Smirnov test of the newest `recent` of the last `window` residuals
against as many drawn from the older ones. River throws the dice as it pleases, or from one seed whose place in its
stream no snapshot holds; here they are thrown anew at each test from the row's own count, so that a replay or a
restored row draws the same. River empties the window at each finding and is then deaf until it has filled again; here
river's own bound is 0, so that the window stays and an alarm lasts until it is of one kind again. It tests after every
value, which changes one in `recent` and throws the dice anew: most of what it costs, and the luckiest throw of a run is
what must be told from a change; here it tests after every `stride`-th. Its p-value takes residuals for independent, and
one NaN makes it NaN for `window` windows; here the negative logarithm of p, the smaller the further the row wanders by
nature, is the statistic, the level comes from `calibrate`, and NaN is passed over.

Fails: late, since `recent` windows must fill, and blind to single windows. Cost: 70 us per window and series, nearly
all of it scipy's exact test; 1.1 KB a series that uses it, 11 KB in memory. Not for many series.

Source: Raab, Heusinger and Schleif 2020; river 0.26 `drift.KSWIN`.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol, cast

import numpy as np
from river.drift import KSWIN

from detectors.calibration.calibrator import TailCalibrator, TailParams
from detectors.river.bank import DriftBank
from detectors.river.rows import floats

_LARGEST = 1e6
_MOST_RECENT = 500
"""Beyond it the smallest p-value is 0 in floating point, and river would find what it must not."""


@dataclass(frozen=True, slots=True)
class KswinParams:
    """window, recent: windows kept, and how many of them are the newer sample, at most 500 and at most half of them.
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
        """The bank. Its shift is the newer residuals' mean less the older ones'."""
        tail = TailCalibrator(self.tail, self.every_windows, capacity)
        return DriftBank(_Guard(self), tail, self.window, capacity)


class Dice(Protocol):
    """What river draws the older sample with."""

    def seed(self, number: int) -> None:
        """Throw from here on what belongs to this number."""


class RiverKswin(Protocol):
    """River's test as it is used here; its own methods have no types."""

    n: int
    window: deque[float]
    p_value: float
    _rng: Dice

    def update(self, x: float) -> None:
        """Take a value into the window, and test it."""


class _Guard:
    """See the module."""

    def __init__(self, params: KswinParams) -> None:
        self._params = params

    def new(self) -> RiverKswin:
        return cast("RiverKswin", KSWIN(0.0, self._params.window, self._params.recent, seed=0))

    def feed(
        self, one: RiverKswin, value: float, _heights: tuple[float, float], _shift: float, wander: float,
    ) -> tuple[float, float]:
        value = min(max(value, -_LARGEST), _LARGEST)
        if (one.n + 1) % self._params.stride == 0:
            one._rng.seed(one.n)
            one.update(value)
        else:
            one.n += 1
            one.window.append(value)
        if not one.p_value:  # not tested yet; no test finds 0
            return 0.0, 0.0
        older = self._params.window - self._params.recent
        shift = math.fsum(islice(one.window, older, None)) / self._params.recent
        shift -= math.fsum(islice(one.window, older)) / older
        return math.copysign(-math.log10(one.p_value) / wander, shift), shift

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
