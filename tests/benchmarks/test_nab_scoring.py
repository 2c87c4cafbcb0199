"""NAB's scoring against its definition, written out row by row."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.detection.numenta.scoring import (
    PROFILES,
    Weights,
    cross_validated,
    in_sample,
    row_credits,
    sigmoid,
    sweep,
)
from benchmarks.detection.series import Series
from detectors.base import FloatArray

STANDARD = PROFILES[0]


def series(rows: int, *windows: tuple[int, int]) -> Series:
    return Series("one", np.arange(float(rows)), np.zeros(rows), windows)


def by_hand(one: Series, score: FloatArray, threshold: float, weights: Weights) -> float:
    """The raw score of one file, as the definition reads."""
    def curve(position: float) -> float:
        return -1.0 if position >= 3.0 else 2.0 / (1.0 + math.exp(5.0 * position)) - 1.0

    earned = 0.0
    best = dict.fromkeys(one.windows, -weights.fn)
    for row in range(one.unscored, len(score)):
        if score[row] < threshold:
            continue
        inside = next(((first, last) for first, last in one.windows if first <= row <= last), None)
        if inside is not None:
            first, last = inside
            credit = curve(-(last - row + 1) / (last - first + 1)) / curve(-1.0)
            best[inside] = max(best[inside], credit)
        else:
            before = [(first, last) for first, last in one.windows if last < row]
            first, last = before[-1] if before else (0, 0)
            earned += weights.fp * (curve((row - last) / (last - first)) if before else -1.0)
    return earned + sum(best.values())


@pytest.mark.parametrize(("position", "value"), [(-1.0, 0.98661), (-0.5, 0.84828), (0.0, 0.0), (1.0, -0.98661)])
def test_the_sigmoid_has_the_values_that_nab_publishes(position: float, value: float) -> None:
    assert sigmoid(np.array([position]))[0] == pytest.approx(value, abs=1e-5)


def test_the_first_row_of_a_window_is_worth_one_and_the_last_almost_nothing() -> None:
    credit, window = row_credits(series(100, (40, 49)))

    assert credit[40] == pytest.approx(1.0)
    assert 0.0 < credit[49] < 0.3
    assert list(np.flatnonzero(window == 0)) == list(range(40, 50))


@pytest.mark.parametrize(
    ("row", "stored"),
    [
        (276, -0.11), (317, 0.871604206333), (363, -0.109276714495), (673, -0.11), (679, -0.11), (753, 0.892746785547),
        (924, 0.847084961863), (959, 0.871604206333),
    ],
)
def test_credit_and_cost_are_those_stored_with_a_published_run(row: int, stored: float) -> None:
    # Numenta's detector on realTraffic/speed_7578, standard profile: windows and alarms by row.
    credit, window = row_credits(series(1127, (303, 331), (740, 768), (909, 937), (945, 973)))

    assert credit[row] * (1.0 if window[row] >= 0 else STANDARD.fp) == pytest.approx(stored, abs=1e-11)


@given(st.lists(st.integers(0, 5), min_size=60, max_size=60), st.integers(0, 6), st.sampled_from(PROFILES))
def test_a_threshold_earns_what_the_definition_says(levels: list[int], threshold: int, weights: Weights) -> None:
    one, score = series(60, (15, 24), (40, 47)), np.array(levels, dtype=np.float64)

    earned = sweep([one], [score], weights).earned(float(threshold))

    assert earned == pytest.approx(by_hand(one, score, threshold, weights))


@given(st.lists(st.integers(0, 5), min_size=60, max_size=60), st.sampled_from(PROFILES))
def test_no_threshold_earns_more_than_the_best(levels: list[int], weights: Weights) -> None:
    one, score = series(60, (15, 24), (40, 47)), np.array(levels, dtype=np.float64)
    swept = sweep([one], [score], weights)

    best = swept.earned(swept.best_threshold())

    assert best == pytest.approx(max(by_hand(one, score, at, weights) for at in (0, 1, 2, 3, 4, 5, 6)))


def test_a_perfect_detector_earns_a_hundred_and_a_silent_one_nothing() -> None:
    files = [series(200, (60, 79), (120, 139)), series(100)]
    perfect = [np.zeros(200), np.zeros(100)]
    perfect[0][[60, 120]] = 1.0

    assert in_sample(files, perfect) == pytest.approx(dict.fromkeys(("standard", "low FP", "low FN"), 100.0))
    assert in_sample(files, [np.zeros(200), np.zeros(100)])["low FP"] == pytest.approx(0.0)


def test_rows_of_the_probation_do_not_count() -> None:
    one = series(100, (50, 59))
    score = np.zeros(100)
    score[:one.unscored] = 9.0
    score[50] = 1.0

    assert in_sample([one], [score])["standard"] == pytest.approx(100.0)


def test_a_held_out_file_is_scored_at_the_others_threshold() -> None:
    files = [series(100, (50, 59)) for _ in range(10)]
    scores = [np.zeros(100) for _ in files]
    for score in scores:
        score[50] = 1.0
    scores[0][50] = 0.2  # found only at a threshold that nothing but this file suggests

    held_out = cross_validated(files, scores, seeds=(0,))["standard"][0]

    assert held_out == pytest.approx(90.0)
    assert in_sample(files, scores)["standard"] == pytest.approx(100.0)


def test_the_files_earn_what_the_whole_earns() -> None:
    files, rng = [series(100, (50, 59)), series(80), series(120, (30, 39), (90, 99))], np.random.default_rng(4)
    swept = sweep(files, [rng.integers(0, 9, len(one.value)).astype(np.float64) for one in files], STANDARD)

    assert swept.by_file(7.0).sum() == pytest.approx(swept.earned(7.0))


def test_choosing_a_configuration_by_fold_is_no_better_than_knowing_it() -> None:
    files = [series(100, (50, 59)) for _ in range(10)]
    good, bad = [np.zeros(100) for _ in files], [np.ones(100) for _ in files]
    for score in good:
        score[50] = 1.0

    chosen, known = cross_validated(files, bad, good), cross_validated(files, good)

    assert chosen["low FP"] == pytest.approx(known["low FP"])
