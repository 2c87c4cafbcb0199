"""ADWIN: does the newer part of the row's residuals, since they last changed, lie off their mean so far?

River's `ADWIN`, one a row, finds that part: a window that grows while all in it is of one kind, and that loses what is
older when it is not. River empties it at each finding, the part it has just found with it; here that stays. River finds
what is proved to be no accident, which takes some thirty windows; here `delta` is 1, where the proof promises nothing
and a row is cut every seventy windows or so by accident, and the statistic is how many standard errors the window's
mean lies off the row's. It becomes a level through `calibrate`. The proof is for values in [0, 1]; that river takes any
serves rows that wander by nature: the smaller their values, the larger the part of the bound that keeps short windows
together. One absurd value would widen the window's variance so far that no change is found until it has left, and one
NaN would make it deaf for ever: residuals are cut, and NaN is passed over. A change is news: what it says fades as its
window grows older, also while it lasts, and returns no sooner than after as long a rest. River's reader of its own
state panics on damaged bytes and takes the process with it; `river_rows` refuses them first.

Fails: tells only of the mean, and of a slow drift only where it grows faster than the row's mean follows. On skewed
residuals it is quieter than asked at budgets of 20,000 windows, about threefold. Cost: 5 us per window and series; 1.2
to 2.7 KB a series that uses it, 3 KB in memory.

Source: Bifet and Gavalda 2007; river 0.26 `drift.ADWIN`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
from river.drift import ADWIN
from river.stats import Var

from detectors.calibration.calibrator import TailCalibrator, TailParams
from detectors.river.bank import DriftBank
from detectors.river.rows import floats

if TYPE_CHECKING:
    from river._river_rust.drift import AdaptiveWindowing

_DELTA = 1.0
_EACH_WINDOW = 1
_MAX_BUCKETS = 5
_LEAST_PART = 1
"""Of river: its confidence, windows between checks, buckets of a size, and the least windows of either part."""
_ROW = 32
"""Bytes of the row's number, mean, squares and `told`, before river's own."""


@dataclass(frozen=True, slots=True)
class AdwinParams:
    """clip: residuals are cut to this many spreads. news: windows that the newer part may have and still be news; what
    it says fades until it has twice as many. memory: windows over which the row's mean and variance are taken; prior:
    how many a mean of 0 and a variance of 1 are worth at first. warm_up: windows before the row is judged.
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
        """The bank. Its shift is the newer part's mean less the row's."""
        tail = TailCalibrator(self.tail, self.every_windows, capacity)
        return DriftBank(_Guard(self), tail, self.warm_up, capacity)


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
        """Take in a value; river starts anew with the first after a change."""


@dataclass(slots=True)
class Parts:
    """The window since the last change, the mean and variance of the row, and for how many windows the one has been
    told to lie off the other: negative for below, and taken back as slowly as it came.
    """

    newer: RiverAdwin
    row: Var
    told: float = 0.0


class _Guard:
    """See the module."""

    def __init__(self, params: AdwinParams) -> None:
        self._params = params

    def new(self) -> Parts:
        make = cast("Callable[[float, int, int, int, int], RiverAdwin]", ADWIN)
        newer = make(_DELTA, _EACH_WINDOW, _MAX_BUCKETS, _LEAST_PART, self._params.warm_up)
        return Parts(newer, Var._from_state(self._params.prior, 0.0, 1.0))

    def feed(
        self, one: Parts, value: float, heights: tuple[float, float], _shift: float, wander: float,
    ) -> tuple[float, float]:
        params, newer, row = self._params, one.newer, one.row
        value = min(max(value, -params.clip), params.clip)
        newer._drift_detected = False
        newer.update(value / wander**2)
        width, away = newer.width, newer.estimation * wander**2 - row.mean.get()
        error = math.sqrt(wander * max(row.get(), 1.0) * (1.0 / width + 1.0 / row.n))
        statistic = away / error
        if statistic >= heights[0]:
            one.told = min(max(one.told, 0.0) + 1.0, 2.0 * params.news)
        elif -statistic >= heights[1]:
            one.told = max(min(one.told, 0.0) - 1.0, -2.0 * params.news)
        elif one.told:
            one.told -= math.copysign(1.0, one.told)
        age = max(width, math.copysign(one.told, one.told * away))
        statistic *= min(max(2.0 - age / params.news, 0.0), 1.0)
        # What a change is measured against must not follow it.
        if -heights[1] < statistic < heights[0]:
            one.row = Var._from_state(min(row.n, params.memory - 1.0), row.mean.get(), row.get())
            one.row.update(value)
        return statistic, away

    def pack(self, one: Parts) -> bytes:
        row = np.array([one.row.n, one.row.mean.get(), one.row._S, one.told], dtype="<f8").tobytes()
        return row + bytes(one.newer._helper.__getstate__())

    def check(self, body: bytes) -> None:
        if len(body) <= _ROW or not floats(body[:_ROW])[0] > 1.0:
            raise ValueError(f"state: ADWIN of {len(body)} bytes, expected the row's numbers before river's own")

    def unpack(self, body: bytes) -> Parts:
        one = self.new()
        number, mean, squares, one.told = floats(body[:_ROW]).tolist()
        one.row = Var._from_state(number, mean, 0.0)
        one.row._S = squares
        one.newer._helper.__setstate__(body[_ROW:])
        return one
