"""Binomial CUSUM: how much so few trials prove, when it alarms, what it learns, and how often it is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from detectors.base import Block, Scores
from detectors.native.binomial_cusum import BinomialCusum, BinomialCusumParams


def shares(hits: Sequence[float], trials: float, at_s: float, span_s: float = 1.0) -> Block:
    """One window a row, of so many hits out of as many trials each."""
    value = np.asarray(hits, np.float64) / trials
    n = len(value)
    start, zeros = np.full(n, at_s), np.zeros(n)
    return Block(
        np.arange(n), start, start + span_s, value, np.ones(n), zeros, value, value, np.full(n, trials),
    )


class Bench:
    """A bank of equal rows that is fed with binomial windows, and learns from those without a rise that alarms, as a
    shard does for a profile that monitors rises."""

    def __init__(self, rows: int = 1, every_windows: float = 604_800.0, span_s: float = 1.0, seed: int = 0) -> None:
        self.bank: BinomialCusum = BinomialCusumParams(every_windows=every_windows).build(rows)
        self.rows, self.span_s, self.now_s = rows, span_s, 0.0
        self.rng = np.random.default_rng(seed)

    def add(self, hits: Sequence[float], trials: float, learn: bool = True) -> Scores:
        block = shares(hits, trials, self.now_s, self.span_s)
        self.now_s += self.span_s
        scores = self.bank.score(block)
        self.bank.observe(block)
        if learn:
            self.bank.learn(block.select(~((scores.level >= 1.0) & (scores.direction > 0))))
        return scores

    def run(self, windows: int, share: float, trials: int, learn: bool = True) -> list[Scores]:
        return [
            self.add(self.rng.binomial(trials, share, self.rows).tolist(), float(trials), learn)
            for _ in range(windows)
        ]


def alarms(scores: Sequence[Scores]) -> int:
    return sum(int((score.level >= 1.0).sum()) for score in scores)


def test_two_failures_of_six_against_three_in_a_thousand_are_no_alarm() -> None:
    bench = Bench(20)
    bench.run(1800, 0.003, 4)
    assert (bench.add([2.0] * 20, 6.0).level < 1.0).all()


def test_a_total_outage_alarms_in_its_first_window_and_ends_with_it() -> None:
    bench = Bench(20)
    bench.run(1800, 0.003, 6)
    first = bench.add([5.0] * 20, 6.0)
    assert (first.level >= 1.0).all()
    assert (first.direction == 1).all()
    assert (np.array([score.level for score in bench.run(60, 0.9, 6)]) >= 1.0).mean() > 0.99
    after = bench.run(4, 0.003, 6)
    assert not (after[-1].level >= 1.0).any()


def test_a_few_percent_are_found_where_one_in_a_thousand_is_normal() -> None:
    for share, most_s in ((0.01, 240), (0.02, 90), (0.04, 30)):
        bench = Bench(20, seed=3)
        bench.run(2400, 0.001, 30)
        levels = np.array([score.level for score in bench.run(most_s, share, 30)])
        assert (levels.max(axis=0) >= 1.0).all(), share


def test_a_shift_is_dated_within_its_error() -> None:
    bench = Bench(300, seed=5)
    bench.run(900, 0.003, 30, learn=True)
    truth_s, found = bench.now_s, np.zeros(bench.rows, np.bool_)
    inside, errors = 0, []
    for _ in range(90):
        block = shares(bench.rng.binomial(30, 0.05, bench.rows).tolist(), 30.0, bench.now_s)
        fresh = (bench.bank.score(block).level >= 1.0) & ~found
        onset_s, error_s = bench.bank.onset(block)
        inside += int((np.abs(onset_s - truth_s) <= error_s)[fresh].sum())
        errors += error_s[fresh].tolist()
        found |= fresh
        bench.bank.observe(block)
        bench.now_s += 1.0
    assert found.all()
    assert inside >= 0.85 * bench.rows
    assert np.median(errors) < 10.0


def test_one_failure_after_a_long_time_without_any_is_no_alarm() -> None:
    bench = Bench()
    bench.run(5000, 0.0, 40)
    assert bench.add([1.0], 40.0).level[0] < 1.0
    assert bench.add([1.0], 1.0).level[0] < 1.0


def test_a_burst_within_one_window_alarms_once() -> None:
    bench = Bench()
    bench.run(1800, 0.003, 20)
    assert bench.add([10.0], 20.0).level[0] >= 1.0
    assert bench.add([0.0], 20.0).level[0] < 1.0


def test_a_slow_shift_alarms_on_between_its_failures() -> None:
    bench = Bench(10, seed=2)
    bench.run(1800, 0.001, 6)
    levels = np.array([score.level for score in bench.run(600, 0.03, 6, learn=False)])
    assert (levels[400:] >= 1.0).mean() > 0.8


def test_false_alarms_are_no_more_frequent_than_asked_for() -> None:
    for share, trials in ((0.0, 40), (0.003, 4), (0.02, 40), (0.2, 40)):
        bench = Bench(100, every_windows=2000.0, seed=7)
        bench.run(1000, share, trials)
        levels = np.array([score.level for score in bench.run(1000, share, trials)]) >= 1.0
        begun = levels[1:] & ~levels[:-1]
        assert begun.sum() <= 100 * 1000 / 2000.0, (share, trials)


def test_the_budget_is_one_of_time_and_not_of_windows() -> None:
    scraped, native = Bench(span_s=15.0), Bench()
    for bench in (scraped, native):
        bench.run(400, 0.003, 60)
    hits = [6.0]
    assert scraped.add(hits, 60.0).level[0] > 1.15 * native.add(hits, 60.0).level[0]


def test_what_must_not_be_learned_from_leaves_the_base_rate() -> None:
    bench = Bench()
    bench.run(900, 0.01, 40)
    before = bench.add([0.0], 40.0, learn=False).expected[0]
    bench.run(300, 0.5, 40, learn=False)
    assert bench.add([0.0], 40.0, learn=False).expected[0] == before


def test_hits_that_come_in_bunches_count_as_fewer() -> None:
    bench, single = Bench(50, every_windows=5000.0), Bench(50, every_windows=5000.0)
    bunches = bench.rng.binomial(20, 0.0025, (3000, 50)) * 4.0
    found = np.array([bench.add(np.minimum(hits, 20.0).tolist(), 20.0).level for hits in bunches]) >= 1.0
    single.run(3000, 0.01, 20)
    assert found[1500:].mean() < 0.002
    assert bench.add([8.0] * 50, 20.0).level.mean() < 0.8 * single.add([8.0] * 50, 20.0).level.mean()


def test_a_short_fault_that_comes_again_is_found_again() -> None:
    bench = Bench(10, seed=1)
    bench.run(1800, 0.003, 20)
    for _ in range(4):
        assert (np.array([score.level for score in bench.run(4, 0.6, 20)]).max(axis=0) >= 1.0).all()
        bench.run(600, 0.003, 20)


def test_a_share_that_falls_is_found_too() -> None:
    bench = Bench(10)
    bench.run(900, 0.8, 30)
    scores = bench.run(20, 0.4, 30)[-1]
    assert (scores.level >= 1.0).all()
    assert (scores.direction == -1).all()


def test_a_service_that_failed_while_it_started_is_not_judged_by_that_for_long() -> None:
    bench = Bench()
    bench.run(60, 0.5, 10)
    bench.run(600, 0.002, 10)
    assert bench.add([0.0], 10.0).expected[0] < 0.02


def test_a_window_without_a_number_of_trials_changes_nothing() -> None:
    bench = Bench()
    bench.run(60, 0.1, 20)
    before = bench.bank.snapshot(np.array([0]))
    block = replace(shares([10.0], 20.0, 60.0), trials=np.array([np.nan]))
    bench.bank.observe(block)
    bench.bank.learn(block)
    after = bench.bank.snapshot(np.array([0]))
    assert all(np.array_equal(after[name], before[name], equal_nan=True) for name in before)
