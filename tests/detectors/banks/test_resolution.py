"""The resolution of values: the step of decimal numbers, the last bits of floats, what came with the value."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detectors.banks.resolution import Resolution
from detectors.ensemble.profiles import Profile
from detectors.suite import Suite, SuiteParams
from tests.detectors.blocks import windows


def after(*values: float) -> float:
    """The resolution of the last of these values of one row."""
    bank = Resolution(1)
    for at, value in enumerate(values):
        found = bank.of(windows([value], float(at)))
        bank.observe(windows([value], float(at)))
    return float(found[0])


@pytest.mark.parametrize(
    ("values", "resolution"),
    [((0.0,), 1.0), ((0.0, 0.0, 1.0), 1.0), ((0.97, 0.98), 0.01), ((12.5, 7.0), 0.1), ((1 / 3, 1.0), 5e-7)],
)
def test_decimal_numbers_have_the_step_of_as_many_places_as_they_ever_had(
    values: tuple[float, ...], resolution: float,
) -> None:
    assert after(*values) == pytest.approx(resolution)


def test_the_last_bits_of_a_large_number_are_noise() -> None:
    assert after(1e9 / 3.0) == pytest.approx(5e-7 * 1e9 / 3.0)


def test_a_mean_of_samples_has_a_share_of_their_step() -> None:
    assert Resolution(1).of(windows([3.0], 0.0, count=20.0))[0] == pytest.approx(0.05)


def test_what_came_with_a_value_fades() -> None:
    bank = Resolution(1)
    bank.observe(replace(windows([1.0 / 3.0], 0.0), resolution=np.array([8.0])))
    first = bank.of(windows([1.0 / 3.0], 1.0))[0]
    for at in range(200):
        bank.observe(windows([1.0 / 3.0], float(at)))
    assert first == pytest.approx(8.0, rel=0.05)
    assert bank.of(windows([1.0 / 3.0], 300.0))[0] < 1.0


@pytest.mark.parametrize("detectors", [("art",), ("range_novelty",), ("robust_location",), ("seasonal",)])
@pytest.mark.parametrize(
    ("usual", "then"), [
        ((0.97, 0.97), 0.97 + 1e-9), ((0.3, 0.1 + 0.2), 0.3), ((0.0, 0.0), 1.0), ((24.0, 24.0), 25.0),
        ((1e300, 1e300), 1.1e300),
    ],
)
def test_what_is_within_the_resolution_never_alarms(
    detectors: tuple[str, ...], usual: tuple[float, float], then: float,
) -> None:
    profile = Profile("any", ".*", min_rel=0.0, detectors=detectors, sampling="pre_aggregated")
    suite = Suite(SuiteParams(profiles=(profile,), false_alarm_every_s=86_400.0), 1)
    for at in range(600):
        block = windows([usual[at % 2]], float(at))
        assert not suite.score(block).level[0] >= 1.0
        suite.observe(block)
        suite.learn(block)
    for at in range(600, 640):
        block = windows([then], float(at))
        assert not suite.score(block).level[0] >= 1.0
        suite.observe(block)


def test_a_row_that_rested_at_0_alarms_when_it_jumps() -> None:
    suite = Suite(SuiteParams(profiles=(Profile("any", ".*", sampling="pre_aggregated"),)), 1)
    for at in range(300):
        block = windows([0.0], float(at))
        suite.score(block)
        suite.observe(block)
        suite.learn(block)
    assert suite.score(windows([40.0], 300.0)).level[0] >= 1.0
