"""Rules: the rows' profiles as arrays, so that a block is judged without a look-up per series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from detectors.base import Block, BoolArray, FloatArray, IntArray
from detectors.ensemble.profiles import Profile

_DIRECTION = {"up": 1, "down": -1, "both": 0}
_LINEAR, _LOG, _SQRT = 0, 1, 2
_SCALE = {"linear": _LINEAR, "log": _LOG, "sqrt": _SQRT}


class Rules:
    """One profile a row. Configuration, not state: it is assigned anew after a restart and is in no snapshot."""

    def __init__(self, profiles: Sequence[Profile], detectors: Sequence[str], capacity: int) -> None:
        if not profiles:
            raise ValueError("profiles: none given, expected at least one")
        for profile in profiles:
            unknown = sorted(set(profile.ensemble) - set(detectors))
            if profile.scale != "linear" and not profile.floor > 0:
                raise ValueError(f"profile {profile.name}: floor {profile.floor}, expected above 0 for {profile.scale}")
            if unknown:
                raise ValueError(f"profile {profile.name}: unknown detectors {unknown}, expected {list(detectors)}")
        self._profile = np.zeros(capacity, dtype=np.intp)
        self._scale = np.array([_SCALE[p.scale] for p in profiles], dtype=np.intp)
        # A linear scale has no floor; 1 keeps the branches that are not taken free of zeros.
        self._floor = np.array([1.0 if p.scale == "linear" else p.floor for p in profiles])
        self._direction = np.array([_DIRECTION[p.direction] for p in profiles], dtype=np.intp)
        self._min_abs = np.array([p.min_abs for p in profiles])
        self._min_rel = np.array([p.min_rel for p in profiles])
        self._low = np.array([np.nan if p.low is None else p.low for p in profiles])
        self._high = np.array([np.nan if p.high is None else p.high for p in profiles])
        self._token_budget = np.array([np.nan if p.token_budget is None else p.token_budget for p in profiles])
        self._aggregated = np.array([p.sampling == "pre_aggregated" for p in profiles])
        self._warm_up = np.array([p.warm_up for p in profiles], dtype=np.intp)
        self._enabled = np.array([[name in p.ensemble for name in detectors] for p in profiles])

    def grow(self, capacity: int) -> None:
        """Make room for rows below `capacity`; new rows have the first profile."""
        if capacity > len(self._profile):
            fresh = np.zeros(capacity - len(self._profile), dtype=np.intp)
            self._profile = np.concatenate([self._profile, fresh])

    def assign(self, rows: IntArray, profile: IntArray | int) -> None:
        """Give rows their profile, by index."""
        self._profile[rows] = profile

    def limits(self, rows: IntArray) -> tuple[FloatArray, FloatArray]:
        """(n,), (n,): lowest and highest value allowed, NaN for unlimited."""
        profile = self._profile[rows]
        return self._low[profile], self._high[profile]

    def token_budget(self, rows: IntArray) -> FloatArray:
        """(n,) tokens a period may cost, NaN for unlimited."""
        return self._token_budget[self._profile[rows]]

    def aggregated(self, rows: IntArray) -> BoolArray:
        """(n,) whether a row's values arrive aggregated."""
        aggregated: BoolArray = self._aggregated[self._profile[rows]]
        return aggregated

    def warm_up(self, rows: IntArray) -> IntArray:
        """(n,) windows before learned detectors speak."""
        return self._warm_up[self._profile[rows]]

    def used(self, detector: int) -> bool:
        """Whether any profile wants a detector."""
        return bool(self._enabled[:, detector].any())

    def enabled(self, rows: IntArray) -> BoolArray:
        """(n, detectors): which detectors each row wants."""
        return self._enabled[self._profile[rows]]

    def counts(self, rows: IntArray, direction: IntArray, value: FloatArray, expected: FloatArray) -> BoolArray:
        """(n,) whether a deviation is in a direction and of a size that the row's profile minds."""
        counts: BoolArray = self.minds(rows, direction) & (np.abs(value - expected) >= self.least(rows, expected))
        return counts

    def minds(self, rows: IntArray, direction: IntArray) -> BoolArray:
        """(n,) whether the row's profile minds a deviation in this direction at all."""
        wanted = self._direction[self._profile[rows]]
        minds: BoolArray = (wanted == 0) | (wanted == direction)
        return minds

    def to_scale(self, rows: IntArray, value: FloatArray) -> FloatArray:
        """Values in the domain in which their rows are judged."""
        profile = self._profile[rows]
        scale, held = self._scale[profile], np.maximum(value, self._floor[profile])
        scaled: FloatArray = np.where(scale == _LOG, np.log(held), np.where(scale == _SQRT, np.sqrt(held), value))
        return scaled

    def to_unit(self, rows: IntArray, scaled: FloatArray) -> FloatArray:
        """The inverse of `to_scale`; NaN stays NaN. Absurd estimates end at 1e300, so that they stay finite."""
        scale = self._scale[self._profile[rows]]
        held = np.clip(scaled, -1e300, 1e300)
        rooted = np.clip(scaled, 0.0, 1e150)
        value: FloatArray = np.where(
            scale == _LOG, np.exp(np.minimum(held, 690.0)), np.where(scale == _SQRT, rooted * rooted, held)
        )
        return value

    def slope(self, rows: IntArray, value: FloatArray) -> FloatArray:
        """How much the scaled value moves with the value, at that value."""
        profile = self._profile[rows]
        scale, held = self._scale[profile], np.maximum(value, self._floor[profile])
        slope: FloatArray = np.where(scale == _LOG, 1.0 / held, np.where(scale == _SQRT, 0.5 / np.sqrt(held), 1.0))
        return slope

    def least(self, rows: IntArray, expected: FloatArray) -> FloatArray:
        """(n,) the smallest deviation from `expected` that the row's profile minds, in the metric's unit."""
        profile = self._profile[rows]
        least: FloatArray = np.maximum(self._min_abs[profile], self._min_rel[profile] * np.abs(expected))
        return least

    def block_to_scale(self, block: Block) -> Block:
        """A block in the domain of judgement; standard deviations to first order (delta method)."""
        rows = block.rows
        return replace(
            block, value=self.to_scale(rows, block.value), std=block.std * self.slope(rows, block.value),
            minimum=self.to_scale(rows, block.minimum), maximum=self.to_scale(rows, block.maximum),
        )
