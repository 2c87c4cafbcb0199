"""Ratios keep their denominators on the way from counters to columns."""

from __future__ import annotations

import numpy as np

from streams.intake.aggregated.aliases import Target
from streams.intake.aggregated.histograms import Observed
from streams.intake.aggregated.instant import Accumulator, InstantAggregate
from streams.intake.aggregated.sample_builder import SampleBuilder
from streams.intake.columns import Labels
from streams.intake.scopes import ScopeTable

R0, R1 = Labels("vllm", "llama", replica="r0"), Labels("vllm", "llama", replica="r1")


def counted(accumulator: Accumulator, failed: float, answered: float) -> None:
    for total, amount in (("failed", failed), ("requests", failed + answered)):
        accumulator.add_count(Target("counter", None, (total,), (), 1.0), amount, 15.0)


def test_the_share_of_failures_has_all_requests_as_its_denominator() -> None:
    accumulator = Accumulator()
    counted(accumulator, 3.0, 147.0)
    values = accumulator.metrics()
    assert (values.metrics["error"], values.trials) == (0.02, {"error": 150.0})


def test_a_mean_of_totals_is_no_share_but_has_a_number() -> None:
    accumulator = Accumulator()
    for total, amount in (("latency_ms", 900.0), ("served", 3.0)):
        accumulator.add_count(Target("counter", None, (total,), (), 1.0), amount, 15.0)
    values = accumulator.metrics()
    assert (values.metrics["latency_ms"], values.trials, values.numbers) == (300.0, {}, {"latency_ms": 3.0})


def test_a_share_that_came_as_a_gauge_has_no_denominator() -> None:
    accumulator = Accumulator()
    accumulator.add_gauge("error", 0.5, 15.0)
    assert accumulator.metrics() == ({"error": 0.5}, {}, {}, {}, {})


def test_counts_of_a_share_precede_its_gauge() -> None:
    accumulator = Accumulator()
    counted(accumulator, 3.0, 147.0)
    accumulator.add_gauge("error", 0.5, 15.0)
    values = accumulator.metrics()
    assert values[:3] == ({"error": 0.02, "requests_per_s": 10.0}, {"error": 150.0}, {})


def test_each_scope_has_its_own_denominator_in_the_columns() -> None:
    instant, builder = InstantAggregate(), SampleBuilder(ScopeTable())
    counted(instant.accumulator(R0), 1.0, 99.0)
    counted(instant.accumulator(R1), 0.0, 50.0)
    for values in instant.values():
        builder.add(values, 1000.0, 0)
    (error,) = [column for column in builder.samples().columns if column.metric == "error"]
    assert error.trials is not None
    assert sorted(zip(error.values.tolist(), error.trials.tolist(), strict=True)) == [
        (0.0, 50.0), (1.0 / 150.0, 150.0), (0.01, 100.0),
    ]


def test_in_a_column_with_and_without_denominators_the_missing_ones_are_unknown() -> None:
    instant, builder = InstantAggregate(), SampleBuilder(ScopeTable())
    instant.accumulator(Labels("other", "llama")).add_gauge("error", 0.5, 15.0)
    counted(instant.accumulator(R0), 1.0, 99.0)
    instant.accumulator(Labels("third", "llama")).add_gauge("error", 0.25, 15.0)
    for values in instant.values():
        builder.add(values, 1000.0, 0)
    (error,) = [column for column in builder.samples().columns if column.metric == "error"]
    assert error.trials is not None
    assert np.array_equal(error.trials, [np.nan, 100.0, np.nan], equal_nan=True)


def observed(bounds: tuple[float, ...], counts: tuple[float, ...]) -> Observed:
    return Observed(sum(counts), sum(counts), [(bounds, counts)])


def test_a_quantile_within_one_bucket_is_known_to_its_width() -> None:
    assert observed((10.0, 25.0, 50.0), (0.0, 900.0, 0.0, 0.0)).quantile_width(0.99) == 15.0


def test_a_quantile_near_the_edge_of_a_bucket_is_known_to_the_width_of_both() -> None:
    assert observed((10.0, 25.0, 50.0), (0.0, 895.0, 10.0, 0.0)).quantile_width(0.99) == 40.0
    assert observed((10.0, 25.0, 50.0), (0.0, 500.0, 500.0, 0.0)).quantile_width(0.99) == 25.0


def test_the_resolution_of_a_quantile_goes_with_it_and_a_mean_has_none() -> None:
    instant, builder = InstantAggregate(), SampleBuilder(ScopeTable())
    target = Target("histogram", "itl_ms", (), (), 1.0)
    instant.accumulator(R0).add_observations(target, observed((10.0, 25.0), (0.0, 900.0, 0.0)), 15.0)
    for values in instant.values():
        builder.add(values, 1000.0, 0)
    columns = {column.metric: column.resolution for column in builder.samples().columns}
    assert columns["itl_ms"] is None
    assert columns["itl_ms_p99"] is not None
    assert columns["itl_ms_p99"].tolist() == [15.0]


def test_a_mean_of_a_histogram_has_its_observations_in_the_columns() -> None:
    instant, builder = InstantAggregate(), SampleBuilder(ScopeTable())
    target = Target("histogram", "latency_ms", (), (), 1.0)
    observed = Observed(3.0, 60.0, [((10.0, 40.0), (1.0, 2.0, 0.0))])
    instant.accumulator(R0).add_observations(target, observed, 15.0)
    counted(instant.accumulator(R1), 0.0, 50.0)
    for values in instant.values():
        builder.add(values, 1000.0, 0)
    columns = {column.metric: column for column in builder.samples().columns}
    mean, failed = columns["latency_ms"], columns["error"]
    assert mean.number is not None
    assert mean.variance is not None
    assert set(mean.number.tolist()) == {3.0}
    assert set(mean.variance.tolist()) == {observed.variance}
    assert (failed.number, failed.variance) == (None, None)
