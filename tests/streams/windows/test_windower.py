"""Windows close in event time, whatever the batches; sparse series wait; late records are counted."""

from __future__ import annotations

import json
from collections.abc import Iterable
from math import inf

import numpy as np
import pytest

from detectors.base import Statistic
from streams.intake.columns import Column, Samples
from streams.intake.scopes import ScopeTable
from streams.windows.series import SeriesTable
from streams.windows.windower import AddResult, Closed, Origin, TimeRange, Watermark, Windower, WindowParams
from tests.streams.records import sample, samples_of, told

T = 1_795_420_000.0
ONE = WindowParams(min_count=1)


class Bench:
    """A windower with its tables, fed with native samples."""

    def __init__(self, params: WindowParams = ONE, statistic: Statistic = "mean", capacity: int = 1000) -> None:
        self.scopes = ScopeTable()
        self.series = SeriesTable(capacity, self.scopes, min_idle_s=100.0)
        self.windows = Windower(params, self.series, lambda _: statistic)

    def add(
        self, *values: object, source: str = "latency", count_requests: bool = False,
        watermark: Watermark | None = None,
    ) -> AddResult:
        return self.windows.add(source, samples_of(values, self.scopes), count_requests, watermark)

    def close(self, clock_s: float = inf) -> list[dict[tuple[str, str], tuple[object, ...]]]:
        return [dict(told(closed, self.series)) for closed in self.windows.close(clock_s)]


def at(seconds: float, value: float = 1.0, **labels: str) -> dict[str, object]:
    return sample(T + seconds, metrics={"a": value}, model="m", **labels)


CHAT = ("a", "chat/m/-/-/-")


def test_a_window_holds_the_statistics_of_its_samples() -> None:
    bench = Bench()
    bench.add(at(0.0, 1.0), at(0.5, 2.0), at(0.99, 6.0), at(1.0, 100.0))

    first, second = bench.close()
    assert first == {CHAT: (T, T + 1.0, 3.0, 3.0, pytest.approx(np.std([1, 2, 6], ddof=1)), 1.0, 6.0)}
    assert second == {CHAT: (T + 1.0, T + 2.0, 100.0, 1.0, 0.0, 100.0, 100.0)}


def test_each_sample_counts_in_each_of_its_marginal_scopes() -> None:
    bench = Bench()
    bench.add(at(0.0, 1.0, version="v1", replica="r0"), at(0.1, 3.0, version="v1", replica="r1"), at(0.2, 5.0))

    (window,) = bench.close()
    assert {scope: (line[2], line[3]) for (_, scope), line in window.items()} == {
        "chat/m/-/-/-": (3.0, 3.0), "chat/m/v1/-/-": (2.0, 2.0),
        "chat/m/-/r0/-": (1.0, 1.0), "chat/m/-/r1/-": (3.0, 1.0),
    }


def test_only_windows_that_end_at_the_clock_or_before_close() -> None:
    bench = Bench()
    bench.add(at(0.5), at(1.5), at(2.5))

    assert bench.close(T + 0.999) == []
    assert [line[CHAT][1] for line in bench.close(T + 2.0)] == [T + 1.0, T + 2.0]
    assert bench.close(T + 2.0) == []
    assert [line[CHAT][1] for line in bench.close(T + 3.0)] == [T + 3.0]


def test_closing_can_be_limited_to_so_many_windows_with_records() -> None:
    bench = Bench()
    bench.add(at(0.0), at(1.0), at(5.0), at(6.0))
    assert [bench.windows.limit_s(T + until_s, 2) for until_s in (1.0, 5.0, 6.0, 7.0)] == [T + 1, T + 5, T + 2, T + 2]
    assert len(bench.close(bench.windows.limit_s(inf, 3))) == 3
    assert bench.windows.limit_s(inf, 1) == inf


