"""The ensemble: the detectors that a profile can enable beside `robust_location` and CUSUM.

Each detector sees only the windows of rows whose profile enables it. `ENTRIES` says for each detector what its input is
and when a deviation counts.

- Input: `value` (in the profile's scale), `residual` (the distance from robust location's centre, in spreads), `framed`
  (the value with robust location's frame and what counts of it), `amount` (the value in its own unit, as a share of the
  profile's token budget) or `share` (the value in its own unit, where it is a share of a known number of trials; no
  other detector of the row sees such a window).
- Counts by: `value` (direction, and minimum deviation from the row's centre), `own` (the same, from the detector's own
  expected value), `shift` (the same, of the shift found in the residuals), `share` (the same, of the share of the run,
  in the metric's unit), or `always`. A deviation within the resolution of the values never counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from detectors.banks.composite import Bank
from detectors.banks.framed_block import framed
from detectors.banks.scaled_block import ScaledBlock
from detectors.banks.sparse import SparseBank
from detectors.base import Block, BoolArray, Scores
from detectors.ensemble.profile_table import ProfileTable

Input = Literal["value", "residual", "framed", "amount", "share"]
CountsBy = Literal["value", "own", "shift", "share", "always"]

SHARES = "binomial_cusum"
"""The detector of shares."""
ENTRIES: Mapping[str, tuple[Input, CountsBy]] = {
    "block_maxima": ("framed", "own"),
    "slow_location": ("value", "value"),
    "seasonal": ("value", "own"),
    "range_novelty": ("value", "value"),
    "art": ("value", "value"),
    "variance_change": ("value", "always"),
    "gaussian": ("value", "value"),
    "half_space_trees": ("residual", "value"),
    "adwin": ("residual", "shift"),
    "page_hinkley": ("residual", "shift"),
    "kswin": ("residual", "shift"),
    "token_burn": ("amount", "always"),
    SHARES: ("share", "share"),
}


@dataclass(frozen=True, slots=True)
class DetectorScores:
    """One detector's scores at the places of a block.

    enabled: (n,) where the detector scored the window. counts: (n,) where its deviation counts.
    """

    scores: Scores
    enabled: BoolArray
    counts: BoolArray


class Ensemble:
    """See the module. builders: constructors of the banks, by name. column: index of each name in `profiles.enabled`.
    """

    def __init__(
        self, builders: Mapping[str, Callable[[int], Bank]], column: Mapping[str, int], profiles: ProfileTable,
        capacity: int,
    ) -> None:
        self._profiles = profiles
        self._column = column
        self._in_use = {name for name in builders if profiles.is_enabled(column[name])}
        self.banks = {name: SparseBank(build, capacity) for name, build in builders.items()}

    def score(self, block: Block, scaled: ScaledBlock, enabled: BoolArray) -> dict[str, DetectorScores]:
        """The scores of each detector that any row of the block enables. enabled: (n, detectors)."""
        found = {}
        for name in self._in_use:
            use = self._use(name, scaled, enabled)
            if use.any():
                part = self._input(name, block, scaled, use)
                scores = _at_places(self.banks[name].score(part), use)
                found[name] = DetectorScores(scores, use, self._counts(name, scaled, scores))
        return found

    def observe(self, block: Block, scaled: ScaledBlock, enabled: BoolArray) -> None:
        """Record every window as evidence."""
        for name in self._in_use:
            use = self._use(name, scaled, enabled)
            if use.any():
                self.banks[name].observe(self._input(name, block, scaled, use))

    def learn(self, block: Block, scaled: ScaledBlock, enabled: BoolArray) -> None:
        """Learn from observed windows that may be learned from."""
        for name in self._in_use:
            use = self._use(name, scaled, enabled)
            if use.any():
                self.banks[name].learn(self._input(name, block, scaled, use))

    def _use(self, name: str, scaled: ScaledBlock, enabled: BoolArray) -> BoolArray:
        """(n,) the windows that a detector gets: enabled, and with an input."""
        use: BoolArray = enabled[:, self._column[name]]
        if ENTRIES[name][0] == "residual":
            return use & scaled.warm
        if ENTRIES[name][0] == "share":
            return use & scaled.block.are_shares()
        if ENTRIES[name][0] == "amount":
            return use & np.isfinite(self._profiles.token_budget(scaled.block.rows))
        return use

    def _input(self, name: str, block: Block, scaled: ScaledBlock, use: BoolArray) -> Block:
        kind = ENTRIES[name][0]
        if kind == "residual":
            return scaled.residuals(use)
        if kind == "framed":
            return self._framed(scaled if use.all() else scaled.select(use))
        if kind == "amount":
            part = block.select(use)
            return replace(part, value=part.value / self._profiles.token_budget(part.rows))
        chosen = block if kind == "share" else scaled.block
        return chosen if use.all() else chosen.select(use)

    def _framed(self, scaled: ScaledBlock) -> Block:
        profiles, rows = self._profiles, scaled.block.rows
        expected = profiles.to_unit(rows, scaled.centre)
        least = profiles.min_deviation(rows, expected) * profiles.slope(rows, expected)
        return framed(
            scaled.block, scaled.centre, scaled.spread, scaled.excess, least, profiles.direction(rows),
        )

    def _counts(self, name: str, scaled: ScaledBlock, scores: Scores) -> BoolArray:
        profiles, rows, by = self._profiles, scaled.block.rows, ENTRIES[name][1]
        if by == "always":
            return np.ones(len(rows), dtype=np.bool_)
        if by == "share":
            share = scores.expected + scores.raw * scores.direction
            return profiles.share_counts(rows, scores.direction, share, scores.expected)
        centre, value = scaled.centre, scaled.block.value
        if by == "own":
            centre = np.where(np.isfinite(scores.expected), scores.expected, centre)
        if by == "shift":
            value = centre + scores.raw * scores.direction * scaled.spread
        value, centre = profiles.to_unit(rows, value), profiles.to_unit(rows, centre)
        return profiles.counts(rows, scores.direction, value, centre, scaled.resolution)


def _at_places(scores: Scores, use: BoolArray) -> Scores:
    """The scores of the selected windows at their places in the whole block; NaN and direction 0 elsewhere."""
    if use.all():
        return scores
    level, raw, expected = (np.full(len(use), np.nan) for _ in range(3))
    level[use], raw[use], expected[use] = scores.level, scores.raw, scores.expected
    direction = np.zeros(len(use), dtype=np.intp)
    direction[use] = scores.direction
    return Scores(level, raw, direction, expected)
