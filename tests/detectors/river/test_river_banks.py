"""Banks of river objects: what they detect, that their numbers are river's, and their snapshots."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import cast

import numpy as np
import pytest
from river.anomaly import GaussianScorer, HalfSpaceTrees
from river.drift import ADWIN, KSWIN, PageHinkley
from scipy.stats import norm

from detectors.banks.composite import Bank
from detectors.base import FloatArray
from detectors.checks import feed, play
from detectors.ensemble.profiles import Profile
from detectors.river import rows as river_rows
from detectors.river.adwin import AdwinParams
from detectors.river.gaussian import GaussianParams
from detectors.river.half_space_trees import HalfSpaceTreesParams
from detectors.river.kswin import KswinParams
from detectors.river.page_hinkley import PageHinkleyParams
from detectors.suite import Suite, SuiteParams
from tests.detectors.blocks import windows

EVERY = 5000.0
ROW = np.array([0])
BUILDS: dict[str, Callable[[int], Bank]] = {
    "adwin": AdwinParams(every_windows=EVERY).build,
    "gaussian": GaussianParams(every_windows=EVERY).build,
    "half_space_trees": HalfSpaceTreesParams(every_windows=EVERY).build,
    "kswin": KswinParams(every_windows=EVERY).build,
    "page_hinkley": PageHinkleyParams(every_windows=EVERY).build,
}
every_bank = pytest.mark.parametrize("build", BUILDS.values(), ids=BUILDS)


def noise(n: int, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).normal(size=(n, 1))


def first_alarm(levels: FloatArray) -> int:
    hits = np.flatnonzero(levels[:, 0] >= 1.0)
    return int(hits[0]) if len(hits) else len(levels)


def raw_of(bank: Bank, value: float) -> float:
    return float(bank.score(windows([value], 1e6)).raw[0])


def body(bank: Bank) -> FloatArray:
    """The numbers of row 0's river object, as they lie in a snapshot."""
    return river_rows.floats(bank.snapshot(ROW)["river.cells"].tobytes()[8:])


@pytest.mark.parametrize("name", ["page_hinkley", "kswin"])
def test_a_shift_of_residuals_is_found_with_its_direction(name: str) -> None:
    bank = BUILDS[name](1)
    assert first_alarm(play(bank, noise(600, 3))) == 600
    levels = []
    for at, value in enumerate(noise(60, 4)[:, 0] - 3.0):
        block = windows([value], 600.0 + at)
        scores = bank.score(block)
        levels.append([float(scores.level[0])])
        bank.observe(block)
    assert first_alarm(np.array(levels)) < 40
    assert scores.direction[0] == -1
    assert 1.5 < scores.raw[0] < 3.5


def test_adwin_alarms_on_a_change_at_once_and_only_while_it_is_new() -> None:
    params = AdwinParams(every_windows=EVERY)
    bank = params.build(1)
    stream = noise(800)
    stream[300:] -= 3.0
    assert 300 < first_alarm(play(bank, stream[:310])) < 310
    old = 310 + 2 * params.news
    assert first_alarm(play(bank, stream[310:old], at=310)) == 0
    assert first_alarm(play(bank, stream[old:], at=old)) == 800 - old


def test_adwin_keeps_the_newer_part_that_it_found() -> None:
    bank = AdwinParams(every_windows=EVERY).build(1)
    play(bank, np.concatenate([noise(300), 3.0 + noise(40, 1)]))
    assert raw_of(bank, 3.0) == pytest.approx(3.0, abs=0.5)


@pytest.mark.parametrize("params", [AdwinParams(1000.0), PageHinkleyParams(1000.0)], ids=["adwin", "page_hinkley"])
def test_an_autocorrelated_row_alarms_about_as_often_as_asked(params: AdwinParams | PageHinkleyParams) -> None:
    stream = noise(4000 * 16, 5).reshape(4000, 16)
    for at in range(1, len(stream)):
        stream[at] = 0.8 * stream[at - 1] + 0.6 * stream[at]
    lit = play(params.build(16), stream)[1000:] >= 1.0
    alarms = int((lit[12:] & ~np.lib.stride_tricks.sliding_window_view(lit, 12, axis=0)[:-1].any(axis=2)).sum())
    assert 24 <= alarms <= 96


def test_half_space_trees_find_a_gap_between_two_modes() -> None:
    bank = BUILDS["half_space_trees"](1)
    play(bank, np.where(noise(1500, 6) > 0, 4.0, -4.0) + 0.2 * noise(1500, 7))
    assert raw_of(bank, 0.0) > 1.5 * raw_of(bank, 4.0)


def test_gaussian_distances_agree_with_river_s_probabilities() -> None:
    bank = BUILDS["gaussian"](1)
    play(bank, 50.0 + noise(700))
    scorer = cast("Callable[[int], GaussianScorer]", GaussianScorer)(250)
    for value in (50.0 + noise(700))[:, 0].tolist():
        scorer.learn_one(None, value)  # type: ignore[no-untyped-call]
    for value in (50.0, 50.7, 48.0, 53.0):
        river = scorer.score_one(None, value)  # type: ignore[no-untyped-call]
        assert 2.0 * abs(norm.cdf(raw_of(bank, value)) - 0.5) == pytest.approx(river, abs=1e-9)


