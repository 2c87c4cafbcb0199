"""Cheap causal baselines: from the values of one series to a score for each of its samples."""

from __future__ import annotations

from collections import deque

import numpy as np
from scipy.special import ndtr

from detectors.base import FloatArray


def windowed_gaussian(value: FloatArray, window: int = 6400, step: int = 100) -> FloatArray:
    """NAB's windowed Gaussian: 1 minus the normal tail probability beyond the sample, at either side.

    Mean and spread are of the samples so far until the window is full; then it moves on by `step` samples at a time.
    """
    score = np.zeros(len(value))
    total, square = 0.0, 0.0
    origin = float(value[0])  # sums of differences lose fewer digits
    centred = value - origin
    mean, std = np.zeros(len(value)), np.ones(len(value))
    first = 0
    for at in range(1, len(value)):
        if at <= window:
            total += centred[at - 1]
            square += centred[at - 1] ** 2
            mean[at] = total / at
            std[at] = np.sqrt(max(square / at - mean[at] ** 2, 0.0))
        elif at - first == window + step:
            first += step
            part = centred[first:at]
            mean[at], std[at] = part.mean(), part.std()
        else:
            mean[at], std[at] = mean[at - 1], std[at - 1]
    std[std == 0.0] = 1e-6
    z = np.abs(centred - mean) / std
    score[1:] = 1.0 - ndtr(-z[1:])
    return score


def range_novelty(value: FloatArray) -> FloatArray:
    """How far a sample lies outside the range of all samples before it, as a share of that range."""
    high, low = np.maximum.accumulate(value)[:-1], np.minimum.accumulate(value)[:-1]
    beyond = np.maximum(np.maximum(value[1:] - high, low - value[1:]), 0.0)
    width = high - low
    score = np.zeros(len(value))
    score[1:] = np.divide(beyond, width, out=np.zeros(len(width)), where=width > 0)
    return score


def ewma_z(value: FloatArray, alpha: float = 0.03) -> FloatArray:
    """Distance from an exponentially weighted mean, in exponentially weighted standard deviations."""
    score = np.zeros(len(value))
    mean, variance = float(value[0]), 0.0
    for at in range(1, len(value)):
        away = float(value[at]) - mean
        if variance > 0:
            score[at] = abs(away) / variance**0.5
        mean += alpha * away
        variance = (1 - alpha) * (variance + alpha * away * away)
    return score


def running_z(value: FloatArray) -> FloatArray:
    """Distance from the mean of all samples before, in their standard deviations: river's GaussianScorer, as |z|."""
    score = np.zeros(len(value))
    mean, square = 0.0, 0.0
    for at, x in enumerate(value.tolist()):
        if at > 1 and square > 0:
            score[at] = abs(x - mean) / (square / (at - 1)) ** 0.5
        away = x - mean
        mean += away / (at + 1)
        square += away * (x - mean)
    return score


def median_mad(value: FloatArray, window: int = 256, floor: float = 0.05) -> FloatArray:
    """Distance from the median of the last samples in robust spreads, held above a share of the long-run spread."""
    score = np.zeros(len(value))
    ring: deque[float] = deque(maxlen=window)
    mean, square = 0.0, 0.0
    for at, x in enumerate(value.tolist()):
        if at > 1:
            recent = np.array(ring)
            centre = np.median(recent)
            spread = 1.4826 * np.median(np.abs(recent - centre))
            spread = max(spread, floor * (square / at) ** 0.5)
            if spread > 0:
                score[at] = abs(x - centre) / spread
        ring.append(x)
        away = x - mean
        mean += away / (at + 1)
        square += away * (x - mean)
    return score
