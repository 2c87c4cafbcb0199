"""A block with what the suite knows of each window beside its value: the frame, and which deviations count."""

from __future__ import annotations

from dataclasses import dataclass, fields

from detectors.base import Block, BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class FramedBlock(Block):
    """A block in the scale of its rows' profiles.

    centre, spread: (n,) the frame of robust location, NaN in cold rows. excess: (n,) the variance that a window has
    beyond the usual one, since it has fewer samples. least: (n,) the smallest deviation that counts. watched: (n,) the
    direction that counts: +1 up, -1 down, 0 both.
    """

    centre: FloatArray
    spread: FloatArray
    excess: FloatArray
    least: FloatArray
    watched: IntArray

    def select(self, keep: BoolArray | IntArray) -> FramedBlock:
        """The windows selected by a boolean mask or an index array."""
        part = Block.select(self, keep)
        return framed(
            part, self.centre[keep], self.spread[keep], self.excess[keep], self.least[keep], self.watched[keep],
        )


def framed(
    block: Block, centre: FloatArray, spread: FloatArray, excess: FloatArray, least: FloatArray, watched: IntArray,
) -> FramedBlock:
    """The block with these columns."""
    return FramedBlock(
        *(getattr(block, column.name) for column in fields(Block)),
        centre=centre, spread=spread, excess=excess, least=least, watched=watched,
    )
