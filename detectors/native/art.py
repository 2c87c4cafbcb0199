"""ART: has the row's recent course a shape unlike all the shapes it has shown?

Fuzzy adaptive resonance. A stretch is `stride` windows, and the means of the last `features` stretches are one pattern.
Categories are boxes that have grown around patterns. A pattern joins the box that the choice function prefers among
those that stay small enough with it (vigilance); otherwise it starts a new one. The novelty is the size of the smallest
box that would have had to hold the pattern, in units of the largest size allowed. The raw statistic is by how much the
novelty exceeds the row's record novelty.

Boxes are kept in the row's own unit and measured in its range so far, so the scale is causal: it needs no range that is
known beforehand. Record and range are those of about half a budget of windows. Records are counted on the clock of
`range_novelty`. A young row's record starts at one full box, so that at first nothing is new that some box may hold.
Later only what the row has shown counts, or a row whose range holds everything would never alarm.

It has a level only at the end of a stretch, and 0 in between. Every window counts, also one that alarms.

Fails: blind to what lies within one stretch and does not move its mean. Rows that never repeat themselves start
categories for ever (the least recently used is replaced). Cost: 1 us per window and series in blocks of 200 (30 us at
the end of a stretch); 910 bytes a series that uses it.

Sources: Carpenter, Grossberg and Rosen 1991 (fuzzy ART: choice, vigilance, fast learning, complement coding; section 5
shows that categories are boxes).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from detectors.banks.composite import CompositeBank
from detectors.banks.table import Column, Table
from detectors.base import Block, BoolArray, FloatArray, IntArray, Scores
from detectors.calibration.calibrator import TailCalibrator, TailParams
from detectors.native.two_epochs import remembered

_LARGEST = 1e38
_MOST = 1e6
_WIDENS = 4.0
_LEAST_RECORD = 0.1
"""Novelty below this share of a box is never new: a flat row has no record to compare with."""
_CHOICE = 1e-3
"""Carpenter's alpha. It is small, so that the closest category is preferred and, among equals, the smallest."""


@dataclass(frozen=True, slots=True)
class ArtParams:
    """stride: windows per stretch. features: stretches per pattern. categories: their maximum number. vigilance: how
    similar the members of a category must be, up to 1. margin: by what share the scale is wider than the range seen, on
    either side. settle: patterns before the row has a level. memory: budgets whose windows are remembered, at most; at
    least half of it.
    """

    every_windows: float = 604_800.0
    stride: int = 12
    features: int = 4
    categories: int = 16
    vigilance: float = 0.97
    margin: float = 1.0
    settle: int = 22
    memory: float = 0.5
    tail: TailParams = field(
        default_factory=lambda: TailParams(
            mark=0.01, rate=0.5, excess=0.05, share_over=0.25, scales=False, prior_windows=4.0, memory_windows=50.0,
            prior_exceedances=8.0, prior_shape=10.0, reach=6.0, held=0.25, young=8.0,
        )
    )

    def build(self, capacity: int) -> Art:
        """The bank."""
        return Art(self, capacity)


@dataclass(frozen=True, slots=True)
class _Match:
    """Patterns and their rows' categories. novelty: (n,) in allowed box sizes. joins: (n,) whether a category fits.
    slot: (n,) which one."""

    pattern: FloatArray
    novelty: FloatArray
    joins: BoolArray
    slot: IntArray


