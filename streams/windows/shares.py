"""Shares among the values of windows: a mean of values between 0 and 1 is a number of hits out of a number of trials.

Of requests, each request with the metric is one trial, as long as all its values are 0 or 1. Of values that were
aggregated elsewhere the trials are the denominators that came with them; a window whose values came without one is no
share. Pure.
"""

from __future__ import annotations

import numpy as np

from detectors.base import BoolArray, FloatArray
from streams.windows.accumulators import PartialWindows


def are_fractional(parts: PartialWindows) -> BoolArray:
    """(n,) whether any value is neither 0 nor 1: between them, only these two give a variance of mean (1 - mean)."""
    mean = np.clip(parts.mean, 0.0, 1.0)
    largest = parts.count * mean * (1.0 - mean)
    fractional: BoolArray = (parts.low < 0.0) | (parts.high > 1.0) | (parts.m2 < largest - 1e-9 * parts.count)
    return fractional


def trials_of(
    parts: PartialWindows, aggregated: BoolArray, fractional: BoolArray, averaged: BoolArray,
) -> FloatArray:
    """(n,) the trials behind each window, NaN where its value is no share of a known number.

    aggregated: (n,) whether the values arrived aggregated. fractional: (n,) whether the row ever had a request whose
    value was neither 0 nor 1. averaged: (n,) whether the window's value is the mean of its values.
    """
    known = np.where(aggregated, parts.trials, np.where(fractional, np.nan, parts.count))
    is_share = averaged & (parts.low >= 0.0) & (parts.high <= 1.0) & (known > 0.0)
    return np.where(is_share, known, np.nan)


def weighted_mean(parts: PartialWindows, trials: FloatArray) -> FloatArray:
    """(n,) the mean of each window's values, weighted by their denominators where these are known."""
    weighted = np.isfinite(trials) & (parts.trials > 0.0)
    mean: FloatArray = np.where(weighted, parts.hits / np.where(weighted, parts.trials, 1.0), parts.mean)
    return mean
