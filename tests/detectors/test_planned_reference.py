"""Rows as they were before a planned change: what is planned is divided out before a window is scored."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.base import Block, FloatArray, IntArray
from detectors.ensemble.profiles import Profile
from detectors.planned_reference import PlannedReference, relearn
from detectors.suite import Suite, SuiteParams

LATENCY = Profile("latency", r"latency_ms", "up", 20.0, 0.25, "log", floor=1.0)
LIMITED = Profile("limited", r"limited_ms", "up", 20.0, 0.25, "log", floor=1.0, high=220.0)
BACKLOG = Profile("backlog", r"queue_depth", "up", 5.0, 0.5)
PARAMS = SuiteParams(profiles=(LATENCY, LIMITED, BACKLOG))
ROWS = np.array([4, 5, 7])
RNG = np.random.default_rng(11)


def block(rows: IntArray, centre: FloatArray, second: int) -> Block:
    value = centre * RNG.uniform(0.95, 1.05, len(rows))
    size, start_s = len(rows), np.full(len(rows), float(second))
    return Block(
        rows, start_s, start_s + 1.0, value, np.full(size, 10.0), 0.1 * value, 0.8 * value, 1.2 * value,
    )


def taught() -> Suite:
    """Rows 4, 5 and 7 at a level of 100, 100 and 0, after 200 windows."""
    suite = Suite(PARAMS, 8)
    for profile, row in enumerate(ROWS.tolist()):
        suite.assign(np.array([row]), profile)
    for second in range(200):
        feed(suite, block(ROWS, np.array([100.0, 100.0, 0.0]), second))
    return suite


def feed(suite: Suite, windows: Block) -> None:
    suite.score(windows)
    suite.observe(windows)
    suite.learn(windows)


def reference(suite: Suite, high: float, highest: float = np.nan) -> PlannedReference:
    found = PlannedReference(PARAMS)
    found.take(ROWS, suite, np.tile([1.0, high, np.nan, highest], (len(ROWS), 1)))
    return found


def levels(found: PlannedReference, suite: Suite, value: float, rows: IntArray = ROWS) -> tuple[FloatArray, FloatArray]:
    """Highest level and last expected value of 10 windows at this level."""
    seen = []
    for second in range(300, 310):
        windows = block(rows, np.full(len(rows), value), second)
        scores = found.score(windows, suite.score(windows))
        seen.append((scores.level, scores.expected))
    return np.max([level for level, _ in seen], axis=0), seen[-1][1]


def test_a_level_within_what_is_planned_is_quiet_and_one_beyond_it_alarms() -> None:
    suite = taught()
    within, _ = levels(reference(suite, 1.7), suite, 160.0, ROWS[:1])
    beyond, expected = levels(reference(suite, 1.7), suite, 240.0, ROWS[:1])
    unplanned = suite.score(block(ROWS[:1], np.array([160.0]), 400)).level
    assert (within[0] < 1.0, beyond[0] >= 1.0, unplanned[0] >= 1.0) == (True, True, True)
    assert expected[0] == pytest.approx(170.0, rel=0.02)


def test_a_level_that_stays_as_it_was_has_its_usual_expected_value() -> None:
    suite = taught()
    level, expected = levels(reference(suite, 1.7), suite, 98.0, ROWS[:1])
    assert level[0] < 1.0
    assert expected[0] == pytest.approx(100.0, rel=0.03)


def test_where_nothing_was_there_before_a_bound_in_the_unit_is_allowed() -> None:
    suite = taught()
    assert levels(reference(suite, 1.7, 20.0), suite, 18.0, ROWS[2:])[0][0] < 1.0
    assert levels(reference(suite, 1.7, 20.0), suite, 40.0, ROWS[2:])[0][0] >= 1.0
    assert levels(reference(suite, 1.7), suite, 18.0, ROWS[2:])[0][0] >= 1.0


def test_a_fixed_limit_is_not_planned_away() -> None:
    suite = taught()
    level, expected = levels(reference(suite, 3.0), suite, 260.0, ROWS[:2])
    assert (level[0] < 1.0, level[1] >= 1.0) == (True, True)
    assert (level[1], expected[1]) != (level[0], expected[0])


def test_a_copy_is_not_changed_by_what_the_suite_learns_afterwards() -> None:
    suite = taught()
    found = reference(suite, 1.7)
    for second in range(400, 800):
        feed(suite, block(ROWS[:1], np.array([300.0]), second))
    assert levels(found, suite, 300.0, ROWS[:1])[0][0] >= 1.0


def test_a_row_that_is_forgotten_makes_room_for_another() -> None:
    suite = taught()
    found = reference(suite, 1.7)
    found.forget(np.array([4, 99]))
    assert (4 in found, 5 in found, len(found)) == (False, True, 2)
    found.take(ROWS[:1], suite, np.array([[1.0, 2.0, np.nan, np.nan]]))
    assert levels(found, suite, 180.0, ROWS[:1])[0][0] < 1.0


def test_a_snapshot_scores_as_the_original() -> None:
    suite = taught()
    found, again = reference(suite, 1.7), PlannedReference(PARAMS)
    again.restore(found.snapshot())
    windows = block(ROWS, np.array([150.0, 240.0, 3.0]), 500)
    assert np.array_equal(found.score(windows, suite.score(windows)).level,
                          again.score(windows, suite.score(windows)).level)
    empty = PlannedReference(PARAMS)
    empty.restore(PlannedReference(PARAMS).snapshot())
    assert len(empty) == 0


def test_relearning_forgets_the_level_and_keeps_the_arrivals() -> None:
    suite = taught()
    before = suite.score_absence(ROWS, 230.0)
    relearn(suite, ROWS[:1])
    assert np.isnan(suite.expected(ROWS)).tolist() == [True, False, False]
    assert np.array_equal(before.level, suite.score_absence(ROWS, 230.0).level)
