from __future__ import annotations

import numpy as np
import pytest

from streams.presence.share_test import BEFORE_MIN, ShareTest, judge_share

STEADY = 0.02**2
"""The variation of traffic that was steady for a quarter of an hour."""


def poisson(mean: float, buckets: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).poisson(mean, buckets).astype(np.float64)


def before(rate: float, share: float, seed: int = 1, buckets: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """The requests of a service and of a part of it."""
    own = poisson(rate * share, buckets, seed)
    return own + poisson(rate * (1.0 - share), buckets, seed + 1000), own


@pytest.mark.parametrize(("rate", "share", "buckets"), [(40.0, 0.5, 3), (40.0, 0.25, 10), (9.0, 1 / 3, 60)])
def test_a_total_that_falls_by_the_share_of_the_part_has_lost_it(rate: float, share: float, buckets: int) -> None:
    total, own = before(rate, share)
    assert judge_share(total, own, np.full(buckets, rate * (1.0 - share)), STEADY).verdict == "lost"
    assert judge_share(total, own, np.full(buckets, rate), STEADY).verdict == "taken over"


def test_few_requests_decide_nothing() -> None:
    total, own = before(1.0, 1 / 4)
    for rest in (0.75, 1.0):
        assert judge_share(total, own, np.full(8, rest)).verdict == "undecided"


def test_a_loss_is_hardly_ever_seen_where_the_others_took_over() -> None:
    verdicts = []
    for seed in range(300):
        total, own = before(20.0, 0.25, seed)
        rest = poisson(20.0, 40, seed + 5000)
        verdicts += [judge_share(total, own, rest[:number], STEADY).verdict for number in range(2, 40, 4)]
    assert verdicts.count("lost") <= 3
    assert verdicts.count("taken over") > 1000


def test_a_loss_is_found_within_a_minute_of_moderate_traffic() -> None:
    found = 0
    for seed in range(200):
        total, own = before(20.0, 0.25, seed)
        found += judge_share(total, own, poisson(15.0, 60, seed + 5000), STEADY).verdict == "lost"
    assert found > 180


def test_traffic_that_wanders_by_as_much_as_the_share_is_not_taken_for_a_loss() -> None:
    total, own = before(40.0, 0.25)
    rest = np.full(20, 31.0)
    assert judge_share(total, own, rest, 0.02**2).verdict == "lost"
    assert judge_share(total, own, rest, 0.15**2).verdict == "undecided"


def test_a_gap_that_is_over_is_no_loss() -> None:
    total, own = before(40.0, 0.5)
    assert judge_share(total, own, np.array([20.0] * 4)).verdict == "lost"
    assert judge_share(total, own, np.array([20.0] * 4 + [41.0, 40.0])).verdict != "lost"


def test_requests_that_take_longer_than_before_are_in_flight_and_not_lost() -> None:
    total, own = before(40.0, 0.25)
    rest = np.full(10, 30.0)
    assert judge_share(total, own, rest, STEADY).verdict == "lost"
    assert judge_share(total, own, rest, STEADY, growth_buckets=1.5).verdict == "undecided"


def test_a_part_that_is_hardly_known_is_not_tested() -> None:
    total, own = before(40.0, 0.5, buckets=BEFORE_MIN - 1)
    assert judge_share(total, own, np.full(10, 20.0)).verdict == "unknown"
    assert judge_share(np.empty(0), np.empty(0), np.full(10, 20.0)).verdict == "unknown"
    assert judge_share(np.full(20, 5.0), np.zeros(20), np.full(10, 20.0)).verdict == "unknown"


def test_the_only_part_of_a_service_loses_everything() -> None:
    total = poisson(10.0, 30, 1)
    assert judge_share(total, total, np.zeros(3)).verdict == "lost"
    assert judge_share(total, total, np.full(3, 10.0)).verdict == "taken over"


def test_a_part_that_is_told_before_its_service_is_not_tested() -> None:
    nothing, some = np.zeros(20), np.full(20, 5.0)
    assert judge_share(nothing, some, nothing) == ShareTest("unknown")
