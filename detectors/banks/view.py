"""A block as the learned detectors see it: in the rows' scale, with the frame robust location judges it by."""

from __future__ import annotations

from dataclasses import dataclass, replace

from detectors.base import Block, BoolArray, FloatArray, Scores


@dataclass(frozen=True, slots=True)
class View:
    """centre, spread: in the rows' scale, NaN for cold rows. lower, upper: values without an extreme sample, as
    `without_extreme`. known: rows past their warm-up. robust: what robust location says."""

    scaled: Block
    lower: FloatArray
    upper: FloatArray
    centre: FloatArray
    spread: FloatArray
    known: BoolArray
    robust: Scores

    def take(self, keep: BoolArray) -> View:
        """The windows that a mask names."""
        robust = self.robust
        return View(
            self.scaled.take(keep), self.lower[keep], self.upper[keep], self.centre[keep], self.spread[keep],
            self.known[keep],
            Scores(robust.level[keep], robust.raw[keep], robust.direction[keep], robust.expected[keep]),
        )

    def residuals(self, keep: BoolArray) -> Block:
        """The windows that a mask names, with their distance from the centre, in spreads, as value."""
        part = self.scaled.take(keep)
        return replace(part, value=(part.value - self.centre[keep]) / self.spread[keep])
