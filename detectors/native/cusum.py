"""CUSUM: has the row's mean shifted by a little, for too long to be chance?

Two one-sided sums of standardised residuals (those of `robust_location`, in the suite). Each residual is clipped, so
that a single outlier cannot alarm, and an allowance is subtracted per window. A sum that falls to zero starts again
there, which dates the change. The return level follows from the false-alarm budget (`TailCalibrator`). A sum is held
just above it, so that an alarm lasts as long as the change and ends with the first ordinary window.

Fails: on series whose mean wanders by more than the allowance when nothing is wrong, until calibration has learned it.
Cost: about 1 us per window and series in blocks of 200; 330 bytes a series.

Sources: Page 1954; Hinkley 1970 (dating the change); Siegmund 1985 (run lengths); Lucas and Crosier 1982 (clipped and
restarted sums).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from detectors.banks.composite import CompositeBank
from detectors.banks.table import Column, Table
from detectors.base import Block, FloatArray, Scores
from detectors.calibration.calibrator import TailCalibrator, TailParams

_ONSET_ERROR = 3.0
"""Error of the start of a run, in windows, for a shift of one spread; it falls with the square of the shift."""
_RECENT = 0.3
"""Weight of the newest window in the exponentially weighted mean of the last few."""


@dataclass(frozen=True, slots=True)
class CusumParams:
    """every_windows: the budget, in base windows of `window_s`. allowance: subtracted per window, in spreads; shifts of
    about twice as much are found soonest. clip: residuals are clipped to this many spreads. hold: how far above the
    return level a sum may be, in spreads; less than the allowance, so that one ordinary window ends the alarm.
    warm_up: windows before the row has a level.
    """

    every_windows: float = 604_800.0
    window_s: float = 1.0
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
    """The runs behind the scores, (n,) each.

    onset_s: start of the run. error_windows: half width of a 90% interval around it, in windows. shift: of the row, in
    spreads, signed: the run's mean residual or the mean of the last few windows, whichever is smaller. A run that began
    with a large deviation must not give a large shift when the deviation is small now.
    """

    onset_s: FloatArray
    error_windows: FloatArray
    shift: FloatArray


class Cusum(CompositeBank):
    """The bank; see the module. Its input is residuals (mean 0, spread 1). `Scores.expected` is 0."""

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
        """Score each window as if it were added to its row's sums."""
        return self.trace(block)[0]

    def trace(self, block: Block) -> tuple[Scores, Runs]:
        """As `score`, with the run behind each score."""
        rows, params, cells = block.rows, self._params, self._rows
        sums = self._added(block)
        levels = sums / self._tail.return_level(rows)
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
        # A change that grew was below the allowance when it began, for as long as it took to grow to the allowance.
        growing = 2.0 * length * params.allowance / np.maximum(recent, params.allowance)
        error = 1.0 + _ONSET_ERROR / np.maximum(np.minimum(mean, recent), 0.5) ** 2 + growing
        runs = Runs(onset_s, error, np.minimum(mean, recent) * sign)
        return Scores(level, raw, direction, np.where(cold, np.nan, 0.0)), runs

    def _added(self, block: Block, sums: str = "sum") -> FloatArray:
        """(n, 2) the sums with this window added, above and below."""
        residual = np.clip(block.value, -self._params.clip, self._params.clip)
        both = np.stack([residual, -residual], axis=1) - self._params.allowance
        added: FloatArray = np.maximum(self._rows.take(sums, block.rows) + both, 0.0)
        return added

    def _recent(self, block: Block) -> FloatArray:
        """(n,) the mean residual of the last few windows, with this one."""
        before = self._rows["recent"][block.rows]
        recent: FloatArray = before + _RECENT * (np.clip(block.value, -self._params.clip, self._params.clip) - before)
        return recent

    def observe(self, block: Block) -> None:
        """Add each window to its row's sums, also windows that must not be learned from: sums are evidence."""
        rows, cells = block.rows, self._rows
        sums = self._added(block)
        starts = (cells.take("sum", rows) <= 0.0) & (sums > 0.0)
        cells.put_pairs("onset_s", rows, np.where(starts, block.start_s[:, None], cells.take("onset_s", rows)))
        length = np.where(starts, 0.0, cells.take("run", rows)) + 1.0
        cells.put_pairs("run", rows, np.where(sums > 0.0, length, 0.0))
        cells["recent"][rows] = self._recent(block)
        held = np.minimum(sums, self._tail.return_level(rows) + self._params.hold)
        cells.put_pairs("sum", rows, held)
        # The tail is learned from sums that are not held; otherwise it would end where alarms begin.
        free = np.where(self._tail.incident(rows), held, self._added(block, "free"))
        cells.put_pairs("free", rows, free)
        warm = cells["learned"][rows] >= self._params.warm_up
        self._tail.observe(rows, np.where(warm, _signed(free), np.nan))

    def learn(self, block: Block) -> None:
        """Learn from the sums after the last `observe`, for windows that may be learned from."""
        rows, cells = block.rows, self._rows
        learned = cells["learned"][rows] + 1
        cells["learned"][rows] = learned
        warm = learned > self._params.warm_up
        if warm.any():
            span = (block.end_s - block.start_s)[warm] / self._params.window_s
            self._tail.learn(rows[warm], _signed(cells.take("free", rows[warm])), span=span)


def _signed(sums: FloatArray) -> FloatArray:
    """(n,) the larger of two sums, negative for the one below."""
    signed: FloatArray = np.where(sums[:, 0] >= sums[:, 1], sums[:, 0], -sums[:, 1])
    return signed
