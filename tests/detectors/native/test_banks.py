"""Properties of single banks beyond the conformance suite."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.checks import feed
from detectors.native.cusum import CusumParams
from detectors.native.robust_location import RobustLocationParams, without_extreme
from detectors.native.static_limits import StaticLimitsParams
from tests.detectors.blocks import windows

ROW = np.array([0])


def test_cusum_ends_its_alarm_with_the_first_ordinary_window() -> None:
    bank = CusumParams().build(1)
    for at in range(100):
        feed(bank, windows([0.1 * (-1) ** at], at))
    for at in range(100, 200):
        feed(bank, windows([5.0], at))
    assert bank.score(windows([5.0], 200)).level[0] >= 1.0
    assert bank.score(windows([0.0], 200)).level[0] < 1.0


def test_cusum_dates_a_change_by_the_start_of_its_run() -> None:
    bank = CusumParams().build(1)
    for at in range(100):
        feed(bank, windows([-0.5], at))
    for at in range(100, 106):
        feed(bank, windows([2.0], at))
    _, runs = bank.trace(windows([2.0], 106))
    assert runs.onset_s[0] == 100.0
    assert 1.0 < runs.shift[0] <= 2.0


def test_each_row_has_its_own_limits() -> None:
    bank = StaticLimitsParams().build(2)
    bank.limit(np.array([1]), np.array([np.nan]), np.array([10.0]))
    level = bank.score(windows([20.0, 20.0], 0.0)).level
    assert np.isnan(level[0])
    assert level[1] == 2.0


def test_robust_location_is_the_median_and_the_scaled_absolute_deviation() -> None:
    bank = RobustLocationParams().build(1)
    values = np.random.default_rng(1).normal(50.0, 4.0, size=128).astype(np.float32).astype(np.float64)
    for at, value in enumerate(values):
        feed(bank, windows([value], at))
    centre, spread, _ = bank.frame(windows([50.0], 128.0))
    assert centre[0] == np.median(values)
    assert spread[0] == pytest.approx(1.4826 * np.median(np.abs(values - np.median(values))), rel=1e-6)


def test_the_mean_without_an_extreme_sample_is_exact() -> None:
    samples = np.array([1.0, 2.0, 3.0, 10.0])
    block = windows([samples.mean()], 0.0, count=4.0)
    block.minimum[:], block.maximum[:] = samples.min(), samples.max()
    lower, upper = without_extreme(block)
    assert lower[0] == samples[:3].mean()
    assert upper[0] == samples[1:].mean()


def test_a_single_sample_has_no_extreme_to_leave_out() -> None:
    lower, upper = without_extreme(windows([7.0], 0.0))
    assert lower[0] == upper[0] == 7.0


def test_the_first_1_of_a_row_at_rest_at_0_is_as_far_as_it_is_rare() -> None:
    bank = RobustLocationParams().build(1)
    for second in range(400):
        block = windows([0.0], float(second))
        bank.observe(block)
        bank.learn(block)
    scores = bank.score(windows([1.0], 400.0))
    assert scores.raw[0] == pytest.approx(40.0)
    assert scores.level[0] >= 1.0
