"""Quantiles are right to within a bucket, over one layout of buckets or several, and unknown where little is known."""

from __future__ import annotations

from math import nan

import numpy as np
import pytest

from streams.intake.aggregated.histograms import Buckets, Exponential, Observed

BOUNDS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
FINE = tuple(float(bound) for bound in range(1, 60))


def buckets(values: np.ndarray[tuple[int], np.dtype[np.float64]], bounds: tuple[float, ...]) -> Buckets:
    counts = np.bincount(np.searchsorted(bounds, values), minlength=len(bounds) + 1)
    return Buckets(float(len(values)), float(values.sum()), bounds, tuple(counts.astype(float).tolist()))


def exponential(values: np.ndarray[tuple[int], np.dtype[np.float64]], scale: int) -> Exponential:
    index, counts = np.unique(np.ceil(np.log2(values) * 2**scale).astype(int) - 1, return_counts=True)
    pairs = tuple(zip(index.tolist(), counts.astype(float).tolist(), strict=True))
    return Exponential(float(len(values)), float(values.sum()), scale, 0.0, pairs)


def sampled(seed: int, count: int = 1000) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.random.default_rng(seed).lognormal(2.0, 0.5, count)


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
@pytest.mark.parametrize("seed", range(3))
def test_a_quantile_lies_in_the_bucket_of_the_true_one(share: float, seed: int) -> None:
    values = sampled(seed)
    true = float(np.quantile(values, share))
    at = int(np.searchsorted(BOUNDS, true))
    found = buckets(values, BOUNDS).observed(1.0).quantile(share)
    assert found is not None
    assert BOUNDS[at - 1] <= found <= BOUNDS[at]


@pytest.mark.parametrize("scale", [2, 5, 8])
def test_an_exponential_histogram_is_as_exact_as_its_scale(scale: int) -> None:
    values = sampled(7)
    found = exponential(values, scale).observed(1000.0)
    assert found.mean == pytest.approx(values.mean() * 1000.0)
    width = 2 ** (2.0**-scale) - 1.0
    assert found.quantile(0.95) == pytest.approx(np.quantile(values, 0.95) * 1000.0, rel=width + 0.01)


def test_layouts_that_differ_are_added_up() -> None:
    one, other = sampled(1), sampled(2) * 2.0
    both: Observed = buckets(one, FINE).observed(1.0)
    both.add(buckets(other, BOUNDS).observed(1.0))
    both.add(exponential(other, 5).observed(1.0))
    true = np.concatenate([one, other, other])
    assert both.mean == pytest.approx(true.mean())
    assert both.quantile(0.5) == pytest.approx(np.quantile(true, 0.5), rel=0.1)


def test_a_quantile_beyond_the_last_bound_is_that_bound() -> None:
    assert Buckets(100.0, 1e4, (1.0,), (0.0, 100.0)).observed(1000.0).quantile(0.5) == 1000.0


def test_a_quantile_of_too_few_observations_is_none() -> None:
    few = Buckets(30.0, nan, (1.0,), (15.0, 15.0)).observed(1.0)
    assert (few.mean, few.quantile(0.95), few.quantile(0.5)) == (None, None, 1.0)
    nothing = Buckets(0.0, 0.0, (1.0,), (0.0, 0.0)).observed(1.0)
    assert (nothing.mean, nothing.quantile(0.5)) == (None, None)
    assert Buckets(100.0, 5.0, (), (100.0,)).observed(1.0).quantile(0.5) is None


def test_the_variance_is_that_of_observations_spread_evenly_within_their_buckets() -> None:
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.uniform(0.0, 10.0, 40_000), rng.uniform(10.0, 40.0, 20_000)])
    observed = Observed(60_000.0, float(values.sum()), [((10.0, 40.0), (40_000.0, 20_000.0, 0.0))])
    assert observed.variance == pytest.approx(values.var(), rel=0.02)


def test_one_bucket_without_width_has_no_variance() -> None:
    assert Observed(5.0, 500.0, [((10.0, 40.0), (0.0, 0.0, 5.0))]).variance == 0.0