class Art(CompositeBank):
    """The bank; see the module. `Scores.raw` is the excess of the novelty over the record, as a share of the record.
    The direction is that of the newest stretch compared with the one before.
    """

    def __init__(self, params: ArtParams, capacity: int) -> None:
        self._params = params
        shape = (params.categories, params.features)
        self._rows = Table(
            {
                "sum": Column(np.float64, 0.0),
                "number": Column(np.int32, 0),
                "course": Column(np.float32, np.nan, (params.features,)),
                "low": Column(np.float32, np.nan, shape),
                "high": Column(np.float32, np.nan, shape),
                "used": Column(np.int32, 0),
                "last": Column(np.int32, 0, (params.categories,)),
                "patterns": Column(np.int32, 0),
                "record": Column(np.float64, 0.0, (2,)),
                "least": Column(np.float64, np.inf, (2,)),
                "most": Column(np.float64, -np.inf, (2,)),
            },
            capacity,
        )
        # In patterns. At most half of the first epoch are warm-up and set no record.
        self._epoch = max(round(0.5 * params.memory * params.every_windows / params.stride), 2 * params.settle)
        self._tail = TailCalibrator(params.tail, params.every_windows, capacity)
        super().__init__({"rows": self._rows, "tail": self._tail})

    def score(self, block: Block) -> Scores:
        """Score the stretches that end with these windows; 0 for windows that end none."""
        rows, cells = block.rows, self._rows
        cold = cells["patterns"][rows] < self._params.settle
        raw = np.where(cold, np.nan, 0.0)
        direction = np.zeros(len(rows), dtype=np.intp)
        ends = np.flatnonzero(self._ends(rows) & ~cold)
        if len(ends):
            part = block.select(ends)
            match = self._match(part)
            record = self._record(part.rows)
            raw[ends] = np.clip(match.novelty / record - 1.0, 0.0, _MOST)
            rising = match.pattern[:, -1] >= match.pattern[:, -2]
            direction[ends] = np.where(raw[ends] > 0.0, np.where(rising, 1, -1), 0)
        level = self._tail.level(rows, raw)
        return Scores(level, raw, direction, np.full(len(rows), np.nan))

    def _record(self, rows: IntArray) -> FloatArray:
        """(n,) the highest novelty remembered; at least one box in young rows."""
        young = self._rows["patterns"][rows] < self._epoch
        record: FloatArray = np.maximum(self._rows["record"][rows].max(axis=1), np.where(young, 1.0, _LEAST_RECORD))
        return record

    def _range(self, rows: IntArray) -> tuple[FloatArray, FloatArray]:
        """(n,), (n,): the smallest and the largest value remembered."""
        least: FloatArray = self._rows["least"][rows].min(axis=1)
        most: FloatArray = self._rows["most"][rows].max(axis=1)
        return least, most

    def _remembered(self, rows: IntArray) -> IntArray:
        """(n,) number of windows that the record covers."""
        windows: IntArray = self._params.stride * remembered(self._rows["patterns"][rows], self._epoch)
        return windows

    def _ends(self, rows: IntArray) -> BoolArray:
        ends: BoolArray = self._rows["number"][rows] + 1 >= self._params.stride
        return ends

    def _pattern(self, block: Block) -> FloatArray:
        """(n, features): the rows' last stretches, with the one that these windows end."""
        mean = (self._rows["sum"][block.rows] + self._clipped(block)) / (self._rows["number"][block.rows] + 1)
        course = self._rows["course"][block.rows].astype(np.float64)
        return np.concatenate([course[:, 1:], np.clip(mean, -_LARGEST, _LARGEST)[:, None]], axis=1)

    def _clipped(self, block: Block) -> FloatArray:
        """(n,) values clipped so that one window widens the range by a bounded share and an outlier does not blind the
        row.
        """
        least, most = self._range(block.rows)
        known = most > least
        with np.errstate(invalid="ignore"):
            reach = np.where(known, _WIDENS * (most - least), np.inf)
            lower, upper = np.where(known, least - reach, -np.inf), np.where(known, most + reach, np.inf)
            clipped = np.clip(block.value, lower, upper)
        return np.clip(clipped, -_LARGEST, _LARGEST)

    def _match(self, block: Block) -> _Match:
        """The size of each category's box with the pattern in it, and the category that fuzzy ART chooses."""
        rows, cells, params = block.rows, self._rows, self._params
        pattern = self._pattern(block)
        low, high = cells["low"][rows].astype(np.float64), cells["high"][rows].astype(np.float64)
        scale = params.features * self._scale(block)[:, None]
        grown = (np.maximum(high, pattern[:, None]) - np.minimum(low, pattern[:, None])).sum(axis=2) / scale
        size = (high - low).sum(axis=2) / scale
        grown = np.where(np.arange(params.categories) < cells["used"][rows][:, None], grown, np.inf)
        fits = grown <= 1.0 - params.vigilance
        choice = np.where(fits, (1.0 - grown) / (_CHOICE + 1.0 - size), -1.0)
        least = grown.min(axis=1)
        joins = np.asarray(fits.any(axis=1), dtype=np.bool_)
        novelty = np.where(~np.isfinite(least), 0.0, least / (1.0 - params.vigilance))
        return _Match(pattern, novelty, joins, choice.argmax(axis=1))

    def _scale(self, block: Block) -> FloatArray:
        """(n,) the width of each row's scale, with this window."""
        value = self._clipped(block)
        least, most = self._range(block.rows)
        least, most = np.minimum(least, value), np.maximum(most, value)
        margin = self._params.margin * np.minimum(most - least, _LARGEST)
        # A row that was never negative is not expected to become negative.
        bottom = np.where(least >= 0.0, np.maximum(least - margin, 0.0), least - margin)
        least_width = np.maximum(1e-9 * np.abs(most), np.finfo(np.float32).tiny)
        width: FloatArray = np.maximum(np.minimum(most + margin - bottom, _LARGEST), least_width)
        return width

    def observe(self, block: Block) -> None:
        """Add every window to its stretch, and every finished stretch to the categories."""
        rows, cells = block.rows, self._rows
        scores = self.score(block)
        self._tail.observe(rows, scores.raw * np.where(scores.direction < 0, -1, 1))
        ends = self._ends(rows)
        if ends.any():
            self._learn_patterns(block.select(ends))
        value = self._clipped(block)
        cells["least"][rows, 1] = np.minimum(cells["least"][rows, 1], value)
        cells["most"][rows, 1] = np.maximum(cells["most"][rows, 1], value)
        cells["sum"][rows] = np.where(ends, 0.0, cells["sum"][rows] + value)
        cells["number"][rows] = np.where(ends, 0, cells["number"][rows] + 1)

    def _learn_patterns(self, block: Block) -> None:
        rows, cells = block.rows, self._rows
        match = self._match(block)
        cells["course"][rows] = match.pattern
        whole = np.isfinite(match.pattern).all(axis=1)
        rows, pattern, joins, slot = rows[whole], match.pattern[whole], match.joins[whole], match.slot[whole]
        number = cells["patterns"][rows] + 1
        cells["patterns"][rows] = number
        settled = number > self._params.settle
        reached = np.minimum(match.novelty[whole], 1.1 * self._record(rows))
        cells["record"][rows, 1] = np.where(settled, np.maximum(cells["record"][rows, 1], reached), 0.0)
        turn = rows[number % self._epoch == 0]
        if len(turn):
            for name, nothing in (("record", 0.0), ("least", np.inf), ("most", -np.inf)):
                cells[name][turn, 0] = cells[name][turn, 1]
                cells[name][turn, 1] = nothing
        free = np.where(
            cells["used"][rows] < self._params.categories, cells["used"][rows], cells["last"][rows].argmin(axis=1)
        )
        slot = np.where(joins, slot, free)
        cells["low"][rows, slot] = np.where(joins[:, None], np.minimum(cells["low"][rows, slot], pattern), pattern)
        cells["high"][rows, slot] = np.where(joins[:, None], np.maximum(cells["high"][rows, slot], pattern), pattern)
        cells["last"][rows, slot] = number
        cells["used"][rows] = np.where(
            joins, cells["used"][rows], np.minimum(cells["used"][rows] + 1, self._params.categories)
        )

    def learn(self, block: Block) -> None:
        """Learn how often and by how much the row exceeds its record."""
        warm = self._rows["patterns"][block.rows] > self._params.settle
        if warm.any():
            rows: IntArray = block.rows[warm]
            self._tail.learn(rows, np.zeros(len(rows)), 1.0 / self._remembered(rows))
