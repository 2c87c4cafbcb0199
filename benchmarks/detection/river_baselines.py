"""River's detectors as baselines, as shipped or with the parameters the literature runs them with; slow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, cast

import numpy as np
from river import anomaly, drift

from detectors.base import FloatArray


class _Scorer(Protocol):
    """River's own methods have no types."""

    def score_one(self, x: object, y: float = ...) -> float: ...

    def learn_one(self, x: object, y: float = ...) -> None: ...


class _Drift(Protocol):
    @property
    def drift_detected(self) -> bool: ...

    def update(self, x: float) -> object: ...


def _prequential(model: _Scorer, value: FloatArray) -> FloatArray:
    score = np.zeros(len(value))
    for at, x in enumerate(value.tolist()):
        score[at] = model.score_one(None, x)
        model.learn_one(None, x)
    return score


def gaussian(value: FloatArray) -> FloatArray:
    """`GaussianScorer` as shipped, score then learn."""
    return _prequential(cast("Callable[[], _Scorer]", anomaly.GaussianScorer)(), value)


def standard_absolute_deviation(value: FloatArray) -> FloatArray:
    """`StandardAbsoluteDeviation` as shipped, score then learn."""
    return _prequential(cast("Callable[[], _Scorer]", anomaly.StandardAbsoluteDeviation)(), value)


def half_space_trees(value: FloatArray) -> FloatArray:
    """`HalfSpaceTrees` as shipped, fed with the value scaled by the range so far."""
    model = cast("_Scorer", anomaly.HalfSpaceTrees(seed=42))
    score = np.zeros(len(value))
    low, high = np.minimum.accumulate(value), np.maximum.accumulate(value)
    width = np.where(high > low, high - low, 1.0)
    for at, x in enumerate(((value - low) / width).tolist()):
        score[at] = model.score_one({"x": x})
        model.learn_one({"x": x})
    return score


def adwin(value: FloatArray) -> FloatArray:
    """`ADWIN` as shipped, on standardised values: 1 where it detects drift."""
    return _drifts(standardised(value), cast("Callable[[], _Drift]", drift.ADWIN))


def page_hinkley(value: FloatArray) -> FloatArray:
    """`PageHinkley` as shipped, on standardised values."""
    return _drifts(standardised(value), lambda: cast("_Drift", drift.PageHinkley()))


def kswin(value: FloatArray) -> FloatArray:
    """`KSWIN` at a level at which it does not alarm all the time; 260 us a sample."""
    return _drifts(value, lambda: cast("_Drift", drift.KSWIN(alpha=1e-6, window_size=300, seed=42)))


def standardised(value: FloatArray) -> FloatArray:
    """Each value less the mean of all before it, in their standard deviations."""
    scaled = np.zeros(len(value))
    mean, square = 0.0, 0.0
    for at, x in enumerate(value.tolist()):
        scaled[at] = (x - mean) / (square / at) ** 0.5 if square > 0 else 0.0
        away = x - mean
        mean += away / (at + 1)
        square += away * (x - mean)
    return scaled


def _drifts(value: FloatArray, make: Callable[[], _Drift]) -> FloatArray:
    model = make()
    score = np.zeros(len(value))
    for at, x in enumerate(value.tolist()):
        model.update(x)
        score[at] = float(model.drift_detected)
    return score
