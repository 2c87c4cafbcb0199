"""Numbers are published as short as people need them, many at once as one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.series_windows import short, shorts

MAGNITUDES = st.floats(1e-16, 1e26).flatmap(lambda size: st.sampled_from((size, -size)))


@given(st.lists(st.one_of(MAGNITUDES, st.sampled_from((0.0, 999999.5, float("nan"), float("inf"))))))
def test_many_at_once_are_shortened_like_each_alone(numbers: list[float]) -> None:
    assert shorts(np.array(numbers)) == [short(number) for number in numbers]


@given(st.lists(MAGNITUDES))
def test_the_same_holds_for_single_precision(numbers: list[float]) -> None:
    single = np.array(numbers, np.float32)
    assert shorts(single) == [short(number) for number in single.tolist()]


def test_what_is_too_small_or_too_large_for_exact_digits_stays_near() -> None:
    extremes = [1.23456789e-30, 1.23456789e30]
    assert shorts(np.array(extremes)) == pytest.approx(extremes, 1e-5, 1e-22)
