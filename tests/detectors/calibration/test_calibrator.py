"""Calibration: level 1.0 is passed about as often as asked, whatever the stream's shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import genpareto

from detectors.base import FloatArray
from detectors.calibration.calibrator import TailCalibrator, TailParams
from detectors.calibration.pareto import pareto_shape

NORMAL = TailParams(mark=2.05, rate=0.0195, excess=0.37)
Draw = Callable[[np.random.Generator, tuple[int, int]], FloatArray]


def normal(rng: np.random.Generator, size: tuple[int, int]) -> FloatArray:
    return rng.normal(size=size)


def lognormal(rng: np.random.Generator, size: tuple[int, int]) -> FloatArray:
    return np.exp(0.7 * rng.normal(size=size)) - 1.0


def student(rng: np.random.Generator, size: tuple[int, int]) -> FloatArray:
    return rng.standard_t(3, size=size)


def interval(draw: Draw, every: float, shape: tuple[int, int], seed: int) -> float:
    """Windows between alarms of (windows, rows) draws, after the first 4,000 windows."""
    windows, number = shape
    rows, tail, alarms = np.arange(number), TailCalibrator(NORMAL, every, number), 0
    for at, raw in enumerate(draw(np.random.default_rng(seed), shape)):
        alarms += int((tail.level(rows, raw) >= 1.0).sum()) if at >= 4000 else 0
        tail.observe(rows, raw)
        tail.learn(rows, raw)
    return (windows - 4000) * number / alarms


@pytest.mark.parametrize("draw", [normal, lognormal, student])
def test_false_alarms_come_about_as_often_as_asked(draw: Draw) -> None:
    assert 500.0 < interval(draw, 1000.0, (6000, 300), seed=3) < 2000.0


@pytest.mark.parametrize("every", [1000.0, 10_000.0])
def test_a_stream_many_times_wider_than_declared_alarms_about_as_often_as_asked(every: float) -> None:
    rows, phi = np.arange(200), 0.9
    tail = TailCalibrator(replace(NORMAL, longest=60.0), every, 200)
    rng, alarms = np.random.default_rng(5), 0
    state, last = rng.normal(size=200), np.full(200, -100)
    for at in range(10_000):
        state = phi * state + rng.normal(size=200)
        raw = 4.0 * state
        alarming = tail.level(rows, raw) >= 1.0
        alarms += int((alarming & (at - last > 12)).sum()) if at >= 4000 else 0
        last[alarming] = at
        tail.observe(rows, raw)
        tail.learn(rows, raw)
    assert every / 2.0 < 6000 * 200 / alarms < every * 2.0


def upward(rng: np.random.Generator, size: tuple[int, int]) -> FloatArray:
    found: FloatArray = np.maximum(rng.normal(size=size), 0.0)
    return found


def counts(rng: np.random.Generator, size: tuple[int, int]) -> FloatArray:
    found: FloatArray = (rng.poisson(5.0, size) - 5.0) / np.sqrt(5.0)
    return found


@pytest.mark.parametrize("draw", [upward, counts])
def test_a_row_older_than_its_budget_spends_more_than_the_half_of_one_direction(draw: Draw) -> None:
    assert 125.0 < interval(draw, 200.0, (8000, 100), seed=7) < 320.0


def test_alarms_are_not_counted_before_a_row_is_as_old_as_its_budget() -> None:
    tail, row = TailCalibrator(NORMAL, 604_800.0, 1), np.array([0])
    for at in range(2000):
        raw = np.array([9.0 if at % 100 == 50 else 0.0])
        tail.observe(row, raw)
        tail.learn(row, raw)
    state = tail.snapshot(row)
    assert (state["expected_alarms"][0], state["observed_alarms"][0]) == (0.0, 0.0)


def test_an_unseen_tail_is_the_declared_one() -> None:
    tail = TailCalibrator(NORMAL, 604_800.0, 1)
    assert 5.0 < tail.return_level(np.array([0]))[0, 0] < 7.5


def test_one_outlier_does_not_mute_a_row() -> None:
    tail, row = TailCalibrator(NORMAL, 604_800.0, 1), np.array([0])
    before = tail.return_level(row)[0, 0]
    for raw in (0.0, 1e12, 0.0):
        tail.observe(row, np.array([raw]))
        tail.learn(row, np.array([raw]))
    assert tail.return_level(row)[0, 0] < 2.0 * before


def test_a_long_excursion_counts_once() -> None:
    tail, row = TailCalibrator(NORMAL, 604_800.0, 1), np.array([0])
    for raw in (0.0, 5.0, 0.0):
        tail.observe(row, np.array([raw]))
        tail.learn(row, np.array([raw]))
    once = tail.return_level(row)[0, 0]
    other = TailCalibrator(NORMAL, 604_800.0, 1)
    for raw in (0.0, *[5.0] * 50, 0.0):
        other.observe(row, np.array([raw]))
        other.learn(row, np.array([raw]))
    assert other.return_level(row)[0, 0] <= once


def test_the_directions_have_tails_of_their_own() -> None:
    tail, row = TailCalibrator(NORMAL, 1000.0, 1), np.array([0])
    for raw in np.tile([0.0, 6.0], 200):
        tail.observe(row, np.array([raw]))
        tail.learn(row, np.array([raw]))
    above, below = tail.return_level(row)[0]
    assert above > 6.0 > below


@pytest.mark.parametrize("shape", [-0.05, 0.1, 0.3])
def test_the_shape_learned_from_a_stream_is_the_one_scipy_fits(shape: float) -> None:
    peaks = genpareto.rvs(shape, scale=0.5, size=(2000, 20), random_state=np.random.default_rng(7))
    fitted = np.mean([genpareto.fit(peaks[:, at], floc=0.0)[0] for at in range(20)])
    tail, rows = TailCalibrator(replace(NORMAL, memory_exceedances=4000.0, pace=0.0), 1e9, 20), np.arange(20)
    for raw in peaks:
        for one in (raw + NORMAL.mark, np.zeros(20)):
            tail.observe(rows, one)
            tail.learn(rows, one)
    state = tail.snapshot(rows)
    learned = pareto_shape(state["excess"].astype(np.float64)[:, 0], state["gini"].astype(np.float64)[:, 0])
    assert learned.mean() == pytest.approx(fitted, abs=0.05)


def test_a_peak_that_alarmed_and_was_not_learned_from_still_counts() -> None:
    levels = []
    for alarm in (False, True):
        tail, row = TailCalibrator(NORMAL, 1000.0, 1), np.array([0])
        for at in range(200):
            raw = np.array([9.0 if alarm and at % 20 == 10 else 0.0])
            tail.observe(row, raw)
            if raw[0] == 0.0:
                tail.learn(row, raw)
        levels.append(tail.return_level(row)[0, 0])
    assert levels[1] > levels[0]


def test_an_incident_is_not_learned() -> None:
    tail, row = TailCalibrator(NORMAL, 1000.0, 1), np.array([0])
    before = tail.return_level(row)[0, 0]
    for _ in range(60):
        tail.observe(row, np.array([9.0]))
    tail.observe(row, np.array([0.0]))
    tail.learn(row, np.array([0.0]))
    assert tail.return_level(row)[0, 0] <= before


def test_a_window_that_spans_several_base_windows_spends_as_much_of_the_budget() -> None:
    rows, every, span = np.arange(300), 8_000.0, 8.0
    tail, alarms, rng = TailCalibrator(NORMAL, every, len(rows)), 0, np.random.default_rng(4)
    for at in range(6000):
        raw = rng.normal(size=len(rows))
        alarms += int((tail.level(rows, raw) >= 1.0).sum()) if at >= 4000 else 0
        tail.observe(rows, raw)
        tail.learn(rows, raw, span=np.full(len(rows), span))
    assert 500.0 < 2000 * len(rows) / alarms < 2000.0
