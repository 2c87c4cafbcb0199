"""Every candidate is causal: later samples do not change earlier scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest

from benchmarks.detection import baselines, river_baselines, selection
from benchmarks.detection.candidate import Baseline, CachedBaseline, SuiteCandidate, gated
from benchmarks.detection.series import Series
from detectors.base import FloatArray

RNG_SEED = 7
ROWS = 320


def wave() -> FloatArray:
    value = np.random.default_rng(RNG_SEED).normal(50.0, 5.0, ROWS)
    value[200] = 500.0
    return value


def series(value: FloatArray, name: str = "one") -> Series:
    return Series(name, 300.0 * np.arange(float(len(value))), value, ())


FUNCTIONS = [
    partial(baselines.windowed_gaussian, window=50, step=10), baselines.range_novelty, baselines.ewma_z,
    baselines.running_z, baselines.median_mad, river_baselines.gaussian, river_baselines.adwin,
    river_baselines.page_hinkley, river_baselines.half_space_trees,
]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_baseline_does_not_look_ahead(function: Callable[[FloatArray], FloatArray]) -> None:
    value = wave()

    assert function(value)[:150] == pytest.approx(function(value[:150]), nan_ok=True)


def test_the_suite_looks_neither_ahead_nor_at_other_series() -> None:
    value = wave()
    whole = SuiteCandidate().run([series(value), series(value[::-1].copy(), "two"), series(value[:100], "three")])

    alone = SuiteCandidate().run([series(value[:150])])

    assert whole[0].score[:150] == pytest.approx(alone[0].score)
    assert [len(result.score) for result in whole] == [ROWS, ROWS, 100]


def test_the_suite_scores_a_gross_outlier_highest() -> None:
    result = SuiteCandidate().run([series(wave())])[0]

    assert result.score.argmax() == 200
    assert result.alarm.argmax() == 200
    assert result.alarm[200] >= 1.0


def test_windowed_gaussian_moves_on_in_steps() -> None:
    value = wave()
    score = baselines.windowed_gaussian(value, window=50, step=10)
    past = value[10:60]

    z = abs(value[65] - past.mean()) / past.std()

    assert score[65] == pytest.approx(NormalDist().cdf(z))


def test_range_novelty_is_the_excess_over_the_range_so_far() -> None:
    assert list(baselines.range_novelty(np.array([0.0, 10.0, 15.0, 15.0, -15.0]))) == [0.0, 0.0, 0.5, 0.0, 1.0]


def test_an_alarm_is_raised_only_above_all_the_scores_shortly_before() -> None:
    assert list(gated(np.array([1.0, 2.0, 2.0, 1.0, 1.5, 3.0]), 2)) == [1.0, 2.0, 0.0, 0.0, 0.0, 3.0]


def test_an_ungated_alarm_is_the_score() -> None:
    score = np.array([1.0, 2.0, 2.0])

    assert gated(score, 0) is score


@dataclass
class Counted:
    calls: list[int] = field(default_factory=list)

    def __call__(self, value: FloatArray) -> FloatArray:
        self.calls.append(len(value))
        return value


def test_a_slow_baseline_runs_once_a_series(tmp_path: Path) -> None:
    function = Counted()
    candidate = CachedBaseline(Baseline("slow one", function), tmp_path)

    first, again = candidate.run([series(wave())])[0], candidate.run([series(wave(), "renamed")])[0]
    candidate.run([series(wave()[:100])])

    assert np.array_equal(first.score, again.score)
    assert function.calls == [ROWS, 100]


def test_a_suite_is_made_by_name_and_anything_else_refused() -> None:
    assert selection.suite().name == "suite"
    with pytest.raises(ValueError, match="expected a function that makes a SuiteCandidate"):
        selection.suite("benchmarks.detection.selection:cheap")
