"""Half-space trees: does a residual fall where few of the row's residuals fell lately?

In one dimension a half-space tree halves its range at every level, so it is a histogram at many widths at once, and an
ensemble is a set of such histograms with shifted edges. The density of a residual is that of the deepest node around it
that still holds enough of the reference window, the statistic is its logarithm below the greatest possible, averaged
over the trees. River's trees need values in [0, 1], answer 0 outside the range they were made for and for the first
window, take NaN without a word and roll dice; here residuals are cut to a range of spreads, unknown is NaN, and the
edges are shifted evenly. The level comes from `calibrate`.

Fails: coarse; whatever lies beyond `clip` spreads is equally strange. Cost: 12 us per window and series; 5 KB a series
that uses it.

Source: Tan, Ting and Liu 2011; river 0.26 `anomaly.HalfSpaceTrees`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from detectors.banked import Banked
from detectors.base import Block, FloatArray, IntArray, Scores
from detectors.calibrate import TailCalibrator, TailParams
from detectors.table import Column, Table

_EMPTY = 0.05
"""The mass an empty node is taken to hold, so that a place never visited is rarer than one visited once."""


@dataclass(frozen=True, slots=True)
class HalfSpaceTreesParams:
    """trees, depth: of the ensemble. window: residuals of a reference. size_limit: least share of the reference that a
    node must hold to be believed. clip: residuals are cut to so many spreads.
    """

    every_windows: float = 604_800.0
    trees: int = 10
    depth: int = 6
    window: int = 250
    size_limit: float = 0.02
    clip: float = 10.0
    tail: TailParams = field(default_factory=lambda: TailParams(mark=6.0, rate=0.019, excess=0.6, shape=-0.1))

    def build(self, capacity: int) -> HalfSpaceTrees:
        """The bank."""
        return HalfSpaceTrees(self, capacity)


class HalfSpaceTrees(Banked):
    """The bank; see the module. Takes residuals as values. `Scores.raw` is in halvings of the greatest density."""

    def __init__(self, params: HalfSpaceTreesParams, capacity: int) -> None:
        self._params = params
        self._leaves = 1 << params.depth
        shape = (params.trees, self._leaves)
        # A tree covers twice the range, so that every shift of its edges still covers all of it.
        self._shift = (np.arange(params.trees) + 0.5) / params.trees
        self._rows = Table(
            {
                "reference": Column(np.float32, 0.0, shape),
                "latest": Column(np.float32, 0.0, shape),
                "number": Column(np.int64, 0),
            },
            capacity,
        )
        self._tail = TailCalibrator(params.tail, params.every_windows, capacity)
        super().__init__({"rows": self._rows, "tail": self._tail})

    def score(self, block: Block) -> Scores:
        """Judge each residual against the reference window; NaN until there is one."""
        rows = block.rows
        cold = self._rows["number"][rows] < self._params.window
        raw = np.where(cold, np.nan, self._rarity(block))
        side = np.where(cold, 0, np.sign(block.value)).astype(np.intp)
        level = self._tail.level(rows, raw * np.where(side < 0, -1, 1))
        return Scores(level, raw, side, np.where(cold, np.nan, 0.0))

    def _leaf(self, block: Block) -> IntArray:
        """(n, trees) the leaf each residual falls into."""
        clip = self._params.clip
        unit = (np.clip(block.value, -clip, clip) + clip) / (2 * clip)
        leaf = ((unit[:, None] + self._shift) / 2.0 * self._leaves).astype(np.intp)
        return np.minimum(leaf, self._leaves - 1)

    def _rarity(self, block: Block) -> FloatArray:
        params = self._params
        leaf = self._leaf(block)
        below = np.zeros((len(block), params.trees, self._leaves + 1))
        np.cumsum(self._rows["reference"][block.rows], axis=2, out=below[:, :, 1:])
        at, tree = np.arange(len(block))[:, None], np.arange(params.trees)
        density = below[:, :, -1].copy()
        going = np.ones(density.shape, dtype=np.bool_)
        for level in range(1, params.depth + 1):
            width = self._leaves >> level
            start = leaf // width * width
            mass = below[at, tree, start + width] - below[at, tree, start]
            density = np.where(going, np.maximum(mass, _EMPTY) * (1 << level), density)
            going &= mass >= params.size_limit * params.window
        rarity: FloatArray = np.log2(params.window * self._leaves / np.maximum(density, _EMPTY)).mean(axis=1)
        return rarity

    def track(self, block: Block) -> None:
        """Take every window's score as evidence of the tail."""
        scores = self.score(block)
        self._tail.track(block.rows, scores.raw * np.where(scores.direction < 0, -1, 1))

    def settle(self, block: Block) -> None:
        """Take windows that may be learned from into the latest window, which becomes the reference when it is full."""
        rows, cells = block.rows, self._rows
        scores = self.score(block)
        known = np.isfinite(scores.raw)
        if known.any():
            self._tail.learn(rows[known], (scores.raw * np.where(scores.direction < 0, -1, 1))[known])
        cells["latest"][rows[:, None], np.arange(self._params.trees), self._leaf(block)] += 1.0
        number = cells["number"][rows] + 1
        cells["number"][rows] = number
        full = rows[number % self._params.window == 0]
        if len(full):
            cells["reference"][full] = cells["latest"][full]
            cells["latest"][full] = 0.0
