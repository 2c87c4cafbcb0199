"""The profiles of rows as arrays, so that a block is scored without a look-up per series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from detectors.base import Block, BoolArray, FloatArray, IntArray
from detectors.ensemble.profiles import Profile

_DIRECTION = {"up": 1, "down": -1, "both": 0}
_LINEAR, _LOG, _SQRT = 0, 1, 2
_SCALE = {"linear": _LINEAR, "log": _LOG, "sqrt": _SQRT}
_LARGEST = 1e38


class ProfileTable:
    """One profile per row. The profiles are configuration: a restart assigns them again, and no snapshot holds them.

    detectors: the names of all detectors, in the order of `enabled`. Raises `ValueError` when there is no profile, when
    a profile names an unknown detector, or when a logarithmic or square-root scale has no floor above 0.
    """

    def __init__(self, profiles: Sequence[Profile], detectors: Sequence[str], capacity: int) -> None:
        _check(profiles, detectors)
        self._profile = np.zeros(capacity, dtype=np.intp)
        self._scale = np.array([_SCALE[p.scale] for p in profiles], dtype=np.intp)
        # A linear scale has no floor. 1 avoids divisions by zero in the branches that are computed and not used.
        self._floor = np.array([1.0 if p.scale == "linear" else p.floor for p in profiles])
        self._direction = np.array([_DIRECTION[p.direction] for p in profiles], dtype=np.intp)
        self._min_abs = np.array([p.min_abs for p in profiles])
        self._min_rel = np.array([p.min_rel for p in profiles])
        self._min_share = np.array([p.min_abs if p.min_share is None else p.min_share for p in profiles])
        self._low = _optional([p.low for p in profiles])
        self._high = _optional([p.high for p in profiles])
        self._token_budget = _optional([p.token_budget for p in profiles])
        self._aggregated = np.array([p.sampling == "pre_aggregated" for p in profiles])
        self._warm_up = np.array([p.warm_up for p in profiles], dtype=np.intp)
        self._enabled = np.array([[name in p.ensemble for name in detectors] for p in profiles])

    def grow(self, capacity: int) -> None:
        """Make room for rows below `capacity`; new rows have the first profile."""
        if capacity > len(self._profile):
            added = np.zeros(capacity - len(self._profile), dtype=np.intp)
            self._profile = np.concatenate([self._profile, added])

    def assign(self, rows: IntArray, profile: IntArray | int) -> None:
        """Assign profiles to rows, by index into the profiles."""
        self._profile[rows] = profile

    def assigned(self, rows: IntArray) -> IntArray:
        """(n,) the profile of each row, by index into the profiles."""
        return self._profile[rows]

    def limits(self, rows: IntArray) -> tuple[FloatArray, FloatArray]:
        """(n,), (n,): lowest and highest value allowed, in the metric's unit, NaN for unlimited."""
        profile = self._profile[rows]
        return self._low[profile], self._high[profile]

    def token_budget(self, rows: IntArray) -> FloatArray:
        """(n,) tokens that a period may cost, NaN for unlimited."""
        return self._token_budget[self._profile[rows]]

    def aggregated(self, rows: IntArray) -> BoolArray:
        """(n,) whether the values of a row were aggregated before they arrived."""
        aggregated: BoolArray = self._aggregated[self._profile[rows]]
        return aggregated

    def warm_up(self, rows: IntArray) -> IntArray:
        """(n,) windows before the learned detectors have a level."""
        return self._warm_up[self._profile[rows]]

    def is_enabled(self, detector: int) -> bool:
        """Whether any profile enables a detector."""
        return bool(self._enabled[:, detector].any())

    def enabled(self, rows: IntArray) -> BoolArray:
        """(n, detectors): which detectors each row's profile enables."""
        return self._enabled.take(self._profile[rows], axis=0)

    def any_enabled(self, rows: IntArray, detectors: Sequence[int]) -> BoolArray:
        """(n,) whether each row's profile enables one of these detectors."""
        found: BoolArray = np.asarray(self._enabled[:, detectors].any(axis=1))
        return found[self._profile[rows]]

    def counts(
        self, rows: IntArray, direction: IntArray, value: FloatArray, expected: FloatArray,
        resolution: FloatArray | float = 0.0,
    ) -> BoolArray:
        """(n,) whether a deviation counts: its direction is monitored, and it reaches the minimum deviation and is
        beyond the resolution of the values.
        """
        away = np.abs(value - expected)
        # A hair above, or the rounding of a difference would decide.
        large: BoolArray = (away >= self.min_deviation(rows, expected)) & (away > resolution * (1.0 + 1e-9))
        return self.direction_counts(rows, direction) & large

    def share_counts(
        self, rows: IntArray, direction: IntArray, share: FloatArray, expected: FloatArray,
    ) -> BoolArray:
        """(n,) whether the deviation of a share of a known number of trials counts."""
        profile = self._profile[rows]
        least = np.maximum(self._min_share[profile], self._min_rel[profile] * np.abs(expected))
        large: BoolArray = np.abs(share - expected) >= least
        return self.direction_counts(rows, direction) & large

    def direction_counts(self, rows: IntArray, direction: IntArray) -> BoolArray:
        """(n,) whether deviations in this direction count for the row's profile."""
        monitored = self._direction[self._profile[rows]]
        counts: BoolArray = (monitored == 0) | (monitored == direction)
        return counts

    def direction(self, rows: IntArray) -> IntArray:
        """(n,) the direction that counts: +1 up, -1 down, 0 both."""
        direction: IntArray = self._direction[self._profile[rows]]
        return direction

    def min_deviation(self, rows: IntArray, expected: FloatArray) -> FloatArray:
        """(n,) the smallest deviation from `expected` that counts, in the metric's unit."""
        profile = self._profile[rows]
        deviation: FloatArray = np.maximum(self._min_abs[profile], self._min_rel[profile] * np.abs(expected))
        return deviation

    def to_scale(self, rows: IntArray, value: FloatArray) -> FloatArray:
        """(n,) values in the metric's unit, converted to the scale of their rows' profiles.

        Linear ones are clipped to what the detectors' single precision holds.
        """
        profile = self._profile[rows]
        scale, floored = self._scale[profile], np.maximum(value, self._floor[profile])
        linear = np.clip(value, -_LARGEST, _LARGEST)
        root_or_linear = np.where(scale == _SQRT, np.sqrt(floored), linear)
        scaled: FloatArray = np.where(scale == _LOG, np.log(floored), root_or_linear)
        return scaled

    def to_unit(self, rows: IntArray, scaled: FloatArray) -> FloatArray:
        """(n,) the inverse of `to_scale`; NaN stays NaN. Results are clipped to 1e300, so that they stay finite."""
        scale = self._scale[self._profile[rows]]
        clipped = np.clip(scaled, -1e300, 1e300)
        root = np.clip(scaled, 0.0, 1e150)
        value: FloatArray = np.where(
            scale == _LOG, np.exp(np.minimum(clipped, 690.0)), np.where(scale == _SQRT, root * root, clipped)
        )
        return value

    def slope(self, rows: IntArray, value: FloatArray) -> FloatArray:
        """(n,) the derivative of `to_scale` at these values."""
        profile = self._profile[rows]
        scale, floored = self._scale[profile], np.maximum(value, self._floor[profile])
        slope: FloatArray = np.where(
            scale == _LOG, 1.0 / floored, np.where(scale == _SQRT, 0.5 / np.sqrt(floored), 1.0)
        )
        return slope

    def block_to_scale(self, block: Block) -> Block:
        """A block converted to scale; standard deviations are converted to first order (delta method)."""
        rows = block.rows
        return replace(
            block, value=self.to_scale(rows, block.value), std=block.std * self.slope(rows, block.value),
            minimum=self.to_scale(rows, block.minimum), maximum=self.to_scale(rows, block.maximum),
        )


def _check(profiles: Sequence[Profile], detectors: Sequence[str]) -> None:
    if not profiles:
        raise ValueError("profiles: none given, expected at least one")
    for profile in profiles:
        if profile.scale != "linear" and not profile.floor > 0:
            raise ValueError(f"profile {profile.name}: floor {profile.floor}, expected above 0 for {profile.scale}")
        unknown = sorted(set(profile.ensemble) - set(detectors))
        if unknown:
            raise ValueError(f"profile {profile.name}: unknown detectors {unknown}, expected {list(detectors)}")


def _optional(values: Sequence[float | None]) -> FloatArray:
    """An array with NaN for None."""
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