def test_without_a_watermark_only_closed_windows_make_a_record_late() -> None:
    bench = Bench()
    assert bench.add(at(9.0), at(0.5)) == AddResult(2, 0, 0, TimeRange(T + 0.5, T + 9.0, 8.5))
    bench.close(T + 1.0)
    assert bench.add(at(0.5), at(1.5)) == AddResult(1, 1, 0, TimeRange(T + 0.5, T + 1.5, 0.0))


def test_the_times_of_a_batch_are_its_oldest_its_newest_and_the_farthest_step_back() -> None:
    bench = Bench()
    assert bench.add(at(3.0), at(2.0), at(5.0), at(2.5), at(4.0)).times == TimeRange(T + 2.0, T + 5.0, 2.5)
    assert bench.add().times is None


def test_the_watermark_of_a_batch_goes_on_from_the_highest_timestamp_before_it() -> None:
    bench = Bench()
    result = bench.add(at(0.5), at(1.5), watermark=Watermark(T + 1.6, 0.5))
    assert (result.accepted, result.late) == (1, 1)


def test_a_record_is_late_by_the_watermark_before_it() -> None:
    bench = Bench()

    result = bench.add(at(0.0), at(1.4), at(0.9), at(1.5), at(0.9), at(1.0), watermark=Watermark(-inf, 0.5))
    assert (result.accepted, result.late) == (5, 1)
    assert bench.close()[0][CHAT][3] == 2.0


def test_a_record_is_late_for_a_window_that_was_closed_without_its_source() -> None:
    bench = Bench()
    bench.add(at(5.0), source="fast")
    bench.close(T + 4.0)

    assert bench.add(at(3.9), at(4.0), source="slow") == AddResult(1, 1, 0, TimeRange(T + 3.9, T + 4.0, 0.0))


def test_sources_share_series_and_merge() -> None:
    bench = Bench()
    bench.add(at(0.1, 10.0), source="b")
    bench.add(at(0.2, 30.0), at(0.3, 50.0), source="a")

    ((start, end, value, count, std, low, high),) = bench.close()[0].values()
    assert (start, end, value, count, low, high) == (T, T + 1.0, 30.0, 3.0, 10.0, 50.0)
    assert std == pytest.approx(20.0)


def test_a_sparse_series_is_carried_on_until_it_has_enough() -> None:
    bench = Bench(WindowParams(min_count=3, max_wait_s=10.0))
    bench.add(at(0.5, 1.0), at(2.5, 2.0), at(3.5, 3.0), at(3.6, 6.0), at(4.0, 9.0))

    windows = [window for window in bench.close(T + 9.0) if window]
    assert windows == [{CHAT: (T, T + 4.0, 3.0, 4.0, pytest.approx(np.std([1, 2, 3, 6], ddof=1)), 1.0, 6.0)}]


def test_a_sparse_series_closes_as_it_is_after_the_longest_wait() -> None:
    bench = Bench(WindowParams(min_count=3, max_wait_s=2.5))
    bench.add(at(0.5, 1.0), at(7.0, 2.0))

    assert bench.close(T + 2.9) == [{}]
    assert bench.close(T + 3.0) == [{CHAT: (T, T + 3.0, 1.0, 1.0, 0.0, 1.0, 1.0)}]
    assert [window[CHAT][:2] for window in bench.close() if window] == [(T + 7.0, T + 10.0)]


def test_the_request_rate_is_a_series_of_its_own() -> None:
    bench = Bench(WindowParams(size_s=2.0, min_count=2, max_wait_s=4.0))
    bench.add(*(at(0.1 * step) for step in range(10)), at(6.0), count_requests=True)

    rate = ("requests_per_s", "chat/m/-/-/-")
    windows = bench.close()
    assert windows[0][rate] == (T, T + 2.0, 5.0, 10.0, 0.0, 5.0, 5.0)
    assert windows[-1][rate] == (T + 6.0, T + 10.0, 0.25, 1.0, 0.0, 0.25, 0.25)


