"""A block in the scale of its rows' profiles, with the centre and spread that robust location scores it by."""

from __future__ import annotations

from dataclasses import dataclass, replace

from detectors.base import Block, BoolArray, FloatArray, Scores


@dataclass(frozen=True, slots=True)
class ScaledBlock:
    """The input of the learned detectors.

    block: the windows, values in the rows' scale. lower, upper: (n,) values without an extreme sample, as
    `without_extreme`. centre, spread: (n,) in the rows' scale, NaN for cold rows. excess: (n,) see `FramedBlock`.
    warm: (n,) rows past their warm-up. location: the scores of robust location. resolution: (n,) of the values, in the
    metric's unit.
    """

    block: Block
    lower: FloatArray
    upper: FloatArray
    centre: FloatArray
    spread: FloatArray
    excess: FloatArray
    warm: BoolArray
    location: Scores
    resolution: FloatArray

    def select(self, keep: BoolArray) -> ScaledBlock:
        """The windows selected by a boolean mask."""
        location = self.location
        return ScaledBlock(
            self.block.select(keep), self.lower[keep], self.upper[keep], self.centre[keep], self.spread[keep],
            self.excess[keep], self.warm[keep],
            Scores(location.level[keep], location.raw[keep], location.direction[keep], location.expected[keep]),
            self.resolution[keep],
        )

    def residuals(self, keep: BoolArray) -> Block:
        """The windows selected by a mask; their value is the distance from the centre, in spreads, signed."""
        part = self.block.select(keep)
        return replace(part, value=(part.value - self.centre[keep]) / self.spread[keep])
