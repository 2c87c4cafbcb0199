"""The band of an hour: learned causally, used where it proved to explain."""

from __future__ import annotations

import numpy as np

from detectors.base import Block, FloatArray
from detectors.maxima.hourly_band import HourlyBand, HourlyBandParams

HOUR_S = 3_600.0
ROW = np.array([0])


def play(bank: HourlyBand, values: FloatArray) -> None:
    """One window an hour."""
    for hour, value in enumerate(values.tolist()):
        end, one = np.array([hour * HOUR_S + 1800.0]), np.ones(1)
        bank.observe(Block(ROW, end - HOUR_S, end, value * one, one, 0.0 * one, value * one, value * one))


def daily(days: int) -> FloatArray:
    hour = np.arange(24 * days)
    return np.where((hour % 24 >= 9) & (hour % 24 < 18), 50.0, 10.0) + np.random.default_rng(1).normal(size=len(hour))


def test_a_course_is_used_when_it_has_explained_for_days() -> None:
    for days, proved in ((1, False), (5, True)):
        bank = HourlyBandParams().build(1)
        play(bank, daily(days))
        band = bank.band(ROW, np.array([(24.0 * days + 12.5) * HOUR_S]))
        assert band.proved.tolist() == [proved]
        assert not proved or (45.0 < band.low[0] < band.high[0] < 55.0)


def test_at_a_ramp_the_band_reaches_from_before_to_after() -> None:
    bank = HourlyBandParams().build(1)
    play(bank, daily(5))
    band = bank.band(ROW, np.array([(24.0 * 5 + 9.2) * HOUR_S]))
    assert band.low[0] < 15.0
    assert band.high[0] > 45.0


def test_noise_has_no_course() -> None:
    bank = HourlyBandParams().build(1)
    play(bank, 100.0 + np.random.default_rng(2).normal(size=24 * 14))
    assert not bank.band(ROW, np.array([24.0 * 14 * HOUR_S])).proved[0]


def test_the_hours_of_a_confirmed_fault_are_forgotten() -> None:
    bank = HourlyBandParams().build(1)
    values = daily(2)
    values[36] = 500.0
    play(bank, values)
    at_s = np.array([(48.0 + 12.5) * HOUR_S])
    assert bank.band(ROW, at_s).high[0] > 100.0
    bank.withdraw(ROW, 36.2 * HOUR_S, 36.9 * HOUR_S)
    assert bank.band(ROW, at_s).high[0] < 60.0


def test_values_of_any_size_are_kept() -> None:
    for size in (1e-12, 1.0, 1e12):
        bank = HourlyBandParams().build(1)
        play(bank, size * daily(5))
        band = bank.band(ROW, np.array([(24.0 * 5 + 12.5) * HOUR_S]))
        assert 45.0 * size < band.high[0] < 55.0 * size
