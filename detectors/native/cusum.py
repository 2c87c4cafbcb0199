"""CUSUM: has the row's mean moved by a little, for long enough to be no accident?

Two one-sided sums of standardised residuals (`robust_location`'s, in the suite), each clipped so that a single
outlier cannot alarm, less an allowance per window; a sum that falls to zero starts again there, which dates the change.
The height that alarms comes from the false-alarm budget through `calibrate`. A sum is held just above that height, so
that an alarm lasts as long as the change and ends with the first ordinary window.

Fails: on series that wander by more than the allowance when nothing is wrong, until calibration has seen it. Cost:
about 1 us per window and series in blocks of 200; 330 bytes a series.

Sources: Page 1954; Hinkley 1970 (dating the change); Siegmund 1985 (run lengths); Lucas and Crosier 1982 (clipped and
restarted sums).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from detectors.banks.banked import Banked
from detectors.banks.table import Column, Table
from detectors.base import Block, FloatArray, Scores
from detectors.calibration.calibrator import TailCalibrator, TailParams

_SETTLING = 3.0
"""How many windows the start of a run is off by, for a shift of one spread; it falls with the square of the shift."""
_RECENT = 0.3
"""Share of the newest window in the mean of the last few."""


@dataclass(frozen=True, slots=True)
class CusumParams:
    """allowance: what is taken off each window, in spreads; shifts of about twice as much are caught soonest.

    clip: residuals are cut to this many spreads. hold: how far above the alarm height a sum may stand, in spreads; less
    than the allowance, so that one ordinary window ends the alarm.
    warm_up: windows before the row is judged.
    """

    every_windows: float = 604_800.0
    allowance: float = 1.0
    clip: float = 5.0
    hold: float = 0.5
    warm_up: int = 8
    tail: TailParams = field(
        default_factory=lambda: TailParams(
            mark=1.45, rate=0.015, excess=0.6, shape=0.03, share_over=0.025, prior_exceedances=8.0, prior_windows=200.0,
            prior_shape=20.0, reach=6.0, longest=60.0,
        )
    )

    def build(self, capacity: int) -> Cusum:
        """The bank."""
        return Cusum(self, capacity)


@dataclass(frozen=True, slots=True)
class Runs:
    """When the run behind each window's score began, how many windows that may be off by (nine times in ten), and how
    far the row is shifted, in spreads, signed.

    The shift is the run's mean residual or the mean of the last few windows, whichever is smaller: a run that began
    with a large deviation must not speak for what is small now.
    """

    onset_s: FloatArray
    error_windows: FloatArray
    shift: FloatArray


class Cusum(Banked):
    """The bank; see the module. Takes residuals as values (mean 0, spread 1). `Scores.expected` is 0."""

    def __init__(self, params: CusumParams, capacity: int) -> None:
        self._params = params
        self._rows = Table(
            {
                "sum": Column(np.float64, 0.0, (2,)),
                "run": Column(np.float64, 0.0, (2,)),
                "recent": Column(np.float64, 0.0),
                "free": Column(np.float64, 0.0, (2,)),
                "onset_s": Column(np.float64, np.nan, (2,)),
                "learned": Column(np.int64, 0),
            },
            capacity,
        )
        self._tail = TailCalibrator(params.tail, params.every_windows, capacity)
        super().__init__({"rows": self._rows, "tail": self._tail})

    def score(self, block: Block) -> Scores:
        """Judge each window as if it were added to its row's sums."""
        return self.trace(block)[0]

    def trace(self, block: Block) -> tuple[Scores, Runs]:
        """As `score`, with the run behind each score: its start and its mean."""
        rows, params, cells = block.rows, self._params, self._rows
        sums = self._added(block)
        levels = sums / self._tail.height(rows)
        side = (levels[:, 1] > levels[:, 0]).astype(np.intp)
        at = np.arange(len(rows))
        cold = cells["learned"][rows] < params.warm_up
        raw = np.where(cold, np.nan, sums[at, side])
        level = np.where(cold, np.nan, levels[at, side])
        direction = np.where(raw > 0, 1 - 2 * side, 0).astype(np.intp)
        going = cells["sum"][rows, side] > 0
        onset_s = np.where(going, cells["onset_s"][rows, side], block.start_s)
        length = np.where(going, cells["run"][rows, side], 0.0) + 1.0
        sign = 1.0 - 2.0 * side
        recent = np.maximum(self._recent(block) * sign, 0.0)
        mean = sums[at, side] / length + params.allowance
        # A change that grew was below the allowance when it began: for as long as it took to grow by that since.
        growing = 2.0 * length * params.allowance / np.maximum(recent, params.allowance)
        error = 1.0 + _SETTLING / np.maximum(np.minimum(mean, recent), 0.5) ** 2 + growing
        runs = Runs(onset_s, error, np.minimum(mean, recent) * sign)
        return Scores(level, raw, direction, np.where(cold, np.nan, 0.0)), runs

    def _added(self, block: Block, sums: str = "sum") -> FloatArray:
        """(n, 2) the sums with this window, above and below."""
        residual = np.clip(block.value, -self._params.clip, self._params.clip)
        both = np.stack([residual, -residual], axis=1) - self._params.allowance
        added: FloatArray = np.maximum(self._rows[sums][block.rows] + both, 0.0)
        return added

    def _recent(self, block: Block) -> FloatArray:
        """(n,) the mean residual of the last few windows, this one included."""
        before = self._rows["recent"][block.rows]
        recent: FloatArray = before + _RECENT * (np.clip(block.value, -self._params.clip, self._params.clip) - before)
        return recent

    def track(self, block: Block) -> None:
        """Add each window to its row's sums. Evidence, not habit: also for windows that must not be learned from."""
        rows, cells = block.rows, self._rows
        sums = self._added(block)
        starts = (cells["sum"][rows] <= 0.0) & (sums > 0.0)
        cells["onset_s"][rows] = np.where(starts, block.start_s[:, None], cells["onset_s"][rows])
        cells["run"][rows] = np.where(sums > 0.0, np.where(starts, 0.0, cells["run"][rows]) + 1.0, 0.0)
        cells["recent"][rows] = self._recent(block)
        cells["sum"][rows] = np.minimum(sums, self._tail.height(rows) + self._params.hold)
        # How high a sum would have come that nobody held, or the tail would end where alarms begin.
        free = np.where(self._tail.incident(rows), cells["sum"][rows], self._added(block, "free"))
        cells["free"][rows] = free
        warm = cells["learned"][rows] >= self._params.warm_up
        self._tail.track(rows, np.where(warm, _signed(free), np.nan))

    def settle(self, block: Block) -> None:
        """Learn from the sums as they were tracked last, for windows that may be learned from."""
        rows, cells = block.rows, self._rows
        learned = cells["learned"][rows] + 1
        cells["learned"][rows] = learned
        warm = learned > self._params.warm_up
        if warm.any():
            self._tail.learn(rows[warm], _signed(cells["free"][rows[warm]]))


def _signed(sums: FloatArray) -> FloatArray:
    """(n,) the larger of two sums, negative for the one below."""
    signed: FloatArray = np.where(sums[:, 0] >= sums[:, 1], sums[:, 0], -sums[:, 1])
    return signed
