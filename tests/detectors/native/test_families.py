"""The detectors beside robust location and CUSUM: each detects what it is for."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.banks.composite import Bank
from detectors.base import FloatArray
from detectors.checks import feed, play
from detectors.native.art import ArtParams
from detectors.native.range_novelty import RangeNoveltyParams
from detectors.native.seasonal import SeasonalParams
from detectors.native.variance_change import VarianceChangeParams
from tests.detectors.blocks import windows

EVERY = 5000.0


def noise(n: int, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).normal(size=(n, 1))


def first_alarm(levels: FloatArray) -> int:
    hits = np.flatnonzero(levels[:, 0] >= 1.0)
    return int(hits[0]) if len(hits) else len(levels)


def test_a_value_is_novel_only_once() -> None:
    bank = RangeNoveltyParams(every_windows=EVERY).build(1)
    play(bank, 100.0 + noise(500))
    levels = play(bank, np.concatenate([[[130.0]], 100.0 + noise(60, 1), [[129.0]]]), at=500)
    assert np.flatnonzero(levels[:, 0] >= 1.0).tolist() == [0]


def test_a_value_is_novel_again_when_the_last_one_is_a_budget_ago() -> None:
    bank = RangeNoveltyParams(every_windows=200.0).build(1)
    play(bank, 100.0 + noise(500))
    levels = play(bank, np.concatenate([[[130.0]], 100.0 + noise(250, 1), [[130.0]]]), at=500)
    assert levels[0, 0] >= 1.0
    assert levels[-1, 0] >= 1.0


@pytest.mark.parametrize("params", [RangeNoveltyParams(every_windows=500.0), ArtParams(every_windows=500.0, stride=2)])
def test_an_old_row_alarms_on_novelty_about_as_often_as_asked(params: RangeNoveltyParams | ArtParams) -> None:
    rows, apart = 40, 12
    levels = play(params.build(rows), np.random.default_rng(4).normal(size=(2500, rows)))[1000:]
    before = np.lib.stride_tricks.sliding_window_view(np.concatenate([np.zeros((apart, rows)), levels[:-1]]), apart, 0)
    novel = (levels >= 1.0) & ~(before >= 1.0).any(axis=2)
    assert 250.0 < levels.size / novel.sum() < 1000.0


def test_a_row_that_never_moved_widens_at_once() -> None:
    bank = RangeNoveltyParams().build(1)
    play(bank, np.zeros((100, 1)))
    assert play(bank, np.array([[5.0], [5.0]]), at=100)[1, 0] < 1.0


def test_art_finds_a_course_of_ordinary_values_never_seen_before() -> None:
    bank = ArtParams(every_windows=EVERY, stride=1).build(1)
    # Never three high ones in a row.
    usual = np.tile([0.0, 0.0, 10.0, 0.0, 10.0, 10.0, 0.0], 60)[:, None] + 0.1 * noise(420)
    assert not (play(bank, usual)[100:] >= 1.0).any()
    assert (play(bank, np.full((8, 1), 10.0), at=420) >= 1.0).any()


def test_growing_variance_alarms_and_constant_variance_does_not() -> None:
    bank = VarianceChangeParams(every_windows=10.0 * EVERY).build(1)
    assert first_alarm(play(bank, 50.0 + noise(1000))) == 1000
    assert first_alarm(play(bank, 50.0 + 5.0 * noise(60, 1), at=1000)) < 20


def test_vanishing_variance_alarms_with_the_other_direction() -> None:
    bank = VarianceChangeParams(every_windows=EVERY).build(1)
    play(bank, 5.0 + noise(1000))
    assert first_alarm(play(bank, np.full((150, 1), 5.0), at=1000)) < 150
    assert bank.score(windows([5.0], 1150)).direction[0] == -1


def hourly(days: int, bank: Bank, odd_at: int | None = None) -> FloatArray:
    """A daily wave in windows of half an hour; the levels of each."""
    levels, rng = [], np.random.default_rng(5)
    for at in range(days * 48):
        value = 100.0 + 50.0 * np.sin(2 * np.pi * (at + 0.5) / 48) + rng.normal()
        block = windows([200.0 - value if at == odd_at else value], at * 1800.0, span_s=1800.0)
        levels.append(float(bank.score(block).level[0]))
        feed(bank, block)
    return np.array(levels)


def test_an_ordinary_value_at_the_wrong_hour_is_a_seasonal_alarm() -> None:
    odd = 12 * 48 + 12
    levels = hourly(13, SeasonalParams(every_windows=EVERY).build(1), odd)
    assert np.isnan(levels[:90]).all()
    assert levels[odd] >= 1.0
    assert (levels[480:odd] < 1.0).all()
