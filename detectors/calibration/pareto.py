"""The generalised Pareto distribution: its shape from L-moments, how far it reaches, and how sure that is. Pure.

Sources: Hosking 1990 (L-moments); Smith 1987 (how sure an estimated tail is).
"""

from __future__ import annotations

import numpy as np

from detectors.base import FloatArray

_SHAPES = (-0.1, 0.6)
_BENT = 1e-6
"""The least shape that is told from 0."""


def pareto_shape(mean: FloatArray, gini: FloatArray) -> FloatArray:
    """The shape of a generalised Pareto distribution from its first two L-moments (Hosking 1990)."""
    shape: FloatArray = np.clip(2.0 - mean / np.maximum(gini, 1e-12 * mean + 1e-300), *_SHAPES)
    return shape


def uncertainty(shape: FloatArray, odds: FloatArray) -> FloatArray:
    """Variance of the logarithm of how often a height is passed, times the number of peaks it was estimated from.

    Half of it is by how much, to first order, an estimated height is passed more often than the true one.
    """
    by_scale = reach(-shape, odds)
    bent = np.abs(shape) > _BENT
    by_shape = np.where(bent, (odds - by_scale) / np.where(bent, shape, 1.0), 0.5 * odds**2) * (1.0 + shape)
    variance: FloatArray = by_shape**2 - 2.0 * by_shape * by_scale + 2.0 * (1.0 + shape) * by_scale**2
    return variance


def reach(shape: FloatArray, odds: FloatArray) -> FloatArray:
    """(e^(shape odds) - 1) / shape, and its limit where the shape is 0."""
    bent = np.abs(shape) > _BENT
    safe = np.where(bent, shape, 1.0)
    far: FloatArray = np.where(bent, np.expm1(safe * odds) / safe, odds)
    return far
