"""Values that arrive aggregated are windows of their own: at once, as long as they reach back, late within reason."""

from __future__ import annotations

from math import inf, nan

import numpy as np
import pytest

from detectors.base import Block
from streams.intake.columns import Column, Labels, Samples
from streams.intake.scopes import ScopeTable
from streams.windows.series import SeriesTable
from streams.windows.windower import ALLOWED_LATENESS_S, AddResult, Watermark, Windower, WindowParams

T = 1_795_420_000.0


class Bench:
    """A windower of one scope, fed with (time, value) of a metric that reaches back 15 s."""

    def __init__(self) -> None:
        self.scopes = ScopeTable()
        self.series = SeriesTable(100, self.scopes)
        self.windows = Windower(WindowParams(min_count=5, max_wait_s=5.0), self.series, lambda _: "mean")
        self.highest_s = -inf

    def add(
        self, *points: tuple[float, float], metric: str = "ttft_ms", span_s: float = 15.0,
        number: list[float] | None = None, variance: list[float] | None = None,
    ) -> AddResult:
        base, *_ = self.scopes.intern(_labels())
        ts_s, values = (np.array(column) for column in zip(*points, strict=True))
        scope = np.full((4, len(points)), -1, np.intp)
        scope[0] = base
        known = (None if each is None else np.array(each) for each in (number, variance))
        column = Column(metric, None, values, None, None, *known)
        samples = Samples(T + ts_s, scope, np.arange(len(points)), (column,), np.full(len(points), span_s))
        result = self.windows.add("otlp", samples, False, Watermark(self.highest_s, 0.5))
        self.highest_s = max(self.highest_s, *samples.ts_s)
        return result

    def close(self, clock_s: float = inf) -> list[Block]:
        blocks = [closed.block for closed in self.windows.close(T + clock_s)]
        return [block for block in blocks if len(block)]


def _labels() -> Labels:
    return Labels("vllm", "llama")


def test_one_value_closes_with_its_base_window_and_reaches_back() -> None:
    bench = Bench()
    bench.add((30.2, 7.0))
    (block,) = bench.close(31.0)
    assert (block.value.tolist(), block.count.tolist(), block.std.tolist()) == ([7.0], [1.0], [0.0])
    assert (block.start_s.tolist(), block.end_s.tolist()) == ([T + 15.0], [T + 31.0])
    assert bench.series.aggregated[bench.series.active()].all()


def test_values_of_one_base_window_are_averaged() -> None:
    bench = Bench()
    bench.add((30.2, 7.0), (30.9, 9.0))
    (block,) = bench.close(31.0)
    assert (block.value.tolist(), block.count.tolist()) == ([8.0], [2.0])


def test_a_mean_counts_as_the_observations_behind_it() -> None:
    bench = Bench()
    bench.add((30.2, 10.0), (30.9, 40.0), number=[2.0, 1.0], variance=[50.0, nan])
    (block,) = bench.close(31.0)
    # Of 5, 15 and 40: their mean, and their own spread.
    assert (block.value.tolist(), block.count.tolist()) == ([20.0], [3.0])
    assert block.std.tolist() == pytest.approx([np.std([5.0, 15.0, 40.0], ddof=1)])


def test_a_mean_of_unknown_observations_counts_as_one() -> None:
    bench = Bench()
    bench.add((30.2, 7.0), number=[nan], variance=[nan])
    (block,) = bench.close(31.0)
    assert (block.value.tolist(), block.count.tolist(), block.std.tolist()) == ([7.0], [1.0], [0.0])


def test_a_rate_that_arrives_is_taken_as_it_is() -> None:
    bench = Bench()
    assert bench.add((30.2, 8.5), metric="requests_per_s").dropped_values == 0
    (block,) = bench.close(31.0)
    assert block.value.tolist() == [8.5]


@pytest.mark.parametrize("late_s", [2.0, ALLOWED_LATENESS_S - 1.0])
def test_a_value_that_is_a_little_late_goes_to_the_first_open_window(late_s: float) -> None:
    bench = Bench()
    bench.add((100.0, 1.0))
    result = bench.add((99.5 - late_s, 5.0))
    assert (result.accepted, result.late) == (1, 0)
    first, second = bench.close()
    assert (first.value.tolist(), second.value.tolist()) == ([5.0], [1.0])
    assert (first.end_s.tolist(), first.start_s.tolist()) == ([T + 100.0], [T + np.floor(84.5 - late_s)])


def test_a_value_for_a_window_that_silence_closed_is_not_lost() -> None:
    bench = Bench()
    bench.add((100.0, 1.0))
    assert len(bench.close(117.0)) == 1
    bench.add((115.0, 5.0))
    (block,) = bench.close()
    assert (block.value.tolist(), block.end_s.tolist()) == ([5.0], [T + 118.0])


def test_a_value_that_is_very_late_is_late() -> None:
    bench = Bench()
    bench.add((1000.0, 1.0))
    result = bench.add((900.0, 5.0))
    assert (result.accepted, result.late) == (0, 1)


def test_open_windows_of_one_go_on_from_a_snapshot() -> None:
    bench, other = Bench(), Bench()
    bench.add((30.2, 7.0))
    other.scopes.restore(bench.scopes.snapshot())
    arrays, meta = bench.series.snapshot()
    other.series.restore(arrays, meta)
    other.windows.restore(*bench.windows.snapshot())
    (block,) = other.close(31.0)
    assert (block.start_s.tolist(), block.value.tolist()) == ([T + 15.0], [7.0])