def test_a_metric_that_takes_the_name_of_the_rate_is_dropped_and_counted() -> None:
    bench = Bench()
    result = bench.add(sample(T, metrics={"requests_per_s": 9.0, "a": 1.0}))

    assert result == AddResult(1, 0, 1, TimeRange(T, T, 0.0))
    assert [metric for metric, _ in bench.close()[0]] == ["a"]


STATISTICS: list[tuple[Statistic, float]] = [
    ("mean", 22.0), ("max", 100.0), ("min", 1.0), ("sum", 110.0), ("count", 5.0), ("p50", 3.0), ("p95", 80.8),
    ("p99", 96.16),
]


@pytest.mark.parametrize(("statistic", "value"), STATISTICS)
def test_the_value_under_watch_is_the_chosen_statistic(statistic: Statistic, value: float) -> None:
    bench = Bench(WindowParams(min_count=5, max_wait_s=10.0), statistic)
    bench.add(at(0.1, 4.0), at(0.2, 100.0), at(0.3, 2.0), at(1.0, 1.0), at(1.1, 3.0))

    (window,) = [window for window in bench.close(T + 4.0) if window]
    assert window[CHAT][2] == pytest.approx(value)
    assert window[CHAT][3] == 5.0


def test_a_small_spread_survives_a_large_offset() -> None:
    rng = np.random.default_rng(1)
    values = 1e9 + rng.normal(0.0, 1e-3, 20_000)
    bench = Bench()
    feed(bench, values[:7000], T)
    feed(bench, values[7000:], T)
    bench.add(at(0.5, float(values[0])), source="other")

    ((_, _, value, count, std, _, _),) = bench.close()[0].values()
    assert count == 20_001.0
    assert value == pytest.approx(1e9 + float((values - 1e9).mean()), abs=1e-6)
    assert std == pytest.approx(float((values - 1e9).std(ddof=1)), rel=1e-3)


def test_a_constant_has_no_spread_at_all() -> None:
    bench = Bench()
    feed(bench, np.full(1000, 0.1), T)
    bench.add(at(0.5, 0.1, replica="r1"), source="other")

    assert {line[4] for line in bench.close()[0].values()} == {0.0}


def feed(bench: Bench, values: np.ndarray[tuple[int], np.dtype[np.float64]], ts: float) -> None:
    number = bench.scopes.find([("chat", "m", None, None, None)])
    if number[0, 0] < 0:
        bench.add(at(0.0, float(values[0])))
        number, values = bench.scopes.find([("chat", "m", None, None, None)]), values[1:]
    n = len(values)
    bench.windows.add("latency", Samples(
        np.full(n, ts), np.repeat(number, n, axis=1), np.arange(n), (Column("a", None, values),),
    ), False)


def test_each_closed_window_names_the_records_behind_it_and_their_metrics() -> None:
    bench = Bench()
    bench.add(at(0.0), at(0.1), at(1.0), at(0.2))
    bench.add(at(1.5), source="other")
    a = frozenset({"a"})

    assert [closed.origins for closed in bench.windows.close(inf)] == [
        (Origin("latency", 0, 3, a),), (Origin("latency", 2, 2, a), Origin("other", 0, 0, a)),
    ]


def test_last_seen_is_the_last_record_of_the_scope_in_a_closed_window() -> None:
    bench = Bench()
    bench.add(at(0.25, replica="r0"), at(0.75, replica="r1"), at(1.5, replica="r1"))
    list(bench.windows.close(T + 1.0))

    seen = {bench.series.key(int(row))[1].replica: bench.series.last_seen_s[row] - T for row in bench.series.active()}
    assert seen == {None: 0.75, "r0": 0.25, "r1": 0.75}


def test_an_evicted_row_is_named_before_the_block_that_reuses_it() -> None:
    bench = Bench(capacity=1)
    bench.add(sample(T, "old"), sample(T + 500.0, "new"))

    seen: list[tuple[list[int], list[tuple[str, str]]]] = [
        (closed.evicted.tolist(), list(told(closed, bench.series))) for closed in bench.windows.close(inf)
    ]
    assert seen == [([], [("latency_ms", "old/-/-/-/-")]), ([0], [("latency_ms", "new/-/-/-/-")])]


