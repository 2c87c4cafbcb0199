"""Observed against expected false-alarm intervals, and the cost of a window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.detection.calibration import SETTLE, SHAPES, detector_sets, observe, settle, stream
from benchmarks.detection.calibration_page import KEPT, PAGE, page, read_kept, write_kept
from benchmarks.detection.candidate import SuiteCandidate
from benchmarks.detection.cost import bank_cost, suite_cost
from benchmarks.detection.observed import Observed
from detectors.ensemble.profiles import ENSEMBLES
from detectors.suite import Suite


@pytest.mark.parametrize(
    ("alarms", "verdict"),
    [(100, "right"), (60, "right"), (190, "right"), (300, "too often"), (20, "too seldom"), (0, "too seldom")],
)
def test_a_factor_of_two_is_right(alarms: int, verdict: str) -> None:
    assert Observed(alarms, 200_000).verdict(2_000.0) == verdict


def test_a_few_alarms_are_not_enough_for_a_verdict() -> None:
    assert Observed(3, 2_000).verdict(2_000.0) == "unsure"
    assert Observed(0, 2_000).verdict(2_000.0) == "unsure"


def test_the_warm_up_grows_with_the_expected_interval() -> None:
    assert settle(500.0) == SETTLE
    assert settle(100_000.0) == 25_000


def test_the_seasonal_detector_alarms_within_the_windows_it_is_given() -> None:
    observed = observe(SuiteCandidate(), detector_sets("seasonal")[0], 200.0, rows=2, windows=SETTLE + 300, seed=1)

    assert sum(one.alarms for one in observed.values()) > 0


def test_the_bounds_hold_the_true_interval_nineteen_times_in_twenty() -> None:
    counts = np.random.default_rng(3).poisson(10.0, 2_000)
    bounds = [Observed(int(count), 10_000).bounds() for count in counts]

    held = np.mean([low <= 1_000 <= high for low, high in bounds])

    assert 0.95 <= held <= 0.99


def test_every_shape_is_stationary_and_has_its_own_rows() -> None:
    drawn = np.array(list(stream(np.random.default_rng(1), 4_000, 5)))

    assert drawn.shape == (4_000, 5 * len(SHAPES))
    early, late = drawn[:2_000].mean(axis=0), drawn[2_000:].mean(axis=0)
    assert late == pytest.approx(early, rel=0.15)


@pytest.mark.parametrize(("shape", "phi"), [("AR(1) .5", 0.5), ("AR(1) .8", 0.8), ("normal", 0.0)])
def test_autocorrelation_is_as_named(shape: str, phi: float) -> None:
    drawn = np.array(list(stream(np.random.default_rng(2), 4_000, 4)))
    part = drawn[:, 4 * SHAPES.index(shape)]

    assert np.corrcoef(part[1:], part[:-1])[0, 1] == pytest.approx(phi, abs=0.06)


def test_alarms_are_counted_by_shape_past_the_warm_up() -> None:
    (alone,) = detector_sets("robust_location")
    observed = observe(SuiteCandidate(), alone, 200.0, rows=2, windows=SETTLE + 300, seed=1)

    assert list(observed) == list(SHAPES)
    assert {one.windows for one in observed.values()} == {600}
    assert sum(one.alarms for one in observed.values()) > 0


def test_every_learned_detector_and_both_ensembles_are_measured() -> None:
    names = [one.name for one in detector_sets()]

    assert len(set(names)) == len(names) == len(ENSEMBLES) + len(Suite.names) - 2
    assert [one.sampling for one in detector_sets("ensemble")] == list(ENSEMBLES)


def test_the_published_page_is_made_of_the_stored_figures() -> None:
    assert PAGE.read_text() == page(read_kept(KEPT))


def test_every_published_budget_has_all_shapes() -> None:
    kept = read_kept(KEPT)

    assert {"2000", "20000"} <= kept.keys()
    assert all(tuple(cells) == SHAPES for detector_sets in kept.values() for cells in detector_sets.values())


def test_figures_are_read_as_they_were_stored(tmp_path: Path) -> None:
    kept = {"2000": {"cusum": {"normal": Observed(4, 9_000, 7)}}, "500": {"art": {"normal": Observed(0, 100)}}}
    write_kept(tmp_path / "kept.json", kept)

    assert read_kept(tmp_path / "kept.json") == kept
    assert read_kept(tmp_path / "none.json") == {}


def test_the_page_marks_what_is_outside_and_shows_when_there_was_no_alarm() -> None:
    shown = page({"2000": {"cusum": {"a": Observed(100, 200_000), "b": Observed(300, 200_000), "c": Observed(0, 100)}}})

    assert "| cusum | 2,000 | 667 ! | none in 100 ? |" in shown
    assert "1 of 3 right." in shown


def test_a_cost_is_positive_and_counts_the_whole_state() -> None:
    suite_us, suite_bytes = suite_cost(SuiteCandidate(), "pre_aggregated", rows=3, measured=2)
    bank_us, bank_bytes = bank_cost("robust_location", rows=3, measured=2)

    assert min(suite_us, bank_us) > 0.0
    assert suite_bytes > bank_bytes > 500
