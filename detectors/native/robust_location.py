"""Robust location: how many robust spreads is a window from the median of the row's recent windows?

It keeps the last windows of each row in a ring. Centre and spread are the ring's median and its median absolute
deviation. The spread has two lower bounds: a share of the ring's trimmed root mean square (for series that rest and
jump) and a share of the centre (for flat series). Both are computed again every few windows, counted per row, so that a
replay computes them at the same windows.

A window of fewer samples than usual is scored with a wider spread, from the samples' own. A window of several samples
is scored by the value that remains without its most extreme sample: one slow request is not a slow service.

A young row whose newest windows differ from all before them drops those. So the row does not keep the time when its
service was warming up as normal.

Fails: a change that lasts longer than half the ring, and is learned, becomes normal. Blind to changes inside the spread
(see CUSUM). Cost: about 1.5 us per window and series in blocks of 200; 830 bytes a series.

Source: Hampel 1974 (median and MAD); Huber and Ronchetti 2009, chapter 5.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detectors.banks.composite import CompositeBank
from detectors.banks.table import Column, Table
from detectors.base import Block, BoolArray, FloatArray, IntArray, Scores
from detectors.calibration.calibrator import TailCalibrator, TailParams

_MAD_TO_SIGMA = 1.4826
_LARGEST = 1e38
"""Values are kept as float32. Larger ones are clipped, which keeps their order and their alarm."""
_MOST = 1e6
"""Upper bound of a deviation, in spreads, so that nothing downstream overflows."""

_AT_REST = 1e-30
_RARE = 2.0
_FAR = 100.0
"""A distance counts towards the long-run floor for at most this multiple of the usual one."""
_CALM = 1.2
"""Upper bound of the spread, as a multiple of that of the ring's newest half, so that a row that calmed down is not
scored by its volatile past."""


@dataclass(frozen=True, slots=True)
class RobustLocationParams:
    """every_windows: the budget, in base windows of `window_s`. ring, recent, settle, warm_up, refresh_every: in
    windows kept. warm_up: the fewest a centre is computed from. stride: one window of so many is kept, so that the
    same memory covers a longer time.

    relative_floor: minimum spread as a share of the centre's size. rest_floor: minimum spread as a share of the ring's
    trimmed root mean square. break_spreads: a young row forgets what is older than its `recent` windows when these are
    further away than so many of their spreads; a row is young in its first `settle` windows. small_ring: the spread of
    a ring of n windows is less certain; deviations are divided by 1 + small_ring (1/n - 1/ring). within_memory: windows
    over which the samples' own spread is averaged. wander_floor: minimum spread as a share of the mean distance from
    the centre over wander_memory windows, alarming ones included, so that a row that rests for longer than its ring and
    then moves as it often did does not alarm.
    """

    every_windows: float = 604_800.0
    window_s: float = 1.0
    ring: int = 128
    stride: int = 1
    warm_up: int = 16
    refresh_every: int = 8
    recent: int = 16
    settle: int = 64
    relative_floor: float = 1e-3
    rest_floor: float = 0.5
    break_spreads: float = 3.0
    small_ring: float = 16.0
    within_memory: float = 128.0
    wander_floor: float = 0.3
    wander_memory: float = 20_000.0
    tail: TailParams = field(default_factory=lambda: TailParams(mark=2.05, rate=0.0195, excess=0.37))

    def build(self, capacity: int) -> RobustLocation:
        """The bank."""
        return RobustLocation(self, capacity)


class RobustLocation(CompositeBank):
    """The bank; see the module. `Scores.raw` is the distance in spreads, without sign."""

    def __init__(self, params: RobustLocationParams, capacity: int) -> None:
        self._params = params
        self._rows = Table(
            {
                "ring": Column(np.float32, np.nan, (params.ring,)),
                "head": Column(np.int32, 0),
                "filled": Column(np.int32, 0),
                "seen": Column(np.int64, 0),
                "learned": Column(np.int64, 0),
                "centre": Column(np.float64, np.nan),
                "spread": Column(np.float64, np.nan),
                "within": Column(np.float64, 0.0),
                "thinness": Column(np.float64, 0.0),
                "mean_distance": Column(np.float64, 0.0),
                "distances": Column(np.float64, 0.0),
            },
            capacity,
        )
        self._tail = TailCalibrator(params.tail, params.every_windows, capacity)
        super().__init__({"rows": self._rows, "tail": self._tail})

    def score(self, block: Block) -> Scores:
        """Score each window against its row's ring; NaN until `warm_up` windows were learned."""
        centre, spread, _ = self.frame(block)
        return self.score_in_frame(block, *without_extreme(block), centre, spread)

    def score_in_frame(
        self, block: Block, lower: FloatArray, upper: FloatArray, centre: FloatArray, spread: FloatArray
    ) -> Scores:
        """As `score`, from values that the caller has.

        lower, upper: (n,) each window's value without its largest and without its smallest sample. centre, spread: of
        the block's `frame`.
        """
        side = np.sign(block.value - centre)
        kept = np.where(side > 0, np.maximum(lower, centre), np.minimum(upper, centre))
        # A row that rests at 0 has no spread: what it never did is as far as it is rare, not infinitely.
        at_rest = spread <= _AT_REST
        most = np.where(at_rest, _RARE * np.sqrt(self._rows["seen"][block.rows]), _MOST) if at_rest.any() else _MOST
        raw = np.minimum(np.abs(kept - centre) / spread, most)
        direction = np.where(np.isfinite(raw), side, 0).astype(np.intp)
        return Scores(self._tail.level(block.rows, raw * direction), raw, direction, centre)

    def frame(self, block: Block) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(n,) each: the centre and the spread that each window is scored by, NaN for cold rows; and the variance that
        its mean has beyond the usual one, since it has fewer samples.

        The spread allows for that and for the age of the ring.
        """
        rows, cells, params = block.rows, self._rows, self._params
        thinner = np.maximum(1.0 / block.count - cells["thinness"][rows], 0.0)
        excess = cells["within"][rows] * thinner
        spread = np.sqrt(cells["spread"][rows] ** 2 + excess)
        filled = np.maximum(cells["filled"][rows], 1)
        spread *= 1.0 + params.small_ring * (1.0 / filled - 1.0 / params.ring)
        return cells["centre"][rows], spread, excess

    def return_level(self, rows: IntArray) -> FloatArray:
        """(n, 2): the distance in spreads that is level 1.0, above and below."""
        return self._tail.return_level(rows)

    def centres(self, rows: IntArray) -> FloatArray:
        """(n,) the centre of each row; NaN for cold rows."""
        return self._rows["centre"][rows]

    def has_centre(self, rows: IntArray) -> BoolArray:
        """(n,) whether each row has a centre: it learned `warm_up` windows."""
        found: BoolArray = np.isfinite(self._rows["centre"][rows])
        return found

    def usual_count(self, rows: IntArray) -> FloatArray:
        """(n,) the harmonic mean of the samples in each row's windows; infinite for cold rows."""
        thinness = self._rows["thinness"][rows]
        usual: FloatArray = np.divide(1.0, thinness, out=np.full(len(rows), np.inf), where=thinness > 0.0)
        return usual

    def filled(self, rows: IntArray) -> IntArray:
        """(n,) windows in each row's ring."""
        filled: IntArray = self._rows["filled"][rows]
        return filled

    def young(self, rows: IntArray) -> BoolArray:
        """(n,) rows in their first `settle` windows, which may still drop their oldest windows."""
        young: BoolArray = self._rows["learned"][rows] <= self._params.settle
        return young

    def observe(self, block: Block) -> None:
        """Record every window's score in the tail, and its distance in the scale."""
        scores = self.score(block)
        self.observe_tail(block, scores)
        self.update_scale(block, scores)

    def learn(self, block: Block) -> None:
        """Add windows that may be learned from to their rows' rings and tails."""
        self.learn_scored(block, self.score(block))

    def observe_tail(self, block: Block, scores: Scores) -> None:
        """Record every window's score in the tail, whether or not the window may be learned from."""
        self._tail.observe(block.rows, scores.raw * scores.direction)

    def update_scale(self, block: Block, scores: Scores) -> None:
        """Update the mean distance from the centre, on which a floor of the spread depends."""
        warm = np.isfinite(scores.raw)
        rows, cells = block.rows[warm], self._rows
        away = np.abs(block.value[warm] - scores.expected[warm])
        usual = np.maximum(cells["mean_distance"][rows], cells["spread"][rows])
        usual = np.maximum(usual, np.abs(scores.expected[warm]))
        # An outlier counts for no more than a large distance, once the row has shown a usual one.
        most = np.where(usual > 1e-30, np.minimum(_FAR * usual, _LARGEST), _LARGEST)
        away = np.minimum(away, most)
        number = np.minimum(cells["distances"][rows] + 1.0, self._params.wander_memory)
        cells["distances"][rows] = number
        cells["mean_distance"][rows] += (away - cells["mean_distance"][rows]) / number

    def learn_scored(self, block: Block, scores: Scores) -> None:
        """Learn from windows that may be learned from, with the same scores as in `observe_tail`."""
        self.learn_tail(block, scores)
        self.learn_ring(block)

    def learn_tail(self, block: Block, scores: Scores) -> None:
        """Count windows that may be learned from in the tail."""
        warm = np.isfinite(scores.raw)
        if warm.any():
            span = (block.end_s - block.start_s)[warm] / self._params.window_s
            self._tail.learn(block.rows[warm], (scores.raw * scores.direction)[warm], span=span)

    def learn_ring(self, block: Block) -> None:
        """Add windows to their rows' rings."""
        rows, cells, params = block.rows, self._rows, self._params
        seen = cells["seen"][rows] + 1
        cells["seen"][rows] = seen
        self._learn_within(block, seen)
        if params.stride > 1:
            block = block.select(seen % params.stride == 0)
            rows = block.rows
        if not len(rows):
            return
        head = cells["head"][rows]
        cells["ring"][rows, head] = np.clip(block.value, -_LARGEST, _LARGEST)
        cells["head"][rows] = (head + 1) % params.ring
        filled = np.minimum(cells["filled"][rows] + 1, params.ring)
        cells["filled"][rows] = filled
        learned = cells["learned"][rows] + 1
        cells["learned"][rows] = learned
        due = (filled >= params.warm_up) & ((learned % params.refresh_every == 0) | (filled == params.warm_up))
        if due.any():
            self._refresh(rows[due])

    def _learn_within(self, block: Block, seen: NDArray[np.int64]) -> None:
        """Average the samples' own variance and the reciprocal of their number; one window moves them by a bounded
        amount.
        """
        rows, cells = block.rows, self._rows
        step = 1.0 / np.minimum(seen, self._params.within_memory)
        within = cells["within"][rows]
        several = block.count > 1
        variance = np.minimum(block.std, _LARGEST) ** 2
        variance = np.where(within > 0, np.minimum(variance, 9.0 * within), variance)
        cells["within"][rows] = np.where(several, within + step * (variance - within), within)
        thinness = cells["thinness"][rows]
        cells["thinness"][rows] = thinness + step * (1.0 / block.count - thinness)

    def _refresh(self, rows: IntArray) -> None:
        cells, params = self._rows, self._params
        young = self.young(rows)
        if young.any():
            self._drop_broken(rows[young])
            rows = rows[cells["filled"][rows] >= params.warm_up]
        filled = cells["filled"][rows]
        ring = cells["ring"][rows]
        calm = _CALM * self._newest_spread(ring, cells["head"][rows], filled)
        ring.sort(axis=1)
        centre = _middle(ring, filled)
        away = np.abs(ring - centre[:, None])
        away.sort(axis=1)
        # The largest 1 in 64 are left out of the root mean square, so that a single outlier does not widen it.
        inside = np.arange(params.ring) < (filled - (filled + 63) // 64)[:, None]
        square = np.where(inside, away, 0.0).astype(np.float64) ** 2
        rest = np.sqrt(square.sum(axis=1) / np.maximum(inside.sum(axis=1), 1))
        spread = np.minimum(_MAD_TO_SIGMA * _middle(away, filled), calm)
        # With rare failures the median deviation is 0. The spread is then the standard error of the samples' mean.
        sampled = np.sqrt(cells["within"][rows] * cells["thinness"][rows])
        spread = np.where(spread > 0.0, spread, sampled)
        floor = np.maximum(params.relative_floor * np.abs(centre), np.finfo(np.float32).tiny)
        cells["centre"][rows] = centre
        floor = np.maximum(floor, params.wander_floor * cells["mean_distance"][rows])
        cells["spread"][rows] = np.maximum(np.maximum(spread, params.rest_floor * rest), floor)

    def _newest_spread(self, ring: FloatArray, head: IntArray, filled: IntArray) -> FloatArray:
        """The spread of each ring's newest half, around its own median."""
        half = np.maximum(filled // 2, 1)
        size = self._params.ring
        back = head[:, None].astype(np.intp) - 1 - np.arange(size // 2)
        back[back < 0] += size
        back += size * np.arange(len(ring))[:, None]
        newest = ring.reshape(-1).take(back)
        newest[np.arange(newest.shape[1]) >= half[:, None]] = np.nan
        return _median_spread(newest, half)[1]

    def _drop_broken(self, rows: IntArray) -> None:
        """Young rows whose newest windows are far from the older ones drop the older ones, and may become cold again.
        """
        cells, params = self._rows, self._params
        filled = cells["filled"][rows]
        rows = rows[filled >= params.recent + params.recent // 2]
        if not len(rows):
            return
        filled, ring = cells["filled"][rows], cells["ring"][rows]
        age = (cells["head"][rows][:, None] - 1 - np.arange(params.ring)) % params.ring
        recent = age < params.recent
        new, new_spread = _median_spread(np.where(recent, ring, np.nan), np.full(len(rows), params.recent))
        old, _ = _median_spread(np.where(recent, np.nan, ring), filled - params.recent)
        least = np.maximum(params.relative_floor * np.abs(new), np.finfo(np.float32).tiny)
        broken = np.abs(new - old) > params.break_spreads * np.maximum(new_spread, least)
        if not broken.any():
            return
        hit = rows[broken]
        cells["ring"][hit] = np.where(recent[broken], ring[broken], np.nan)
        cells["filled"][hit] = params.recent
        if params.recent < params.warm_up:
            cells["centre"][hit] = np.nan
            cells["spread"][hit] = np.nan


def without_extreme(block: Block) -> tuple[FloatArray, FloatArray]:
    """(n,), (n,): each window's mean without its largest and without its smallest sample; of one sample, the value."""
    several: BoolArray = block.count > 1
    fewer = np.maximum(block.count - 1.0, 1.0)
    lower = np.where(several, block.value - (block.maximum - block.value) / fewer, block.value)
    upper = np.where(several, block.value + (block.value - block.minimum) / fewer, block.value)
    # A value that is not the mean of its samples (a percentile) must not be moved past its own extremes.
    return np.clip(lower, block.minimum, block.value), np.clip(upper, block.value, block.maximum)


def _median_spread(ring: FloatArray, filled: IntArray) -> tuple[FloatArray, FloatArray]:
    ring = np.sort(ring, axis=1)
    centre = _middle(ring, filled)
    return centre, _MAD_TO_SIGMA * _middle(np.sort(np.abs(ring - centre[:, None]), axis=1), filled)


def _middle(ordered: FloatArray, filled: IntArray) -> FloatArray:
    """(n,) the median of each row's first `filled` cells; NaN cells are sorted behind them."""
    at = np.arange(len(ordered))
    low = ordered[at, (filled - 1) // 2].astype(np.float64)
    middle: FloatArray = 0.5 * (low + ordered[at, filled // 2])
    return middle
