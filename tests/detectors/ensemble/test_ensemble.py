"""The ensemble: which windows each detector gets, in which form, and which of its deviations count."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.banks.composite import Bank
from detectors.banks.scaled_block import ScaledBlock
from detectors.base import Block, BoolArray, FloatArray, IntArray, Scores, State
from detectors.ensemble.ensemble import ENTRIES, DetectorScores, Ensemble
from detectors.ensemble.profile_table import ProfileTable
from detectors.ensemble.profiles import Profile
from tests.detectors.blocks import windows

NAMES = ("static_limits", "robust_location", "cusum", *ENTRIES)
COLUMN = {name: at for at, name in enumerate(NAMES)}


class FakeBank:
    """A bank that gives fixed scores and keeps the values that it got."""

    def __init__(self) -> None:
        self.level, self.raw, self.direction, self.expected = 2.0, 1.0, 1, np.nan
        self.scored: list[list[float]] = []
        self.observed: list[list[float]] = []
        self.learned: list[list[float]] = []

    def score(self, block: Block) -> Scores:
        self.scored.append(block.value.tolist())
        n = len(block)
        return Scores(
            np.full(n, self.level), np.full(n, self.raw), np.full(n, self.direction), np.full(n, self.expected),
        )

    def observe(self, block: Block) -> None:
        self.observed.append(block.value.tolist())

    def learn(self, block: Block) -> None:
        self.learned.append(block.value.tolist())

    def grow(self, capacity: int) -> None: ...
    def forget(self, rows: IntArray) -> None: ...
    def snapshot(self, rows: IntArray) -> State:
        return {"rows": rows}

    def check(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None: ...
    def restore(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None: ...


class Bench:
    """An ensemble of one fake detector over one row per profile, and a block of one window per row.

    The rows' centre is 10 and their spread 2.
    """

    def __init__(self, name: str, *profiles: Profile, values: list[float], warm: list[bool] | None = None) -> None:
        self.name, self.bank, n = name, FakeBank(), len(values)
        self.profiles = ProfileTable(profiles, NAMES, n)
        self.profiles.assign(np.arange(n), np.arange(n))

        def build(_: int) -> Bank:
            return self.bank

        self.ensemble = Ensemble({name: build}, COLUMN, self.profiles, n)
        self.block = windows(values, 0.0)
        scaled = self.profiles.block_to_scale(self.block)
        nothing: FloatArray = np.full(n, np.nan)
        is_warm: BoolArray = np.array([True] * n if warm is None else warm)
        self.scaled = ScaledBlock(
            scaled, scaled.value, scaled.value, np.full(n, 10.0), np.full(n, 2.0), np.zeros(n), is_warm,
            Scores(nothing, nothing, np.zeros(n, np.intp), nothing), np.zeros(n),
        )
        self.enabled = self.profiles.enabled(self.block.rows)

    def scores(self) -> DetectorScores | None:
        return self.ensemble.score(self.block, self.scaled, self.enabled).get(self.name)

    def counts(self) -> bool:
        found = self.scores()
        assert found is not None
        return bool(found.counts[0])


def using(name: str, **settings: float | str) -> Profile:
    return Profile("p", ".*", detectors=("robust_location", name), min_rel=0.0, **settings)  # type: ignore[arg-type]


WITHOUT = Profile("without", ".*", detectors=("robust_location",))


def test_a_detector_gets_only_the_windows_of_rows_that_enable_it() -> None:
    bench = Bench("gaussian", WITHOUT, using("gaussian"), values=[1.0, 2.0])
    found = bench.scores()
    assert bench.bank.scored == [[2.0]]
    assert found is not None
    assert found.enabled.tolist() == [False, True]
    np.testing.assert_array_equal(found.scores.level, [np.nan, 2.0])
    np.testing.assert_array_equal(found.scores.raw, [np.nan, 1.0])
    assert found.scores.direction.tolist() == [0, 1]


def test_a_detector_that_no_row_of_the_block_enables_is_not_asked() -> None:
    bench = Bench("gaussian", using("gaussian"), WITHOUT, values=[1.0, 2.0])
    keep = np.array([False, True])
    block, scaled, enabled = bench.block.select(keep), bench.scaled.select(keep), bench.enabled[keep]
    assert bench.ensemble.score(block, scaled, enabled) == {}
    bench.ensemble.observe(block, scaled, enabled)
    bench.ensemble.learn(block, scaled, enabled)
    assert (bench.bank.scored, bench.bank.observed, bench.bank.learned) == ([], [], [])


def test_a_detector_that_no_profile_enables_gets_nothing() -> None:
    bench = Bench("gaussian", WITHOUT, values=[1.0])
    bench.ensemble.observe(bench.block, bench.scaled, np.ones_like(bench.enabled))
    assert bench.bank.observed == []


def test_values_are_in_the_scale_of_the_profile() -> None:
    bench = Bench("gaussian", using("gaussian", scale="sqrt", floor=0.1), values=[16.0])
    bench.scores()
    assert bench.bank.scored == [[4.0]]


def test_residuals_are_distances_from_the_centre_in_spreads_and_only_of_warm_rows() -> None:
    bench = Bench("adwin", using("adwin"), using("adwin"), values=[16.0, 16.0], warm=[True, False])
    found = bench.scores()
    assert bench.bank.scored == [[3.0]]
    assert found is not None
    assert found.enabled.tolist() == [True, False]


def test_values_are_also_given_of_rows_that_are_not_warm() -> None:
    bench = Bench("gaussian", using("gaussian"), values=[16.0], warm=[False])
    bench.scores()
    assert bench.bank.scored == [[16.0]]


def test_amounts_are_shares_of_the_budget_in_the_metric_s_unit_and_only_of_rows_with_one() -> None:
    budget = using("token_burn", scale="log", floor=1.0, token_budget=1000.0)
    bench = Bench("token_burn", budget, using("token_burn"), values=[50.0, 50.0])
    found = bench.scores()
    assert bench.bank.scored == [[0.05]]
    assert found is not None
    assert found.enabled.tolist() == [True, False]


def test_a_detector_observes_and_learns_what_it_scores() -> None:
    bench = Bench("adwin", using("adwin"), WITHOUT, values=[16.0, 1.0])
    bench.scores()
    bench.ensemble.observe(bench.block, bench.scaled, bench.enabled)
    assert bench.bank.learned == []
    bench.ensemble.learn(bench.block, bench.scaled, bench.enabled)
    assert bench.bank.scored == bench.bank.observed == bench.bank.learned == [[3.0]]


@pytest.mark.parametrize(("value", "direction", "counts"), [(15.0, 1, True), (14.9, 1, False), (15.0, -1, False)])
def test_a_value_counts_by_its_deviation_from_the_centre(value: float, direction: int, counts: bool) -> None:
    bench = Bench("gaussian", using("gaussian", direction="up", min_abs=5.0), values=[value])
    bench.bank.direction, bench.bank.expected = direction, value
    assert bench.counts() == counts


@pytest.mark.parametrize(("expected", "counts"), [(10.0, True), (10.1, False), (np.nan, True)])
def test_the_season_counts_by_its_own_expected_value_and_without_one_by_the_centre(
    expected: float, counts: bool
) -> None:
    bench = Bench("seasonal", using("seasonal", direction="up", min_abs=5.0), values=[15.0])
    bench.bank.expected = expected
    assert bench.counts() == counts


@pytest.mark.parametrize(("shift", "direction", "counts"), [(2.5, 1, True), (2.4, 1, False), (2.5, -1, False)])
def test_a_drift_counts_by_the_shift_in_spreads_and_not_by_the_window(
    shift: float, direction: int, counts: bool
) -> None:
    bench = Bench("adwin", using("adwin", direction="up", min_abs=5.0), values=[10.0])
    bench.bank.raw, bench.bank.direction = shift, direction
    assert bench.counts() == counts


def test_a_downward_shift_lies_below_the_centre() -> None:
    # From the centre 10 down to 5, or up to 15, on the square-root scale: from 100 to 25, or to 225.
    found = []
    for direction in (-1, 1):
        bench = Bench("adwin", using("adwin", scale="sqrt", floor=0.1, min_abs=100.0), values=[100.0])
        bench.bank.raw, bench.bank.direction = 2.5, direction
        found.append(bench.counts())
    assert found == [False, True]


@pytest.mark.parametrize(("value", "direction", "counts"), [(16.0, 1, True), (16.0, -1, False), (12.0, 1, False)])
def test_a_shape_counts_by_direction_and_minimum_deviation(value: float, direction: int, counts: bool) -> None:
    bench = Bench("art", using("art", direction="up", min_abs=5.0), values=[value])
    bench.bank.direction = direction
    assert bench.counts() == counts


def test_a_change_of_variance_always_counts() -> None:
    bench = Bench("variance_change", using("variance_change", direction="up", min_abs=5.0), values=[10.0])
    bench.bank.direction = -1
    assert bench.counts()


def test_a_deviation_is_measured_in_the_metric_s_unit() -> None:
    # Centre 10 and value 11 on the square-root scale are 100 and 121 in the metric's unit.
    bench = Bench("gaussian", using("gaussian", scale="sqrt", floor=0.1, min_abs=20.0), values=[121.0])
    assert bench.counts()
    far = Bench("gaussian", using("gaussian", scale="sqrt", floor=0.1, min_abs=22.0), values=[121.0])
    assert not far.counts()
