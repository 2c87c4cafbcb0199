"""The cases of the conformance suite: how each bank of the catalogue is built, and what holds of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detectors.banks.framed_block import framed
from detectors.base import Block, Detector, IntArray, Scores, State
from detectors.maxima.block_maxima import BlockMaximaParams
from detectors.native.art import ArtParams
from detectors.native.binomial_cusum import BinomialCusumParams
from detectors.native.cusum import CusumParams
from detectors.native.range_novelty import RangeNoveltyParams
from detectors.native.robust_location import RobustLocationParams
from detectors.native.seasonal import SeasonalParams
from detectors.native.static_limits import StaticLimitsParams
from detectors.native.variance_change import VarianceChangeParams
from detectors.river.adwin import AdwinParams
from detectors.river.gaussian import GaussianParams
from detectors.river.half_space_trees import HalfSpaceTreesParams
from detectors.river.kswin import KswinParams
from detectors.river.page_hinkley import PageHinkleyParams

EVERY_WINDOWS = 10_000.0
"""The budget of the banks under check."""


@dataclass(frozen=True, slots=True)
class Case:
    """A bank to check. learns: it is cold at first and learns from the stream what is normal. equivariant: scaling and
    shifting a stream changes no level. spikes: a single window far out must alarm by itself. window_s: length of the
    windows.
    """

    name: str
    build: Callable[[int], Detector]
    learns: bool = True
    equivariant: bool = False
    spikes: bool = False
    window_s: float = 1.0


class _BehindRobustLocation:
    """A bank behind `robust_location`: what both have in common."""

    def __init__(self, inner: Detector, capacity: int) -> None:
        self._robust = RobustLocationParams(every_windows=EVERY_WINDOWS).build(capacity)
        self._inner = inner

    def grow(self, capacity: int) -> None:
        """Grow both."""
        self._robust.grow(capacity)
        self._inner.grow(capacity)

    def forget(self, rows: IntArray) -> None:
        """Forget in both."""
        self._robust.forget(rows)
        self._inner.forget(rows)

    def snapshot(self, rows: IntArray) -> State:
        """The state of both, with a prefix each."""
        mine = {f"robust.{name}": cells for name, cells in self._robust.snapshot(rows).items()}
        return mine | {f"inner.{name}": cells for name, cells in self._inner.snapshot(rows).items()}

    def restore(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Restore both; the inner bank refuses unknown names."""
        mine = {n.removeprefix("robust."): cells for n, cells in state.items() if n.startswith("robust.")}
        rest = {n.removeprefix("inner."): cells for n, cells in state.items() if not n.startswith("robust.")}
        self._inner.restore(rows, rest)
        self._robust.restore(rows, mine)


class OnResiduals(_BehindRobustLocation):
    """A bank of residuals behind `robust_location`, as in the suite, so that it can be checked on values."""

    def _residuals(self, block: Block) -> tuple[Block, NDArray[np.bool_]]:
        centre, spread, _ = self._robust.frame(block)
        known = np.isfinite(centre)
        value = (block.value - centre) / spread
        part = block.select(known)
        return replace(part, value=value[known]), known

    def score(self, block: Block) -> Scores:
        """The inner bank's scores at the places of the block, NaN where a row has no residual yet."""
        residuals, known = self._residuals(block)
        inner = self._inner.score(residuals)
        nowhere = np.full(len(block), np.nan)
        out = Scores(nowhere.copy(), nowhere.copy(), np.zeros(len(block), np.intp), nowhere)
        out.level[known], out.raw[known], out.direction[known] = inner.level, inner.raw, inner.direction
        return out

    def observe(self, block: Block) -> None:
        """Observe in both, the inner bank first."""
        self._inner.observe(self._residuals(block)[0])
        self._robust.observe(block)

    def learn(self, block: Block) -> None:
        """Learn in both, the inner bank first: its residuals are those before robust location learns this block."""
        self._inner.learn(self._residuals(block)[0])
        self._robust.learn(block)

