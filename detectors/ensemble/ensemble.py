"""The ensemble: the detectors a profile can ask for beside `robust_location`, each before the rows that asked.

One entry a detector says what it looks at and what a deviation must be to count:

- looks at `value` (in the profile's scale), `residual` (what robust location leaves, in spreads) or `amount` (the value
  as it came, as a share of the profile's token budget);
- counts by `value` (direction, and minimum deviation from the row's centre), `own` (the same, from what the detector
  itself expected), `shift` (the same, of the shift it found in residuals), `direction` (that alone), or `always`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from detectors.banks.banked import Bank
from detectors.banks.sparse import Sparse
from detectors.banks.view import View
from detectors.base import Block, BoolArray, Scores
from detectors.ensemble.rules import Rules

LooksAt = Literal["value", "residual", "amount"]
CountsBy = Literal["value", "own", "shift", "direction", "always"]

ENTRIES: Mapping[str, tuple[LooksAt, CountsBy]] = {
    "slow_location": ("value", "value"),
    "seasonal": ("value", "own"),
    "range_novelty": ("value", "value"),
    "art": ("value", "direction"),
    "variance_change": ("value", "always"),
    "gaussian": ("value", "value"),
    "half_space_trees": ("residual", "value"),
    "adwin": ("residual", "shift"),
    "page_hinkley": ("residual", "shift"),
    "kswin": ("residual", "shift"),
    "token_burn": ("amount", "always"),
}


@dataclass(frozen=True, slots=True)
class Opinion:
    """One detector's answer at the places of a block: scores, where it was asked, and where its deviation counts."""

    scores: Scores
    asked: BoolArray
    counts: BoolArray


class Ensemble:
    """See the module. builders: what makes each bank. column: its place in the rules' table of enabled detectors."""

    def __init__(
        self, builders: Mapping[str, Callable[[int], Bank]], column: Mapping[str, int], rules: Rules, capacity: int,
    ) -> None:
        self._rules = rules
        self._column = column
        self._in_use = {name for name in builders if rules.used(column[name])}
        self.banks = {name: Sparse(build, capacity) for name, build in builders.items()}

    def opinions(self, block: Block, view: View, enabled: BoolArray) -> dict[str, Opinion]:
        """Of the detectors that any row of the block asked for."""
        found = {}
        for name in self._in_use:
            asked = self._asked(name, view, enabled)
            if asked.any():
                part = self._part(name, block, view, asked)
                scores = _spread_out(self.banks[name].score(part), asked)
                found[name] = Opinion(scores, asked, self._counts(name, block, view, scores))
        return found

    def _asked(self, name: str, view: View, enabled: BoolArray) -> BoolArray:
        asked: BoolArray = enabled[:, self._column[name]]
        if ENTRIES[name][0] == "residual":
            return asked & view.known
        if ENTRIES[name][0] == "amount":
            return asked & np.isfinite(self._rules.token_budget(view.scaled.rows))
        return asked

    def _part(self, name: str, block: Block, view: View, asked: BoolArray) -> Block:
        looks_at = ENTRIES[name][0]
        if looks_at == "residual":
            return view.residuals(asked)
        if looks_at == "amount":
            part = block.take(asked)
            return replace(part, value=part.value / self._rules.token_budget(part.rows))
        return view.scaled if asked.all() else view.scaled.take(asked)

    def _counts(self, name: str, block: Block, view: View, scores: Scores) -> BoolArray:
        rules, rows, by = self._rules, block.rows, ENTRIES[name][1]
        if by == "always":
            return np.ones(len(rows), dtype=np.bool_)
        if by == "direction":
            return rules.minds(rows, scores.direction)
        centre = np.where(np.isfinite(scores.expected), scores.expected, view.centre) if by == "own" else view.centre
        moved = view.centre + scores.raw * scores.direction * view.spread if by == "shift" else view.scaled.value
        return rules.counts(rows, scores.direction, rules.to_unit(rows, moved), rules.to_unit(rows, centre))

    def track(self, block: Block, view: View, enabled: BoolArray) -> None:
        """Every window, as evidence."""
        for name in self._in_use:
            asked = self._asked(name, view, enabled)
            if asked.any():
                self.banks[name].track(self._part(name, block, view, asked))

    def settle(self, block: Block, view: View, enabled: BoolArray) -> None:
        """Windows that may be learned from, after `track` had them."""
        for name in self._in_use:
            asked = self._asked(name, view, enabled)
            if asked.any():
                self.banks[name].settle(self._part(name, block, view, asked))


def _spread_out(scores: Scores, asked: BoolArray) -> Scores:
    """Scores of part of a block at the places of the whole."""
    if asked.all():
        return scores
    level, raw, expected = (np.full(len(asked), np.nan) for _ in range(3))
    level[asked], raw[asked], expected[asked] = scores.level, scores.raw, scores.expected
    direction = np.zeros(len(asked), dtype=np.intp)
    direction[asked] = scores.direction
    return Scores(level, raw, direction, expected)
