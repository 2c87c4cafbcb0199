"""The course of the week in the suite: native traffic with a daily course and a weekend."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.base import Block, FloatArray
from detectors.ensemble.profiles import Profile
from detectors.suite import Suite, SuiteParams

DAY_S, HOUR_S, WINDOW_S = 86_400.0, 3_600.0, 60.0
RATE = Profile("rate", ".*", "both", 2.0, 0.5, "sqrt", floor=0.25)


def traffic(at_s: float, rows: int, rng: np.random.Generator) -> FloatArray:
    """Requests per second: ten times as many from 9 to 18 on working days, with a ramp of ten minutes."""
    hour, day = at_s % DAY_S / HOUR_S, int(at_s // DAY_S) % 7
    share = np.clip(6.0 * (hour - 9.0), 0.0, 1.0) - np.clip(6.0 * (hour - 18.0), 0.0, 1.0)
    return rng.poisson(WINDOW_S * (3.0 + (27.0 * share if day < 5 else 0.0)), rows) / WINDOW_S


def block_of(value: FloatArray, at_s: float) -> Block:
    n = len(value)
    starts, ones = np.full(n, at_s), np.ones(n)
    return Block(np.arange(n), starts, starts + WINDOW_S, value, ones, np.zeros(n), value, value)


def weeks(days: int, rows: int) -> tuple[Suite, list[int]]:
    """The suite after so many days, and in how many rows each day alarmed."""
    rng, suite = np.random.default_rng(5), Suite(SuiteParams(window_s=WINDOW_S, profiles=(RATE,)), rows)
    alarming = np.zeros((days, rows), np.bool_)
    for step in range(round(days * DAY_S / WINDOW_S)):
        at_s = step * WINDOW_S
        block = block_of(traffic(at_s, rows, rng), at_s)
        hot = suite.score(block).level >= 1.0
        suite.observe(block)
        suite.learn(block, ~hot)
        alarming[int(at_s // DAY_S)] |= hot
    return suite, alarming.sum(axis=1).tolist()


@pytest.fixture(scope="module")
def learned() -> tuple[Suite, list[int]]:
    return weeks(8, rows=4)


def test_a_daily_peak_alarms_on_its_first_days_only_and_a_weekend_not_at_all(
    learned: tuple[Suite, list[int]],
) -> None:
    days = learned[1]
    assert days[0] == 4
    assert sum(days[3:]) <= 1


@pytest.mark.parametrize(("hour", "value", "alarms"), [(12.0, 0.0, True), (3.0, 30.0, True), (9.1, 20.0, False)])
def test_what_another_hour_shows_alarms(
    learned: tuple[Suite, list[int]], hour: float, value: float, alarms: bool,
) -> None:
    suite, rng = Suite(SuiteParams(window_s=WINDOW_S, profiles=(RATE,)), 4), np.random.default_rng(6)
    suite.restore(np.arange(4), learned[0].snapshot(np.arange(4)))
    for step in range(round(hour * HOUR_S / WINDOW_S)):
        at_s = 8 * DAY_S + step * WINDOW_S
        block = block_of(traffic(at_s, 4, rng), at_s)
        suite.observe(block)
        suite.learn(block)
    found = suite.score(block_of(np.full(4, value), 8 * DAY_S + hour * HOUR_S)).level >= 1.0
    assert found.all() if alarms else not found.any()
