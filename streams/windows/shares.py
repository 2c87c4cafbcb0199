"""Shares among the values of windows: a mean of values between 0 and 1 is a number of hits out of a number of trials.

Of requests, each request with the metric is one trial. Of values that were aggregated elsewhere the trials are the
denominators that came with them; a window whose values came without one is no share. Pure.
"""

from __future__ import annotations

import numpy as np

from detectors.base import BoolArray, FloatArray
from streams.windows.accumulators import PartialWindows


def trials_of(parts: PartialWindows, aggregated: BoolArray, averaged: BoolArray) -> FloatArray:
    """(n,) the trials behind each window, NaN where its value is no share of a known number.

    aggregated: (n,) whether the values arrived aggregated. averaged: (n,) whether the window's value is their mean.
    """
    known = np.where(aggregated, parts.trials, parts.count)
    is_share = averaged & (parts.low >= 0.0) & (parts.high <= 1.0) & (known > 0.0)
    return np.where(is_share, known, np.nan)


def weighted_mean(parts: PartialWindows, trials: FloatArray) -> FloatArray:
    """(n,) the mean of each window's values, weighted by their denominators where these are known."""
    weighted = np.isfinite(trials) & (parts.trials > 0.0)
    mean: FloatArray = np.where(weighted, parts.hits / np.where(weighted, parts.trials, 1.0), parts.mean)
    return mean
