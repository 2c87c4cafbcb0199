"""Block maxima in the suite: real time, habits, seasons, faults that people confirmed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from detectors.base import Block, FloatArray
from detectors.ensemble.profiles import Profile, Watch
from detectors.suite import Suite, SuiteParams

DAY_S, HOUR_S = 86_400.0, 3_600.0
ROW = np.array([0])


def suite_of(rows: int = 1, direction: Watch = "both") -> Suite:
    profile = Profile("x", ".*", direction, sampling="pre_aggregated", detectors=("block_maxima",))
    suite = Suite(SuiteParams(profiles=(profile,)), rows)
    suite.assign(np.arange(rows), 0)
    return suite


def window(value: FloatArray, end_s: float, step_s: float) -> Block:
    n = len(value)
    ends, ones = np.full(n, end_s), np.ones(n)
    return Block(np.arange(n), ends - step_s, ends, value, ones, np.zeros(n), value, value)


def play(suite: Suite, values: FloatArray, step_s: float, at_s: float = 0.0) -> FloatArray:
    """(windows, rows) levels. The first window ends at `at_s`."""
    levels = []
    for step, value in enumerate(values.reshape(len(values), -1)):
        block = window(value, at_s + step * step_s, step_s)
        levels.append(suite.score(block).level)
        suite.observe(block)
        suite.learn(block, levels[-1] < 1.0)
    return np.array(levels)


def noise(days: float, step_s: float, seed: int = 0, rows: int = 1) -> FloatArray:
    return 100.0 + 5.0 * np.random.default_rng(seed).normal(size=(round(days * DAY_S / step_s), rows))


def with_spikes(values: FloatArray, step_s: float, hours: Sequence[float], height: float) -> FloatArray:
    """One window of `height` more at each of these hours from the start."""
    spiked = values.copy()
    spiked[[round(hour * HOUR_S / step_s) for hour in hours]] += height
    return spiked


@pytest.mark.parametrize(("step_s", "days", "rows"), [(120.0, 2.0, 60), (1_800.0, 21.0, 20), (3_600.0, 42.0, 20)])
def test_noise_alarms_at_most_twice_the_budget_whatever_the_cadence(step_s: float, days: float, rows: int) -> None:
    levels = play(suite_of(rows), noise(days, step_s, rows=rows), step_s)
    days_that_alarm = (levels >= 1.0).reshape(round(days), -1, rows).any(axis=1).sum()
    assert days_that_alarm <= 2.0 * rows * days / 7.0


@pytest.mark.parametrize("step_s", [600.0, 3_600.0])
def test_a_short_fault_alarms_whatever_the_cadence(step_s: float) -> None:
    suite = suite_of()
    play(suite, noise(7.0, step_s), step_s)
    assert play(suite, np.array([160.0]), step_s, 7.0 * DAY_S)[0, 0] >= 1.0


def test_a_peak_that_comes_every_day_stops_alarming_within_four_days() -> None:
    hours = [24.0 * day + 9.5 for day in range(7, 21)]
    values = with_spikes(noise(21.0, 1_800.0), 1_800.0, hours, 60.0)
    levels = play(suite_of(), values, 1_800.0)[:, 0]
    at = [round(hour * HOUR_S / 1_800.0) for hour in hours]
    assert levels[at[0]] >= 1.0
    assert (levels[at[4:]] < 1.0).all()


def test_the_daily_and_weekly_course_does_not_alarm_and_a_value_of_another_hour_does() -> None:
    step_s = 1_800.0
    hour = np.arange(0.0, 35 * 24.0, step_s / HOUR_S)
    working = (hour // 24 % 7 < 5) & (hour % 24 > 8) & (hour % 24 < 18)
    values = 100.0 + 300.0 * working + 8.0 * np.random.default_rng(3).normal(size=len(hour))
    suite = suite_of()
    levels = play(suite, values, step_s)[:, 0]
    days = (levels[round(14 * DAY_S / step_s):] >= 1.0).reshape(21, -1).any(axis=1)
    assert days.sum() <= 3
    night_s = 35 * DAY_S + 2 * HOUR_S
    assert play(suite, np.array([400.0]), step_s, night_s)[0, 0] >= 1.0


def repeated_fault(confirm: bool) -> list[float]:
    """The levels of a fault of an hour at the same time of ten days; after each, people may say that it was one."""
    step_s, suite, found = 1_800.0, suite_of(), []
    play(suite, noise(7.0, step_s), step_s)
    for day in range(7, 17):
        values = noise(1.0, step_s, seed=day)
        values[20:22] += 60.0
        found.append(float(play(suite, values, step_s, day * DAY_S)[20:22].max()))
        if confirm:
            suite.confirm(ROW, day * DAY_S + 20 * step_s, day * DAY_S + 22 * step_s)
    return found


def test_a_fault_that_nobody_confirmed_becomes_a_habit() -> None:
    assert all(level < 1.0 for level in repeated_fault(confirm=False)[4:])


def test_a_fault_that_people_confirmed_alarms_however_often_it_comes() -> None:
    assert all(level >= 1.0 for level in repeated_fault(confirm=True))


def test_what_people_call_a_false_alarm_may_become_a_habit_again() -> None:
    step_s, suite = 1_800.0, suite_of()
    play(suite, noise(7.0, step_s), step_s)
    levels = []
    for day in range(7, 17):
        values = with_spikes(noise(1.0, step_s, seed=day), step_s, [10.0], 60.0)
        levels.append(float(play(suite, values, step_s, day * DAY_S).max()))
        if day == 7:
            suite.confirm(ROW, day * DAY_S + 10 * HOUR_S, day * DAY_S + 10 * HOUR_S)
        if day == 8:
            suite.deny(ROW)
    assert levels[0] >= 1.0
    assert levels[1] >= 1.0
    assert all(level < 1.0 for level in levels[6:])


@pytest.mark.parametrize(("direction", "up", "down"), [("up", True, False), ("down", False, True)])
def test_only_the_direction_of_the_profile_alarms_and_teaches(direction: Watch, up: bool, down: bool) -> None:
    suite = suite_of(direction=direction)
    hours = [24.0 * day + 3.0 for day in range(1, 14)]
    against = with_spikes(noise(14.0, 1_800.0), 1_800.0, hours, 60.0 if direction == "down" else -60.0)
    play(suite, against, 1_800.0)
    assert (suite.score(window(np.array([160.0]), 14 * DAY_S, 1_800.0)).level[0] >= 1.0) == up
    assert (suite.score(window(np.array([40.0]), 14 * DAY_S, 1_800.0)).level[0] >= 1.0) == down


def test_the_first_1_of_a_row_at_rest_at_0_ranks_no_higher_than_it_is_rare() -> None:
    suite = suite_of()
    play(suite, np.zeros((300, 1)), 15.0)
    score = suite.score(window(np.array([1.0]), 300 * 15.0, 15.0)).score[0]
    assert 0.0 < score <= np.log1p(np.sqrt(300.0))


def test_a_gap_of_weeks_is_not_taken_for_quiet_days() -> None:
    suite = suite_of()
    play(suite, noise(14.0, 1_800.0), 1_800.0)
    before = suite.snapshot(ROW)["block_maxima.account.due"]
    play(suite, noise(0.1, 1_800.0), 1_800.0, 60 * DAY_S)
    after = suite.snapshot(ROW)["block_maxima.account.due"]
    assert after[0] - before[0] < 0.2


def mean_window(samples: FloatArray, end_s: float) -> Block:
    """The window of one row that holds these samples, as an exporter's histogram gives it."""
    value, one = np.array([samples.mean()]), np.ones(1)
    std = np.array([samples.std()])
    ends = np.full(1, end_s)
    return Block(ROW, ends - 15.0, ends, value, len(samples) * one, std, samples.min() * one, samples.max() * one)


def test_the_mean_of_few_samples_is_no_alarm_where_one_of_as_many_as_usual_is() -> None:
    """Sixty requests a window, lognormal; then the largest of a hundred alone, and then sixty that are half of that."""
    suite, rng = suite_of(), np.random.default_rng(3)
    for number in range(400):
        block = mean_window(rng.lognormal(5.0, 0.9, 60), 15.0 * number)
        suite.score(block)
        suite.observe(block)
    large = float(np.quantile(rng.lognormal(5.0, 0.9, 10_000), 0.99))
    few, many = (mean_window(np.full(count, value), 6000.0) for count, value in ((1, large), (60, large / 2.0)))
    assert suite.score(few).level[0] < 1.0
    assert suite.score(many).level[0] >= 1.0
