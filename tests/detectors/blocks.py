"""Blocks for the tests of this room."""

from __future__ import annotations

import numpy as np

from detectors.base import Block, FloatArray


def windows(
    values: FloatArray | list[float], at_s: float, count: float = 1.0, std: float = 0.0, span_s: float = 1.0
) -> Block:
    """One window a row, all of the same number of samples, which lie two standard deviations around the value."""
    value = np.asarray(values, dtype=np.float64)
    n = len(value)
    start = np.full(n, at_s)
    return Block(
        np.arange(n), start, start + span_s, value, np.full(n, count), np.full(n, std), value - 2 * std,
        value + 2 * std,
    )
