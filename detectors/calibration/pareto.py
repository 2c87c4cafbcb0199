"""The generalised Pareto distribution: its shape from L-moments, its quantiles and their uncertainty. Pure.

Sources: Hosking 1990 (L-moments); Smith 1987 (uncertainty of an estimated tail).
"""

from __future__ import annotations

import numpy as np

from detectors.base import FloatArray

_SHAPES = (-0.1, 0.6)
_MIN_SHAPE = 1e-6
"""A shape closer to 0 is treated as 0, the exponential distribution."""


def pareto_shape(mean: FloatArray, gini: FloatArray) -> FloatArray:
    """The shape of a generalised Pareto distribution from its first two L-moments (Hosking 1990)."""
    shape: FloatArray = np.clip(2.0 - mean / np.maximum(gini, 1e-12 * mean + 1e-300), *_SHAPES)
    return shape


def pareto_quantile(shape: FloatArray, log_period: FloatArray) -> FloatArray:
    """The excess, for scale 1, that is exceeded with probability e^-log_period: (e^(shape log_period) - 1) / shape."""
    curved = np.abs(shape) > _MIN_SHAPE
    safe = np.where(curved, shape, 1.0)
    quantile: FloatArray = np.where(curved, np.expm1(safe * log_period) / safe, log_period)
    return quantile


def log_rate_variance(shape: FloatArray, log_period: FloatArray) -> FloatArray:
    """The variance of the logarithm of the rate at which a return level is exceeded, times the number of peaks.

    Half of it is, to first order, the relative excess of that rate over the one asked for, when the level is estimated.
    """
    by_scale = pareto_quantile(-shape, log_period)
    curved = np.abs(shape) > _MIN_SHAPE
    slope = np.where(curved, (log_period - by_scale) / np.where(curved, shape, 1.0), 0.5 * log_period**2)
    by_shape = slope * (1.0 + shape)
    variance: FloatArray = by_shape**2 - 2.0 * by_shape * by_scale + 2.0 * (1.0 + shape) * by_scale**2
    return variance
