"""VUS-PR: its buffers, its period and its extremes."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.detection.series import Series
from benchmarks.detection.vus import buffer_length, extended, merged, vus_pr

ROWS = 600
TIME = np.arange(float(ROWS))


def test_the_buffer_is_one_period_of_a_periodic_series() -> None:
    assert buffer_length(np.sin(2 * np.pi * TIME / 48)) == pytest.approx(48, abs=1)


@pytest.mark.parametrize("value", [np.ones(ROWS), TIME])
def test_a_series_without_a_period_gets_the_usual_buffer(value: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    assert buffer_length(value) == 125


def test_a_buffer_falls_away_from_the_label_on_both_sides() -> None:
    label = np.zeros(21, dtype=bool)
    label[10] = True

    soft = extended(label, [(10, 10)], 8)

    assert soft[10] == 1.0
    assert list(soft[6:10]) == pytest.approx(list(soft[14:10:-1]))
    assert list(soft[6:10]) == pytest.approx([(1 - away / 8) ** 0.5 for away in (4, 3, 2, 1)])
    assert not soft[:6].any()


def test_windows_whose_buffers_meet_are_one() -> None:
    assert merged([(10, 12), (20, 22), (60, 62)], 8, 64) == [(6, 26), (56, 63)]


def test_a_series_without_a_label_has_no_value() -> None:
    assert np.isnan(vus_pr(Series("one", TIME, TIME, ()), TIME))


def test_the_labels_themselves_are_almost_perfect_and_their_opposite_is_poor() -> None:
    one = Series("one", TIME, np.sin(2 * np.pi * TIME / 48), ((300, 359),))
    label = one.label().astype(np.float64)

    assert vus_pr(one, label) > 0.8
    assert vus_pr(one, 1.0 - label) < 0.2