def test_half_space_trees_statistics_follow_from_river_s_scores_and_the_distance() -> None:
    params = HalfSpaceTreesParams()
    bank = params.build(1)
    play(bank, noise(700))
    trees = HalfSpaceTrees(params.trees, params.depth, params.window, seed=params.seed)
    for value in noise(700)[:, 0].tolist():
        trees.learn_one({"x": 0.5 + value / 60.0})  # type: ignore[no-untyped-call]
    for value in (0.0, 1.5, -4.0, 12.0):
        river = trees.score_one({"x": 0.5 + value / 60.0})  # type: ignore[no-untyped-call]
        assert raw_of(bank, value) == pytest.approx((1.0 + abs(value) / 10.0) / (1.0 - river))


def test_page_hinkley_sums_are_river_s() -> None:
    # Neighbours on opposite sides of the centre: the residuals of a row without autocorrelation reach river unchanged.
    stream = 0.05 * np.abs(noise(400)) * (-1.0) ** np.arange(400)[:, None]
    bank = PageHinkleyParams(delta=0.005, memory=1e9, prior=0.0).build(1)
    play(bank, stream)
    river = PageHinkley(delta=0.005, threshold=1e9, alpha=1.0)
    for value in stream[:, 0].tolist():
        river.update(value)  # type: ignore[no-untyped-call]
    assert body(bank).tolist() == [
        400.0, river._x_mean.get(), river._sum_increase, river._sum_decrease, river._min_increase, river._max_decrease,
    ]


@every_bank
def test_objects_are_created_only_for_rows_that_had_a_window(build: Callable[[int], Bank]) -> None:
    bank = build(1000)
    assert bank.snapshot(np.arange(1000))["river.cells"].shape == (1000, 8)
    play(bank, noise(300))
    cells = bank.snapshot(np.arange(1000))["river.cells"]
    assert cells[0].any()
    assert not cells[1:].any()


@every_bank
def test_damaged_bytes_are_refused_before_river_sees_them(build: Callable[[int], Bank]) -> None:
    bank = build(1)
    play(bank, noise(300))
    state = bank.snapshot(ROW)
    flipped = state["river.cells"].copy()
    flipped[0, 20] ^= 0xFF
    for cells in (flipped, state["river.cells"][:, :-3]):
        with pytest.raises(ValueError, match="damaged"):
            bank.restore(ROW, {**state, "river.cells": cells})
    assert all(np.array_equal(cells, state[name], equal_nan=True) for name, cells in bank.snapshot(ROW).items())


@every_bank
def test_bytes_of_another_river_are_refused(build: Callable[[int], Bank], monkeypatch: pytest.MonkeyPatch) -> None:
    bank = build(1)
    play(bank, noise(300))
    state = bank.snapshot(ROW)
    monkeypatch.setattr(river_rows, "_SEED", 1)
    with pytest.raises(ValueError, match="not of river"):
        build(1).restore(ROW, state)


@every_bank
def test_a_snapshot_holds_no_pickle(build: Callable[[int], Bank]) -> None:
    bank = build(1)
    play(bank, noise(300))
    cells = bank.snapshot(ROW)["river.cells"].tobytes()
    assert pickle.PROTO + bytes([pickle.HIGHEST_PROTOCOL]) not in cells[8:10]
    assert b"river" not in cells


@every_bank
def test_an_unknown_window_changes_nothing_and_has_no_level(build: Callable[[int], Bank]) -> None:
    bank = build(2)
    play(bank, np.concatenate([noise(300), noise(300, 1)], axis=1))
    before = bank.snapshot(ROW)
    for block in (windows([math.nan, 0.5], 300), windows([math.nan, 0.5], 301)):
        scores = bank.score(block)
        assert np.isnan(scores.level).tolist() == [True, False]
        assert scores.direction[0] == 0
        feed(bank, block)
    after = bank.snapshot(ROW)
    assert all(np.array_equal(cells, before[name], equal_nan=True) for name, cells in after.items())


def test_a_restored_suite_of_river_s_detectors_continues_bit_for_bit() -> None:
    every = Profile("every", ".*", detectors=("robust_location", *BUILDS))

    def suite() -> Suite:
        made = Suite(SuiteParams(profiles=(every,)), 2)
        made.assign(np.arange(2), 0)
        return made

    def step(one: Suite, at: int) -> FloatArray:
        block = windows(100.0 + stream[at], at)
        levels = one.score(block).levels
        one.observe(block)
        one.learn(block)
        return levels

    stream = np.concatenate([noise(330, 1), noise(330, 2)], axis=1)
    first, second = suite(), suite()
    for at in range(300):
        step(first, at)
    second.restore(np.arange(2), first.snapshot(np.arange(2)))
    for at in range(300, 330):
        levels = step(first, at)
        assert np.array_equal(levels, step(second, at), equal_nan=True)
    asked = [first.names.index(name) for name in BUILDS if name != "half_space_trees"]
    assert np.isfinite(levels[asked]).all()


@pytest.mark.parametrize(
    ("made", "fields"),
    [
        (cast("Callable[[], ADWIN]", ADWIN)(), {"_helper"}),
        (
            PageHinkley(),
            {"_x_mean", "_sum_increase", "_sum_decrease", "_min_increase", "_max_decrease", "_test_drift"},
        ),
        (KSWIN(), {"p_value", "n", "window", "_rng"}),
        (HalfSpaceTrees(), {"limits", "rng", "trees", "_tree_nodes", "counter", "_first_window"}),
        (cast("Callable[[], GaussianScorer]", GaussianScorer)(), {"gaussian"}),
    ],
    ids=lambda one: type(one).__name__,
)
def test_river_s_objects_hold_no_field_that_a_snapshot_does_not_know(made: object, fields: set[str]) -> None:
    parameters = set(made._get_params())  # type: ignore[attr-defined]
    assert set(vars(made)) - parameters - {"_drift_detected"} == fields - parameters