def test_idle_values_of_a_noisy_label_make_room_for_new_ones() -> None:
    bench = Bench()
    bench.scopes.max_values_per_label = 1
    bench.add(at(0.0, tenant="t0"), at(1.0, tenant="t1"))
    list(bench.windows.close(T + 2.0))
    bench.add(at(300.0, tenant="t1"))
    list(bench.windows.close(T + 301.0))
    bench.add(at(400.0, tenant="t2"))

    assert ("a", "chat/m/-/-/t2") in bench.close()[-1]


def closed_lines(closings: Iterable[Closed], series: SeriesTable) -> list[object]:
    return [(closed.end_s, told(closed, series), closed.origins) for closed in closings]


@pytest.mark.parametrize("statistic", ["mean", "p95"])
def test_restored_windows_close_like_uninterrupted_ones(statistic: Statistic) -> None:
    params = WindowParams(min_count=3, max_wait_s=4.0)
    one = Bench(params, statistic)
    one.add(*(at(0.1 * step, step * 0.1, replica=f"r{step % 3}") for step in range(15)), count_requests=True)
    list(one.windows.close(T + 1.0))
    other = Bench(params, statistic)
    other.scopes.restore(json.loads(json.dumps(one.scopes.snapshot())))
    arrays, meta = one.series.snapshot()
    other.series.restore(arrays, meta)
    state, told_meta = one.windows.snapshot()
    one.add(at(1.6, 0.3, replica="r0"))
    other.windows.restore(state, json.loads(json.dumps(told_meta)))
    other.add(at(1.6, 0.3, replica="r0"))

    late = [bench.add(at(0.5), at(1.45, 7.0), at(9.0), count_requests=True) for bench in (one, other)]
    assert late[0] == late[1] == AddResult(2, 1, 0, TimeRange(T + 0.5, T + 9.0, 0.0))
    assert closed_lines(one.windows.close(inf), one.series) == closed_lines(other.windows.close(inf), other.series)


def test_a_series_that_is_only_carried_survives_a_restore() -> None:
    params = WindowParams(min_count=3, max_wait_s=4.0)
    one, other = Bench(params), Bench(params)
    one.add(at(0.0, 7.0))
    assert one.close(T + 1.0) == [{}]
    other.scopes.restore(one.scopes.snapshot())
    arrays, meta = one.series.snapshot()
    other.series.restore(arrays, meta)
    other.windows.restore(*one.windows.snapshot())

    assert other.close() == one.close() == [{CHAT: (T, T + 4.0, 7.0, 1.0, 0.0, 7.0, 7.0)}]


def test_a_snapshot_of_another_window_size_is_refused() -> None:
    bench = Bench()
    bench.add(at(0.0))
    state, meta = bench.windows.snapshot()

    with pytest.raises(ValueError, match=r"snapshot of size_s 1.0, expected 2.0"):
        Bench(WindowParams(size_s=2.0)).windows.restore(state, meta)
    with pytest.raises(ValueError, match="snapshot array cell_scope ends before 1"):
        Bench().windows.restore(state | {"cell_scope": np.empty(0, np.intp)}, meta)


@pytest.mark.parametrize("wrong", [{"size_s": 0.1}, {"size_s": 61.0}, {"max_wait_s": -1.0}, {"min_count": 0}])
def test_window_params_outside_their_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        WindowParams(**wrong)  # type: ignore[arg-type]


def test_series_that_could_be_evicted_while_carried_are_refused() -> None:
    with pytest.raises(ValueError, match="expected more than max_wait_s"):
        Windower(WindowParams(), SeriesTable(10, ScopeTable(), min_idle_s=5.0), lambda _: "mean")
