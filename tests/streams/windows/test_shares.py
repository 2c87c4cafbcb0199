"""Shares keep their number of trials: of requests, and of ratios whose numerator and denominator arrive aggregated."""

from __future__ import annotations

import json
from math import inf

import numpy as np

from detectors.base import Block, Statistic
from streams.intake.columns import Column, Labels, Samples
from streams.intake.scopes import ScopeTable
from streams.windows.series import SeriesTable
from streams.windows.windower import Windower, WindowParams

T = 1_795_420_000.0


class Bench:
    """A windower of one scope, fed with (time, value, trials) of one metric."""

    def __init__(self, scraped: bool = True, statistic: Statistic = "mean", min_count: int = 1) -> None:
        self.scopes, self.scraped = ScopeTable(), scraped
        self.series = SeriesTable(100, self.scopes)
        params = WindowParams(min_count=min_count, max_wait_s=5.0)
        self.windows = Windower(params, self.series, lambda _: statistic)

    def add(self, *points: tuple[float, float, float], source: str = "otlp", counted: bool = True) -> None:
        base, *_ = self.scopes.intern(Labels("vllm", "llama"))
        ts_s, values, trials = (np.array(column) for column in zip(*points, strict=True))
        scope = np.full((4, len(points)), -1, np.intp)
        scope[0] = base
        column = Column("error", None, values, trials if counted else None)
        span_s = np.full(len(points), 15.0) if self.scraped else None
        self.windows.add(source, Samples(T + ts_s, scope, np.arange(len(points)), (column,), span_s), False)

    def close(self, clock_s: float = inf) -> Block:
        (block,) = [closed.block for closed in self.windows.close(T + clock_s) if len(closed.block)]
        return block


def trials_of(block: Block) -> list[float]:
    assert block.trials is not None
    trials: list[float] = block.trials.tolist()
    return trials


def test_each_request_is_a_trial() -> None:
    bench = Bench(scraped=False)
    bench.add((0.1, 0.0, 0.0), (0.2, 1.0, 0.0), (0.3, 0.0, 0.0), (0.4, 0.0, 0.0), counted=False)
    block = bench.close()
    assert (block.value.tolist(), trials_of(block)) == ([0.25], [4.0])


def test_requests_with_a_value_between_0_and_1_are_no_trials_from_then_on() -> None:
    bench = Bench(scraped=False)
    bench.add((0.1, 0.0, 0.0), (0.2, 1.0, 0.0), counted=False)
    assert trials_of(bench.close(1.0)) == [2.0]
    bench.add((1.1, 0.0, 0.0), (1.2, 0.7, 0.0), (1.3, 1.0, 0.0), counted=False)
    assert np.isnan(trials_of(bench.close(2.0))).all()
    bench.add((2.1, 0.0, 0.0), (2.2, 1.0, 0.0), counted=False)
    assert np.isnan(trials_of(bench.close(3.0))).all()


def test_values_above_one_are_no_share() -> None:
    bench = Bench(scraped=False)
    bench.add((0.1, 0.0, 0.0), (0.2, 1.5, 0.0), counted=False)
    assert np.isnan(trials_of(bench.close())).all()


def test_another_statistic_than_the_mean_is_no_share() -> None:
    bench = Bench(scraped=False, statistic="max")
    bench.add((0.1, 0.0, 0.0), (0.2, 1.0, 0.0), counted=False)
    assert np.isnan(trials_of(bench.close())).all()


def test_a_ratio_that_arrives_has_the_trials_of_its_denominator() -> None:
    bench = Bench()
    bench.add((0.1, 0.02, 150.0))
    block = bench.close()
    assert (block.value.tolist(), block.count.tolist(), trials_of(block)) == ([0.02], [1.0], [150.0])


def test_ratios_of_one_window_are_averaged_by_their_trials() -> None:
    bench = Bench()
    bench.add((0.1, 0.0, 300.0), source="a")
    bench.add((0.2, 0.4, 100.0), source="b")
    block = bench.close()
    assert (block.value.tolist(), trials_of(block)) == ([0.1], [400.0])


def test_a_ratio_without_a_denominator_is_no_share() -> None:
    bench = Bench()
    bench.add((0.1, 0.5, np.nan))
    assert np.isnan(trials_of(bench.close())).all()
    bench = Bench()
    bench.add((0.1, 0.5, 0.0), counted=False)
    assert np.isnan(trials_of(bench.close())).all()


def test_trials_survive_a_snapshot_of_an_open_window() -> None:
    bench, other = Bench(), Bench()
    bench.add((0.1, 0.0, 300.0))
    other.scopes.restore(bench.scopes.snapshot())
    arrays, meta = bench.series.snapshot()
    other.series.restore(arrays, meta)
    state, window_meta = bench.windows.snapshot()
    other.windows.restore(state, json.loads(json.dumps(window_meta)))
    for one in (bench, other):
        one.add((0.2, 0.4, 100.0))
    blocks = bench.close(), other.close()
    assert trials_of(blocks[0]) == trials_of(blocks[1]) == [400.0]
    assert blocks[0].value.tolist() == blocks[1].value.tolist() == [0.1]


def test_a_sparse_series_carries_its_trials_on() -> None:
    bench = Bench(scraped=False, min_count=5)
    bench.add((0.1, 1.0, 0.0), (0.2, 0.0, 0.0), counted=False)
    assert not [closed for closed in bench.windows.close(T + 1.0) if len(closed.block)]
    bench.add((1.1, 0.0, 0.0), (1.2, 0.0, 0.0), (1.3, 1.0, 0.0), counted=False)
    block = bench.close()
    assert (block.value.tolist(), trials_of(block)) == ([0.4], [5.0])


def test_a_window_has_the_widest_resolution_of_its_values() -> None:
    bench = Bench()
    base, *_ = bench.scopes.intern(Labels("vllm", "llama"))
    scope = np.full((4, 3), -1, np.intp)
    scope[0] = base
    column = Column("itl_ms_p99", None, np.array([20.0, 30.0, 40.0]), None, np.array([15.0, 25.0, np.nan]))
    times_s = np.array([T + 0.1, T + 0.2, T + 0.3])
    bench.windows.add("otlp", Samples(times_s, scope, np.arange(3), (column,), np.full(3, 15.0)), False)
    block = bench.close()
    assert block.resolution is not None
    assert block.resolution.tolist() == [25.0]
