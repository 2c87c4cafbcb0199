"""Half-space trees: is a residual in a region where few of the row's recent residuals were?

River's `HalfSpaceTrees`, one ensemble per row. River's trees need values in [0, 1] and score everything outside as 0;
here residuals are clipped to `clip` spreads and mapped to [0, 1]. River scores 0 during its first reference window;
here the level is NaN there. River sends NaN to the outermost leaf without an error, also into the reference; here NaN
is ignored. River's score approaches 1 so fast that all rare values look alike. The statistic is therefore the inverse
of one minus the score: how many times emptier the residual's region is than the fullest possible one. In regions that
are as empty as possible all of a long tail would be alike, so values further out count for more. The statistic is
calibrated (`TailCalibrator`). All rows have the same splits, drawn from one seed, so a row's state is the masses of its
nodes.

Fails: it is coarse, treats the two directions unequally by the chance of the splits, and is no better than a histogram
in one dimension. Asked for one alarm in 20,000 windows it raises three times as many, or a third of them where
residuals are skewed. Cost: 50 us per window and series, up to 180 when hundreds of rows evict each other's trees from
the cache; 5 KB a series that uses it, 280 KB in memory; 3 ms to create or restore a row.

Source: Tan, Ting and Liu 2011; river 0.26 `anomaly.HalfSpaceTrees`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol, cast

import numpy as np

from detectors.calibration.calibrator import TailCalibrator, TailParams
from detectors.river.bank import ScorerBank

_FEATURE = "residual"
_MOST_WINDOWS = np.iinfo(np.uint16).max
_FURTHER = 10.0
"""Distance, in spreads, at which the statistic is doubled for being far out."""


@dataclass(frozen=True, slots=True)
class HalfSpaceTreesParams:
    """trees, depth: of the ensemble. window: residuals in a reference window, at most 65,535. clip: residuals are
    clipped to so many spreads. seed: of the trees' splits. Raises `ValueError`.
    """

    every_windows: float = 604_800.0
    trees: int = 10
    depth: int = 6
    window: int = 250
    clip: float = 30.0
    seed: int = 1
    tail: TailParams = field(default_factory=lambda: TailParams(mark=3.3, rate=0.019, excess=0.6))

    def __post_init__(self) -> None:
        if self.window > _MOST_WINDOWS:
            raise ValueError(f"HalfSpaceTreesParams.window: {self.window}, expected at most {_MOST_WINDOWS}")

    def build(self, capacity: int) -> ScorerBank[RiverTrees]:
        """The bank. Its input is residuals. `Scores.raw`: the greatest density over the density found, more further
        out.
        """
        tail = TailCalibrator(self.tail, self.every_windows, capacity)
        return ScorerBank(_Adapter(self), tail, self.window, capacity)


class TreeNode(Protocol):
    """A node of a tree: number of values of the reference (r) and of the latest window (l) that passed it."""

    r_mass: int
    l_mass: int


class RiverTrees(Protocol):
    """River's trees as they are used here; its own methods have no types."""

    counter: int
    _first_window: bool
    _tree_nodes: list[list[TreeNode]]

    def score_one(self, x: dict[str, float]) -> float:
        """The anomaly score, from 0 to below 1."""

    def learn_one(self, x: dict[str, float]) -> None:
        """Add a value to the latest window."""


class _Adapter:
    """See the module."""

    def __init__(self, params: HalfSpaceTreesParams) -> None:
        from river.anomaly import HalfSpaceTrees  # here, because river takes a second to import

        self._params = params
        self._trees = HalfSpaceTrees
        self._nodes = params.trees * ((1 << params.depth + 1) - 1)

    def new(self) -> RiverTrees:
        params = self._params
        return cast("RiverTrees", self._trees(params.trees, params.depth, params.window, seed=params.seed))

    def _unit(self, value: float) -> dict[str, float]:
        return {_FEATURE: 0.5 + 0.5 * min(max(value / self._params.clip, -1.0), 1.0)}

    def score(self, one: RiverTrees, value: float) -> tuple[float, float]:
        further = 1.0 + min(abs(value), self._params.clip) / _FURTHER
        return math.copysign(further / (1.0 - one.score_one(self._unit(value))), value), 0.0

    def learn(self, one: RiverTrees, value: float, _number: int) -> None:
        one.learn_one(self._unit(value))

    def pack(self, one: RiverTrees) -> bytes:
        masses = [mass for node in _nodes(one) for mass in (node.r_mass, node.l_mass)]
        return np.array([one.counter, one._first_window, *masses], dtype="<u2").tobytes()

    def check(self, body: bytes) -> None:
        expected = 2 * (2 + 2 * self._nodes)
        if len(body) != expected:
            raise ValueError(f"state: half-space trees of {len(body)} bytes, expected {expected}")

    def unpack(self, body: bytes) -> RiverTrees:
        counter, first, *masses = np.frombuffer(body, dtype="<u2").tolist()
        one = self.new()
        # River creates the trees with the first value; its masses are overwritten below.
        one.learn_one(self._unit(0.0))
        one.counter, one._first_window = counter, bool(first)
        for node, reference, latest in zip(_nodes(one), masses[::2], masses[1::2], strict=True):
            node.r_mass, node.l_mass = reference, latest
        return one


def _nodes(one: RiverTrees) -> Iterator[TreeNode]:
    return (node for nodes in one._tree_nodes for node in nodes)
