"""The inflation of the variance of means, estimated from the correlation of neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.base import FloatArray
from detectors.river.autocorrelation import AutocorrelationInflation


def ratio(stream: FloatArray) -> float:
    inflation, rows = AutocorrelationInflation(1), np.array([0])
    for value in stream:
        inflation.observe(rows, np.array([value]))
        inflation.learn(rows)
    return float(inflation.ratio(rows)[0])


def autoregression(of: float, n: int, seed: int = 0) -> FloatArray:
    stream = np.random.default_rng(seed).normal(size=n)
    for at in range(1, n):
        stream[at] = of * stream[at - 1] + (1.0 - of * of) ** 0.5 * stream[at]
    return stream


@pytest.mark.parametrize(("of", "expected"), [(0.0, 1.0), (0.5, 3.0**0.5), (0.8, 3.0)])
def test_the_ratio_is_that_of_the_autoregression(of: float, expected: float) -> None:
    assert ratio(autoregression(of, 20_000)) == pytest.approx(expected, rel=0.15)


def test_a_negatively_correlated_row_counts_as_independent() -> None:
    assert ratio(autoregression(-0.5, 2000)) == 1.0


def test_a_jump_counts_for_no_more_than_its_windows() -> None:
    stream = np.concatenate([autoregression(0.0, 1000), np.full(20, 1e9)])
    assert ratio(stream) < 1.15


def test_a_constant_row_has_a_finite_ratio() -> None:
    assert np.isfinite(ratio(np.full(5000, 7.0)))


def test_a_cold_row_is_independent() -> None:
    assert AutocorrelationInflation(1).ratio(np.array([0])).tolist() == [1.0]