class InFrame(_BehindRobustLocation):
    """A bank of framed values behind `robust_location`, which learns every window, as in the suite."""

    def _framed(self, block: Block) -> Block:
        anything = np.zeros(len(block))
        return framed(block, *self._robust.frame(block), anything, anything.astype(np.intp))

    def score(self, block: Block) -> Scores:
        """The inner bank's scores."""
        return self._inner.score(self._framed(block))

    def observe(self, block: Block) -> None:
        """Observe in both, the inner bank first: its frame is that before robust location learns this block."""
        self._inner.observe(self._framed(block))
        self._robust.observe(block)
        self._robust.learn(block)

    def learn(self, block: Block) -> None:
        """Both have learned it."""

class OnShares:
    """A bank of shares, so that it can be checked on values: each becomes a share of `_TRIALS` trials."""

    def __init__(self, inner: Detector) -> None:
        self._inner = inner
        self.grow, self.forget = inner.grow, inner.forget
        self.snapshot, self.restore = inner.snapshot, inner.restore

    def score(self, block: Block) -> Scores:
        """The inner bank's scores of the shares."""
        return self._inner.score(_as_shares(block))

    def observe(self, block: Block) -> None:
        """Observe the shares."""
        self._inner.observe(_as_shares(block))

    def learn(self, block: Block) -> None:
        """Learn from the shares."""
        self._inner.learn(_as_shares(block))


_TRIALS = 200.0


def _as_shares(block: Block) -> Block:
    """Values of about 100 become shares of about 0.1."""
    share = np.clip(0.1 * block.value / 100.0, 0.0, 1.0)
    return replace(block, value=share, trials=np.full(len(block), _TRIALS))


CASES = (
    Case(
        "block_maxima", lambda n: InFrame(BlockMaximaParams(every_s=EVERY_WINDOWS).build(n), n), equivariant=True,
        spikes=True,
    ),
    Case("static_limits", StaticLimitsParams(low=-1e3, high=1e3).build, learns=False, spikes=True),
    Case(
        "robust_location", RobustLocationParams(every_windows=EVERY_WINDOWS).build, equivariant=True, spikes=True,
    ),
    Case(
        "slow_location", RobustLocationParams(every_windows=EVERY_WINDOWS, stride=4).build, equivariant=True,
        spikes=True,
    ),
    Case(
        "seasonal", SeasonalParams(every_windows=EVERY_WINDOWS, warm_up_s=90_000.0).build, equivariant=True,
        spikes=True, window_s=1800.0,
    ),
    Case("range_novelty", RangeNoveltyParams(every_windows=EVERY_WINDOWS).build, spikes=True),
    Case("art", ArtParams(every_windows=0.1 * EVERY_WINDOWS, stride=2, settle=16).build),
    Case("variance_change", VarianceChangeParams(every_windows=EVERY_WINDOWS, warm_up=60).build, equivariant=True),
    Case("gaussian", GaussianParams(every_windows=EVERY_WINDOWS).build, equivariant=True, spikes=True),
    Case("cusum", lambda n: OnResiduals(CusumParams(every_windows=EVERY_WINDOWS).build(n), n), equivariant=True),
    Case("binomial_cusum", lambda n: OnShares(BinomialCusumParams(every_windows=EVERY_WINDOWS).build(n)), spikes=True),
    Case("adwin", lambda n: OnResiduals(AdwinParams(every_windows=EVERY_WINDOWS).build(n), n)),
    Case(
        "page_hinkley", lambda n: OnResiduals(PageHinkleyParams(every_windows=EVERY_WINDOWS).build(n), n),
        equivariant=True,
    ),
    Case("kswin", lambda n: OnResiduals(KswinParams(every_windows=EVERY_WINDOWS, window=60, recent=20).build(n), n)),
    Case(
        "half_space_trees",
        lambda n: OnResiduals(HalfSpaceTreesParams(every_windows=EVERY_WINDOWS, window=60).build(n), n),
    ),
)
"""One case per catalogue entry that scores windows."""
