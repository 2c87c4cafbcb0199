"""Two-epoch memory: when the newer epoch is full it becomes the older one, and the older one is forgotten.

A bank that keeps an extreme of its recent windows keeps one per epoch. It so remembers between one epoch and two.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.base import IntArray


def remembered(number: NDArray[np.integer], epoch: int) -> IntArray:
    """(n,) how many of the last observations are remembered. number: (n,) observed so far. epoch: its length."""
    kept: IntArray = np.where(number < epoch, number, epoch + number % epoch).astype(np.intp)
    return kept
