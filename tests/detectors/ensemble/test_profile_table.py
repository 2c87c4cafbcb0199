"""The table of profiles: which detectors, limits and scale a row has, and which deviations count for it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detectors.base import Block, FloatArray, IntArray
from detectors.ensemble.profile_table import ProfileTable
from detectors.ensemble.profiles import Profile, Sampling

NAMES = ("static_limits", "robust_location", "cusum")


def table(*profiles: Profile) -> ProfileTable:
    """One row per profile."""
    made = ProfileTable(profiles, NAMES, len(profiles))
    made.assign(np.arange(len(profiles)), np.arange(len(profiles)))
    return made


def profile(
    *, scale: str = "linear", floor: float = 0.5, direction: str = "both", min_abs: float = 0.0, min_rel: float = 0.0,
) -> Profile:
    return Profile(
        "p", ".*", direction, min_abs, min_rel, scale, floor,  # type: ignore[arg-type]  # literals in the tests below
    )


def floats(*values: float) -> FloatArray:
    return np.array(values, dtype=np.float64)


def rows(n: int) -> IntArray:
    return np.arange(n)


@pytest.mark.parametrize(("profiles", "message"), [
    ((), "none given"),
    ((Profile("odd", ".*", detectors=("cusum", "oracle")),), r"odd: unknown detectors \['oracle'\]"),
    ((profile(scale="log", floor=0.0),), "floor 0.0, expected above 0 for log"),
    ((profile(scale="sqrt", floor=-1.0),), "floor -1.0, expected above 0 for sqrt"),
    ((profile(scale="log", floor=math.nan),), "floor nan"),
    ((profile(), profile(scale="log", floor=0.0)), "floor 0.0"),
])
def test_profiles_that_cannot_be_used_are_refused(profiles: tuple[Profile, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ProfileTable(profiles, NAMES, 1)


def test_a_linear_scale_needs_no_floor() -> None:
    made = table(profile(floor=0.0))
    assert made.to_scale(rows(1), floats(-3.0)).tolist() == [-3.0]


def test_rows_have_the_first_profile_until_they_are_assigned_another() -> None:
    made = ProfileTable((Profile("a", ".*", warm_up=5), Profile("b", ".*", warm_up=9)), NAMES, 2)
    made.assign(np.array([1]), 1)
    made.grow(3)
    assert made.warm_up(rows(3)).tolist() == [5, 9, 5]
    made.grow(1)
    assert made.warm_up(rows(3)).tolist() == [5, 9, 5]


def test_absent_limits_and_budgets_are_nan() -> None:
    made = table(Profile("a", ".*", low=0.0, token_budget=100.0), Profile("b", ".*", high=7.0))
    low, high = made.limits(rows(2))
    np.testing.assert_array_equal(low, [0.0, np.nan])
    np.testing.assert_array_equal(high, [np.nan, 7.0])
    np.testing.assert_array_equal(made.token_budget(rows(2)), [100.0, np.nan])


def test_only_profiles_of_aggregated_values_are_aggregated() -> None:
    samplings: tuple[Sampling | None, ...] = (None, "per_request", "pre_aggregated")
    made = table(*(Profile("p", ".*", sampling=one, detectors=("cusum",)) for one in samplings))
    assert made.aggregated(rows(3)).tolist() == [False, False, True]


def test_a_profile_enables_the_detectors_that_it_names_in_the_order_of_the_table() -> None:
    made = table(Profile("a", ".*", detectors=("cusum",)), Profile("b", ".*", detectors=("robust_location",)))
    assert made.enabled(np.array([1, 0])).tolist() == [[False, True, False], [False, False, True]]
    assert [made.is_enabled(at) for at in range(3)] == [False, True, True]


@pytest.mark.parametrize(("direction", "counts"), [
    ("up", [False, False, True]), ("down", [True, False, False]), ("both", [True, True, True]),
])
def test_only_the_monitored_direction_counts(direction: str, counts: list[bool]) -> None:
    made = ProfileTable((profile(direction=direction),), NAMES, 3)
    assert made.direction_counts(rows(3), np.array([-1, 0, 1])).tolist() == counts


def test_the_minimum_deviation_is_the_larger_of_both_minima() -> None:
    made = ProfileTable((profile(min_abs=5.0, min_rel=0.1),), NAMES, 3)
    assert made.min_deviation(rows(3), floats(10.0, 100.0, -100.0)).tolist() == [5.0, 10.0, 10.0]


def test_a_deviation_counts_from_the_minimum_on_and_in_the_monitored_direction_alone() -> None:
    made = ProfileTable((profile(direction="up", min_abs=5.0),), NAMES, 3)
    up, down = np.array([1, 1, 1]), np.array([-1, -1, -1])
    values, expected = floats(14.9, 15.0, 20.0), floats(10.0, 10.0, 10.0)
    assert made.counts(rows(3), up, values, expected).tolist() == [False, True, True]
    assert made.counts(rows(3), down, values, expected).tolist() == [False, False, False]


def test_a_deviation_counts_below_the_expected_value_too() -> None:
    made = ProfileTable((profile(direction="down", min_abs=5.0),), NAMES, 1)
    assert made.counts(rows(1), np.array([-1]), floats(4.0), floats(10.0)).tolist() == [True]


def test_each_row_is_converted_by_the_scale_of_its_profile() -> None:
    made = table(profile(), profile(scale="log"), profile(scale="sqrt"))
    scaled = made.to_scale(rows(3), floats(9.0, 9.0, 9.0))
    assert scaled.tolist() == [9.0, math.log(9.0), 3.0]
    assert made.to_unit(rows(3), scaled) == pytest.approx([9.0, 9.0, 9.0])


def test_values_below_the_floor_count_as_the_floor_and_linear_ones_stay() -> None:
    made = table(profile(), profile(scale="log"), profile(scale="sqrt"))
    assert made.to_scale(rows(3), floats(-4.0, -4.0, 0.0)).tolist() == [-4.0, math.log(0.5), math.sqrt(0.5)]


def test_unknown_values_stay_unknown_in_both_conversions() -> None:
    made = table(profile(), profile(scale="log"), profile(scale="sqrt"))
    unknown = floats(math.nan, math.nan, math.nan)
    assert np.isnan(made.to_scale(rows(3), unknown)).all()
    assert np.isnan(made.to_unit(rows(3), unknown)).all()


@pytest.mark.parametrize("scale", ["linear", "log", "sqrt"])
def test_any_scaled_value_gives_a_finite_value(scale: str) -> None:
    made = ProfileTable((profile(scale=scale),), NAMES, 4)
    found = made.to_unit(rows(4), floats(-math.inf, -1e305, 1e305, math.inf))
    assert np.isfinite(found).all()
    assert found[3] >= 1e299
    assert scale == "linear" or (found[:2] >= 0.0).all()


def test_below_the_square_root_scale_there_is_only_0() -> None:
    assert table(profile(scale="sqrt")).to_unit(rows(1), floats(-3.0)).tolist() == [0.0]


@pytest.mark.parametrize("scale", ["linear", "log", "sqrt"])
def test_the_slope_is_the_derivative_of_the_scale(scale: str) -> None:
    made = ProfileTable((profile(scale=scale),), NAMES, 2)
    value, step = floats(3.0, 40.0), 1e-6
    numeric = (made.to_scale(rows(2), value + step) - made.to_scale(rows(2), value - step)) / (2 * step)
    assert made.slope(rows(2), value) == pytest.approx(numeric, rel=1e-5)


def test_the_slope_below_the_floor_is_that_at_the_floor() -> None:
    made = table(profile(scale="log"), profile(scale="sqrt"))
    assert made.slope(rows(2), floats(0.0, -1.0)) == pytest.approx([2.0, 0.5 / math.sqrt(0.5)])


def test_a_block_is_converted_with_its_extremes_and_its_deviation() -> None:
    made = table(profile(scale="log"))
    zero = floats(0.0)
    block = Block(rows(1), zero, zero + 1.0, floats(10.0), floats(4.0), floats(2.0), floats(5.0), floats(20.0))
    scaled = made.block_to_scale(block)
    assert scaled.value.tolist() == [math.log(10.0)]
    assert (scaled.minimum.tolist(), scaled.maximum.tolist()) == ([math.log(5.0)], [math.log(20.0)])
    assert scaled.std == pytest.approx([0.2])
    assert (scaled.count.tolist(), scaled.end_s.tolist()) == ([4.0], [1.0])
