"""Longer requests of a part that is drained are no alarm; those of one that became slow are, a little later."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from classifiers.model import Scope
from detectors.base import Block
from detectors.ensemble.suite_scores import SuiteScores
from streams.presence.draining import LENGTH_BIASED, Draining
from tests.streams.presence.balanced_service import BalancedService, T, block

LATENCY, TTFT = 1, 2
SPAN_S, USUAL = 15.0, 40.0
KEYS = {LATENCY: ("latency_ms", Scope("chat", version="v1")), TTFT: ("ttft_ms", Scope("chat", version="v1"))}


class Bench:
    """Two rows of version v1, whose exporter reports every 15 s and usually 40 requests."""

    def __init__(self, latency_ms: float | None = None) -> None:
        service = BalancedService(aggregated=True, latency_ms=latency_ms)
        service.serve(300.0, SPAN_S, r1=3.0, r2=3.0)
        self.now_s = service.now_s
        self.rows = SimpleNamespace(length_biased=np.array([False, True, False]), service_of=np.zeros(3, np.intp))
        self.traffic = service.traffic
        self.draining = self.new()

    def new(self) -> Draining:
        return Draining(KEYS.__getitem__, self.rows, self.traffic, lambda rows: np.full(len(rows), USUAL))

    def window(self, requests: float, row: int = LATENCY, level: float = 1.5, direction: int = 1) -> bool:
        """Whether the next window is explained."""
        found: Block = block({row: 1.0}, self.now_s, SPAN_S, requests)
        self.now_s += SPAN_S
        (explained,) = self.draining.explains(found, _scores(level, direction), self.now_s).tolist()
        return bool(explained)


def _scores(level: float, direction: int) -> SuiteScores:
    unknown, none = np.array([np.nan]), np.array([-1], np.intp)
    return SuiteScores(
        np.array([level]), none, np.array([direction], np.intp), unknown, unknown[:, None], unknown, unknown, unknown,
        unknown,
    )


def test_an_increase_in_windows_of_few_requests_is_explained() -> None:
    bench = Bench()
    assert [bench.window(requests) for requests in (19.0, 8.0, 1.0)] == [True, True, True]


@pytest.mark.parametrize(("requests", "row", "level", "direction"), [
    (20.0, LATENCY, 1.5, 1), (40.0, LATENCY, 1.5, 1), (5.0, TTFT, 1.5, 1), (5.0, LATENCY, 1.5, -1),
    (5.0, LATENCY, 0.9, 1), (5.0, LATENCY, float("nan"), 1),
])
def test_nothing_else_is(requests: float, row: int, level: float, direction: int) -> None:
    assert not Bench().window(requests, row, level, direction)


def test_what_lasts_longer_than_two_windows_after_the_first_counts() -> None:
    bench = Bench()
    assert [bench.window(5.0) for _ in range(6)] == [True, True, True, False, False, False]


def test_long_requests_are_waited_for() -> None:
    bench = Bench(latency_ms=5000.0)
    found = [bench.window(5.0) for _ in range(8)]
    assert found == [True] * 5 + [False] * 3  # two windows and 8 x 5 s, after the first


def test_when_as_many_finish_as_usual_the_next_drain_is_another_one() -> None:
    bench = Bench()
    assert [bench.window(5.0) for _ in range(4)][-1] is False
    assert not bench.window(40.0)
    assert bench.window(5.0)


def test_after_a_long_time_without_it_begins_anew() -> None:
    bench = Bench()
    assert [bench.window(5.0) for _ in range(4)][-1] is False
    bench.now_s += 700.0
    assert bench.window(5.0)


def test_a_restart_does_not_prolong_it() -> None:
    bench = Bench()
    assert bench.window(5.0)
    dumped = json.loads(json.dumps(bench.draining.dump()))
    bench.draining = bench.new()
    bench.draining.load(dumped)
    assert [bench.window(5.0) for _ in range(3)] == [True, True, False]
    assert bench.now_s > T


def test_quantiles_of_whole_requests_are_metrics_of_whole_requests() -> None:
    assert {"latency_ms", "latency_ms_p95", "completion_tokens"} <= LENGTH_BIASED
    assert LENGTH_BIASED.isdisjoint({"tpot_ms", "ttft_ms", "queue_ms", "error", "prompt_tokens"})
