"""Memory in halves: the newer half becomes the older one when it is full, and what was older is forgotten."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.base import IntArray


def remembered(number: NDArray[np.integer], half: int) -> IntArray:
    """(n,) how many of all that came are still remembered, in halves of so many."""
    kept: IntArray = np.where(number < half, number, half + number % half).astype(np.intp)
    return kept
