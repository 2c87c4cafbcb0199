"""ADWIN: has the mean of the row's residuals changed between an older and a newer part of an adaptive window?

River's `ADWIN`, one a row. Its bound is proved for values in [0, 1] and river takes any: one absurd value widens the
window's variance so far that no change is found until it has left, and one NaN makes it deaf for ever. Here residuals
are cut and mapped to [0, 1], and NaN is passed over. River says that there was a change and not which, for one window
only; here the direction and size are those of its estimate's step, and a detection is news once: the level starts above
1 and fades over `hold` windows. `delta` is chosen so that the bound on false detections is the budget; a bound is no
calibration, and false alarms are rarer than asked. River's reader of its own state panics on damaged bytes and takes
the process with it; `river_rows` refuses them first.

Fails: tells of a change some windows late, and only of the mean. Cost: 0.6 us per window and series; 1 to 2.5 KB
a series that uses it, 2 KB in memory.

Source: Bifet and Gavalda 2007; river 0.26 `drift.ADWIN`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
from river.drift import ADWIN

from detectors.banked import Banked
from detectors.base import Block, Scores
from detectors.river_rows import RiverRows
from detectors.table import Column, Table

if TYPE_CHECKING:
    from river._river_rust.drift import AdaptiveWindowing

_LONG_AGO = np.iinfo(np.int32).max
_MAX_BUCKETS = 5
_LEAST_PART = 5
"""River's own: buckets of a size, and the least windows of either part."""


@dataclass(frozen=True, slots=True)
class AdwinParams:
    """clip: residuals are cut to this many spreads. clock: windows between river's checks.

    hold: windows an alarm lasts. start_level: the level right after a detection. warm_up: windows before the row is
    judged.
    """

    every_windows: float = 604_800.0
    clip: float = 4.0
    clock: int = 4
    hold: int = 16
    start_level: float = 2.0
    warm_up: int = 16

    def build(self, capacity: int) -> Adwin:
        """The bank."""
        return Adwin(self, capacity)


class Adwin(Banked):
    """The bank; see the module. Takes residuals as values. `Scores.raw` is the size of the last change, in spreads."""

    def __init__(self, params: AdwinParams, capacity: int) -> None:
        self._params = params
        self._rows = Table(
            {
                "learned": Column(np.int64, 0),
                "since": Column(np.int64, _LONG_AGO),
                "shift": Column(np.float64, 0.0),
            },
            capacity,
        )
        self._river: RiverRows[RiverAdwin] = RiverRows(_Kind(params))
        super().__init__({"rows": self._rows, "river": self._river})

    def score(self, block: Block) -> Scores:
        """What the windows learned so far say; the window itself counts once it is learned."""
        rows, params = block.rows, self._params
        cold = (self._rows["learned"][rows] < params.warm_up) | np.isnan(block.value)
        left = np.maximum(1.0 - self._rows["since"][rows] / params.hold, 0.0)
        shift = self._rows["shift"][rows]
        raw = np.where(cold, np.nan, np.where(left > 0, np.abs(shift), 0.0))
        direction = np.where((left > 0) & ~cold, np.sign(shift), 0).astype(np.intp)
        return Scores(np.where(cold, np.nan, left * params.start_level), raw, direction, np.where(cold, np.nan, 0.0))

    def track(self, block: Block) -> None:
        """Nothing: a change that is not to be learned must not move river's window either."""

    def settle(self, block: Block) -> None:
        """Feed each window to its row's river detector."""
        params, cells = self._params, self._rows
        block = block.take(~np.isnan(block.value))
        unit = 0.5 + np.clip(block.value, -params.clip, params.clip) / (2 * params.clip)
        cells["learned"][block.rows] += 1
        cells["since"][block.rows] = np.minimum(cells["since"][block.rows] + 1, _LONG_AGO)
        for row, value in zip(block.rows.tolist(), unit.tolist(), strict=True):
            one = self._river.held(row)
            before = one.estimation
            one.update(value)
            if one.drift_detected:
                cells["since"][row] = 0
                cells["shift"][row] = (one.estimation - before) * 2 * params.clip


class RiverAdwin(Protocol):
    """River's detector as it is used here; its own methods have no types."""

    _helper: AdaptiveWindowing
    _drift_detected: bool

    @property
    def drift_detected(self) -> bool:
        """Whether the last value told of a change."""

    @property
    def estimation(self) -> float:
        """The mean of the window."""

    def update(self, x: float) -> None:
        """Take in a value; river starts anew with the first after a change."""


class _Kind:
    """See the module. River writes and reads what its Rust object holds itself; before that stands whether the last
    value told of a change.
    """

    def __init__(self, params: AdwinParams) -> None:
        self._params = params
        # River checks each row once per clock; its delta bounds the chance of a false detection per check.
        self._delta = min(0.5, params.clock / params.every_windows)

    def new(self) -> RiverAdwin:
        make = cast("Callable[[float, int, int, int, int], RiverAdwin]", ADWIN)
        return make(self._delta, self._params.clock, _MAX_BUCKETS, _LEAST_PART, self._params.warm_up)

    def pack(self, one: RiverAdwin) -> bytes:
        return bytes([one._drift_detected]) + bytes(one._helper.__getstate__())

    def check(self, body: bytes) -> None:
        if body[0] > 1:
            raise ValueError(f"state: ADWIN begins with {body[0]}, expected 0 or 1")

    def unpack(self, body: bytes) -> RiverAdwin:
        one = self.new()
        one._drift_detected = bool(body[0])
        one._helper.__setstate__(body[1:])
        return one
