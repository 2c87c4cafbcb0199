"""What the detectors beside robust location and CUSUM promise: each finds what it is for, without river's faults."""

from __future__ import annotations

import numpy as np
import pytest
from river.drift import PageHinkley

from detectors.art import ArtParams
from detectors.banked import Bank
from detectors.base import Block, FloatArray
from detectors.checks import play
from detectors.gaussian import GaussianParams
from detectors.half_space_trees import HalfSpaceTreesParams
from detectors.kswin import KswinParams
from detectors.page_hinkley import PageHinkleyParams
from detectors.range_novelty import RangeNoveltyParams
from detectors.seasonal import SeasonalParams
from detectors.variance_change import VarianceChangeParams
from tests.detectors.streams import windows

EVERY = 5000.0


def noise(n: int, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).normal(size=(n, 1))


def first_alarm(levels: FloatArray) -> int:
    hits = np.flatnonzero(levels[:, 0] >= 1.0)
    return int(hits[0]) if len(hits) else len(levels)


def test_novelty_is_news_only_once() -> None:
    bank = RangeNoveltyParams(every_windows=EVERY).build(1)
    play(bank, 100.0 + noise(500))
    levels = play(bank, np.array([[100.0], [130.0], [100.0], [129.0]]), at=500)
    assert (levels[:, 0] >= 1.0).tolist() == [False, True, False, False]


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


def test_scatter_that_grows_alarms_and_scatter_that_stays_does_not() -> None:
    bank = VarianceChangeParams(every_windows=EVERY).build(1)
    assert first_alarm(play(bank, 50.0 + noise(1000))) == 1000
    assert first_alarm(play(bank, 50.0 + 5.0 * noise(60, 1), at=1000)) < 20


def test_scatter_that_vanishes_is_seen_and_has_the_other_direction() -> None:
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
        bank.learn(block)
    return np.array(levels)


def test_an_ordinary_value_at_the_wrong_hour_is_seasonal_news() -> None:
    odd = 12 * 48 + 12
    levels = hourly(13, SeasonalParams(every_windows=EVERY).build(1), odd)
    assert np.isnan(levels[:90]).all()
    assert levels[odd] >= 1.0
    assert (levels[480:odd] < 1.0).all()


def test_a_flat_row_has_no_gaussian_score_and_a_far_value_ranks_above_a_near_one() -> None:
    bank = GaussianParams().build(1)
    assert not (play(bank, np.full((300, 1), 7.0))[30:] > 0.0).any()
    play(bank, 7.0 + noise(300), at=300)
    near, far = (bank.score(windows([value], 600)).level[0] for value in (7.0 + 10.0, 7.0 + 20.0))
    assert far > near


def test_page_hinkley_sums_are_river_s() -> None:
    stream = 0.05 * noise(400)
    bank = PageHinkleyParams(delta=0.005, memory=1e9, warm_up=10_000).build(1)
    river = PageHinkley(delta=0.005, threshold=1e9)
    for at, value in enumerate(stream[:, 0].tolist()):
        river.update(value)  # type: ignore[no-untyped-call]
        bank.learn(windows([value], at))
        total = bank.snapshot(np.array([0]))["rows.sum"].astype(np.float64)[0]
        assert total[0] == pytest.approx(river._sum_increase)
        assert total[1] == pytest.approx(-river._sum_decrease)


@pytest.mark.parametrize(
    "bank", [PageHinkleyParams(every_windows=EVERY).build(1), KswinParams(every_windows=EVERY).build(1)],
    ids=["page_hinkley", "kswin"],
)
def test_a_shift_of_residuals_is_found_with_its_direction(bank: Bank) -> None:
    assert first_alarm(play(bank, noise(600, 3))) == 600
    levels = []
    for at, value in enumerate(noise(60, 4)[:, 0] - 3.0):
        block = windows([value], 600.0 + at)
        scores = bank.score(block)
        levels.append([float(scores.level[0])])
        bank.track(block)
    assert first_alarm(np.array(levels)) < 40
    assert scores.direction[0] == -1


def test_half_space_trees_know_a_gap_between_two_habits() -> None:
    bank = HalfSpaceTreesParams(every_windows=EVERY).build(1)
    habits = np.where(noise(1500, 6) > 0, 4.0, -4.0) + 0.2 * noise(1500, 7)
    play(bank, habits)

    def rarity(value: float) -> float:
        return float(bank.score(block_of(value)).raw[0])

    assert rarity(0.0) > rarity(4.0) + 1.0


def block_of(value: float) -> Block:
    return windows([value], 2000.0)
