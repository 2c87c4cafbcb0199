"""The resolution of a row's values: a deviation that is not larger may be rounding, and is no evidence of anything.

It is the largest of three: the step between decimal numbers of as many places as the row's values have ever had (1 for
integers, 0.01 for prices and percentages), shared by the samples of a mean; what the last bits of single precision
make of a number; and what came with the value (`Block.resolution`), or lately came with the row's values, such as the
width of a histogram's bucket. Cost: 0.1 us per window and series; 9 bytes a series.
"""

from __future__ import annotations

import numpy as np

from detectors.banks.table import Column, Table, TableComponent
from detectors.base import Block, FloatArray, IntArray

_FULL = 7
"""Decimal places from which on values have no step."""
_LAST_BITS = 5e-7
"""Relative: four units in the last place of single precision."""
_FADES = 0.98
"""Share of the widest resolution of late that is left after a window."""


class Resolution(TableComponent):
    """The rows' resolutions; see the module."""

    def __init__(self, capacity: int) -> None:
        self._rows = Table({"places": Column(np.int8, 0), "widest": Column(np.float64, 0.0)}, capacity)

    def of(self, block: Block) -> FloatArray:
        """(n,) the resolution of each window's value, in the metric's unit."""
        places = self._places(block)
        # The mean of several samples moves by a part of their step.
        step = np.where(places < _FULL, 10.0 ** -places.astype(np.float64), 0.0) / np.maximum(block.count, 1.0)
        size = np.minimum(np.abs(block.value), 1e300)
        resolution: FloatArray = np.maximum(np.maximum(step, _LAST_BITS * size), self._widest(block))
        return resolution

    def observe(self, block: Block) -> None:
        """Take in every window of distinct rows."""
        self._rows["places"][block.rows] = self._places(block)
        self._rows["widest"][block.rows] = _FADES * self._widest(block)

    def _widest(self, block: Block) -> FloatArray:
        widest: FloatArray = self._rows["widest"][block.rows]
        return widest if block.resolution is None else np.fmax(widest, block.resolution)

    def _places(self, block: Block) -> IntArray:
        """(n,) decimal places of the row's values, with this one."""
        places = self._rows["places"][block.rows].astype(np.intp)
        open_ = np.flatnonzero((places < _FULL) & (block.count <= 1.0))
        if len(open_):
            places[open_] = np.maximum(places[open_], _decimal_places(block.value[open_]))
        return places


def _decimal_places(value: FloatArray) -> IntArray:
    """(n,) the fewest decimal places that write each value, `_FULL` for more."""
    places = np.full(len(value), _FULL, np.intp)
    size = np.minimum(np.abs(value), 1e15)
    for number in range(_FULL - 1, -1, -1):
        scaled = size * 10.0**number
        places[np.abs(scaled - np.rint(scaled)) <= 1e-9 * np.maximum(scaled, 1.0)] = number
    return places
