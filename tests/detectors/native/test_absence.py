"""Absence: how long a series must send nothing before it alarms."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from detectors.native.absence import Absence, AbsenceParams
from tests.detectors.blocks import windows

ROW = np.array([0])


def bank_after(
    starts_s: list[float] | np.ndarray[tuple[int], np.dtype[np.float64]], span_s: float = 1.0,
    params: AbsenceParams | None = None,
) -> Absence:
    bank = (params or AbsenceParams()).build(1)
    for start_s in starts_s:
        bank.observe(windows([1.0], float(start_s), span_s=span_s))
    return bank


def absence_that_alarms_s(bank: Absence, last_s: float) -> float:
    for absent_s in np.arange(0.25, 4000.0, 0.25):
        if bank.score(ROW, last_s + absent_s).level[0] >= 1.0:
            return float(absent_s)
    return np.inf


def test_a_steady_series_alarms_within_three_windows() -> None:
    assert 2.0 <= absence_that_alarms_s(bank_after(np.arange(60.0)), 60.0) <= 3.0


def test_a_sparse_series_alarms_only_after_an_absence_that_is_rare_for_it() -> None:
    starts = np.flatnonzero(np.random.default_rng(0).random(4000) < 0.2).astype(float)
    bank = bank_after(starts)
    alarms = absence_that_alarms_s(bank, starts[-1] + 1.0)
    assert 30.0 < alarms < 120.0
    assert np.diff(starts).max() < alarms


def test_a_regular_slow_series_alarms_after_a_few_of_its_gaps() -> None:
    bank = bank_after(np.arange(0.0, 6000.0, 60.0))
    assert 120.0 <= absence_that_alarms_s(bank, 5941.0) <= 300.0


def test_a_young_series_has_no_level() -> None:
    bank = bank_after(np.arange(5.0))
    assert np.isnan(bank.score(ROW, 1000.0).level[0])
    assert np.isnan(AbsenceParams().build(1).score(ROW, 1000.0).level[0])


def test_an_outage_does_not_make_absence_normal() -> None:
    bank = bank_after(np.concatenate([np.arange(100.0), np.arange(5000.0, 5050.0)]))
    assert absence_that_alarms_s(bank, 5050.0) <= 4.0


def test_a_window_out_of_order_changes_nothing() -> None:
    bank = bank_after(np.arange(50.0))
    before = bank.snapshot(ROW)
    bank.observe(windows([1.0], 20.0))
    assert all(before[name].tobytes() == cells.tobytes() for name, cells in bank.snapshot(ROW).items())


def test_a_restored_bank_gives_the_same_level() -> None:
    old, new = bank_after(np.arange(50.0)), AbsenceParams().build(1)
    new.restore(ROW, old.snapshot(ROW))
    assert old.score(ROW, 52.0).level[0] == new.score(ROW, 52.0).level[0]
    with pytest.raises(ValueError, match="columns"):
        new.restore(ROW, {})


def test_a_series_that_becomes_rare_within_hours_is_not_absent() -> None:
    """As on a quiet night: requests that came every two seconds come every minute three hours later."""
    rng, lasts_s = np.random.default_rng(3), 3 * 3600.0
    starts = [0.0]
    while starts[-1] < 3600.0 + 1.5 * lasts_s:
        mean_s = 60.0 ** float(np.clip((starts[-1] - 3600.0) / lasts_s, 0.0, 1.0))
        starts.append(starts[-1] + 1.0 + float(np.floor(rng.exponential(mean_s))))
    bank, alarms = AbsenceParams().build(1), 0
    for before_s, start_s in pairwise(starts):
        bank.observe(windows([1.0], before_s))
        alarms += bool(bank.score(ROW, start_s).level[0] >= 1.0)
    assert alarms == 0
    assert 300.0 < absence_that_alarms_s(bank, starts[-2] + 1.0) < 2400.0


def test_gaps_that_grow_are_expected_to_grow_on() -> None:
    gaps_s, growth = np.random.default_rng(5).exponential(100.0, 60), np.exp(0.03 * np.arange(-59, 1))
    for factor, least in ((np.ones(60), 1.0), (growth, 1.5), (growth[::-1], 1.0)):
        starts = np.cumsum(gaps_s * factor).round()
        shorter_s, alarms_s = (
            absence_that_alarms_s(bank_after(starts, params=params), starts[-1] + 1.0)
            for params in (AbsenceParams(recent=31.0, latest=30.0), AbsenceParams())
        )
        assert least * shorter_s <= alarms_s <= 1.1 * least * shorter_s


def test_a_regular_series_whose_interval_was_doubled_alarms_after_a_few_of_its_new_gaps() -> None:
    starts = np.concatenate([np.arange(0.0, 6000.0, 60.0), np.arange(6000.0, 7200.0, 120.0)])
    assert absence_that_alarms_s(bank_after(starts), 7081.0) < 900.0


def test_one_longer_gap_of_a_busy_series_delays_nothing() -> None:
    bank = bank_after(np.concatenate([np.arange(100.0), np.arange(102.0, 110.0)]))
    assert absence_that_alarms_s(bank, 110.0) <= 3.0


@pytest.mark.parametrize("unknown", [("recent_", "latest_"), ("latest_",)])
def test_a_state_of_an_older_release_goes_on(unknown: tuple[str, ...]) -> None:
    old, new = bank_after(np.arange(50.0)), AbsenceParams().build(1)
    state = {name: cells for name, cells in old.snapshot(ROW).items() if not name.startswith(unknown)}
    new.check(ROW, state)
    new.restore(ROW, state)
    assert new.score(ROW, 52.0).level[0] == old.score(ROW, 52.0).level[0]
