"""Samples of prometheus-kafka-adapter become scrapes again, and histograms whole, however late a part comes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from streams.intake.formats import InputOptions, InputPlan, build_codec
from streams.intake.scopes import ScopeTable
from streams.intake.validation import ValidationLimits
from tests.streams.intake.prometheus_samples import codec, sample, scrape, values, values_of
from tests.streams.records import NOW_S, records


def test_the_parts_of_a_histogram_are_put_together_over_records_and_batches() -> None:
    first, second = scrape(0, [0, 0, 0], 0.0), scrape(15, [10, 90, 0], 15.0)
    found = values(codec(), first[:2], first[2:] + second[:1], second[1:])
    assert found == {
        "ttft_ms": [150.0], "ttft_ms_p50": [pytest.approx(144.4, abs=0.1)],
        "ttft_ms_p95": [pytest.approx(194.4, abs=0.1)],
    }


@pytest.mark.parametrize("seed", range(5))
def test_the_order_within_a_scrape_says_nothing(seed: int) -> None:
    mixed = np.random.default_rng(seed).permutation(np.array(scrape(15, [10, 90, 0], 15.0), dtype=object)).tolist()
    assert values(codec(), scrape(0, [0, 0, 0], 0.0), mixed)["ttft_ms"] == [150.0]


def test_a_scrape_is_held_back_until_parts_can_be_late_no_more() -> None:
    reader = codec()
    gauge = "vllm:num_requests_waiting"
    assert len(reader.decode(records([sample(gauge, 3)]), NOW_S).samples) == 0
    assert len(reader.decode(records([sample(gauge, 5, 4, "b:8000")]), NOW_S).samples) == 0
    found = reader.decode(records([sample(gauge, 7, 5, "c:8000")]), NOW_S).samples
    assert values_of(found) == {"queue_depth": [3.0]}


def test_a_part_that_is_missing_is_made_up_for_by_the_next_scrape() -> None:
    partial = [one for one in scrape(15, [10, 0, 0], 1.0) if '"+Inf"' not in json.dumps(one)][:2]
    reader = codec()
    found = values(reader, scrape(0, [0, 0, 0], 0.0), partial, scrape(30, [20, 0, 0], 3.0))
    assert found["ttft_ms"] == [150.0]
    assert reader.skipped["incomplete"] == 1


def test_counters_become_rates_and_shares_and_a_fall_is_a_restart() -> None:
    def finished(second: int, stop: int, error: int) -> list[dict[str, object]]:
        name = "vllm:request_success_total"
        return [
            sample(name, stop, second, finished_reason="stop"), sample(name, error, second, finished_reason="error"),
        ]

    found = values(codec(), finished(0, 100, 5), finished(10, 160, 25), finished(20, 30, 10))
    assert found["requests_per_s"] == [8.0, 4.0]
    assert found["error"] == [0.25, 0.25]


def test_a_gauge_in_seconds_or_a_share_keeps_its_unit() -> None:
    found = values(codec(), [sample("vllm:kv_cache_usage_perc", 0.5), sample("nv_gpu_utilization", 0.25)])
    assert found == {"kv_cache_usage": [0.5], "gpu_utilization": [0.25]}


def test_the_latency_of_triton_comes_from_two_counters() -> None:
    def triton(second: int, micros: int, count: int) -> list[dict[str, object]]:
        return [
            sample("nv_inference_request_duration_us", micros, second),
            sample("nv_inference_request_success", count, second),
        ]

    assert values(codec(), triton(0, 10**9, 50), triton(10, 10**9 + 4_000_000, 70))["latency_ms"] == [200.0]


def test_a_summary_is_read_by_its_quantile_labels() -> None:
    name = "nv_inference_request_summary_us"
    found = values(codec(), [sample(name, 2500.0, quantile="0.95"), sample(name, "NaN", quantile="0.99")])
    assert found == {"latency_ms_p95": [2.5]}


@pytest.mark.parametrize(("spoil", "reason", "detail"), [
    ({"value": "many"}, "metric_type", "value: 'many', expected a number"),
    ({"timestamp": "yesterday"}, "ts_type", "expected a time as in RFC 3339"),
    ({"timestamp": "2026-11-23T08:00:00"}, "ts_type", "expected one with its time zone"),
    ({"timestamp": "2030-01-01T00:00:00Z"}, "ts_far_future", "expected at most 300 s ahead"),
    ({"labels": {"model_name": "llama"}}, "missing_service", "such as service.name or job"),
    ({"labels": {"job": 3}}, "label_type", "expected names and texts"),
    ({"labels": [1]}, "label_type", "expected names and texts"),
    ({"name": 4}, "invalid", "$.name"),
    ({"value": None}, "invalid", "$.value"),
])
def test_a_malformed_sample_is_a_dead_letter_with_reason(spoil: dict[str, object], reason: str, detail: str) -> None:
    good = sample("vllm:num_requests_waiting", 3)
    reader = codec()
    found = reader.decode(records([{**good, **spoil}, good]), NOW_S)
    (dead,) = found.dead
    assert (dead.reason, dead.record.offset) == (reason, 0)
    assert detail in dead.detail
    held = reader.flush()
    assert held is not None
    assert values_of(held) == {"queue_depth": [3.0]}


@pytest.mark.parametrize(("name", "why"), [
    ("up", "unknown"), ("vllm:request_success_created", "not_watched"),
    ("vllm:iteration_tokens_total_bucket", "not_watched"),
])
def test_what_is_no_watched_metric_is_counted_and_left_out(name: str, why: str) -> None:
    reader = codec()
    assert values(reader, [sample(name, 1, le="1")]) == {}
    assert reader.skipped == {why: 1}


def test_points_are_counted_by_whether_their_name_is_watched_and_by_the_name_of_their_metric() -> None:
    reader = codec()
    values(reader, [
        sample("vllm:num_requests_waiting", 1), sample("vllm:iteration_tokens_total_bucket", 1, le="1"),
        *scrape(0, [1, 2], 1.0, "acme_wait_seconds"), sample("acme_load", 1),
    ])
    names = reader.names
    assert (names.watched, names.left_out, names.unknown) == (1, 1, 5)
    assert names.names == {"acme_wait_seconds": 4, "acme_load": 1}


def test_what_is_counted_by_name_says_nothing_of_how_records_were_cut_into_batches() -> None:
    points = [sample(name, 1, second) for second in range(3) for name in ("acme_load", "vllm:num_requests_waiting")]
    whole, cut = codec(), codec()
    values(whole, points)
    values(cut, *([point] for point in points))
    assert whole.names == cut.names
    assert whole.names.total == 6


def test_unknown_metrics_pass_where_asked_but_for_what_prometheus_adds() -> None:
    passing = InputOptions(unknown="pass")
    first = [sample("app_jobs_total", 10), sample("app_heat", 7), *scrape(0, [0, 0], 0.0, "app_wait_seconds")]
    second = [
        sample("app_jobs_total", 30, 10), *scrape(10, [5, 0], 1.0, "app_wait_seconds"),
        sample("app_jobs_created", 1, 10),
    ]
    found = values(codec(passing), first, second)
    assert found == {"app_heat": [7.0], "app_jobs_per_s": [2.0], "app_wait_ms": [200.0], "app_wait_ms_p50": [50.0]}


def test_engines_of_an_instance_are_replicas_and_are_added_up() -> None:
    scopes = ScopeTable()
    reader = build_codec(InputPlan("prometheus_json"), scopes, ValidationLimits())
    name = "vllm:generation_tokens_total"
    both = [sample(name, total, second, engine=engine) for second, engine, total in
            [(0, "0", 0), (0, "1", 0), (10, "0", 100), (10, "1", 300)]]
    reader.decode(records(both), NOW_S)
    held = reader.flush()
    assert held is not None
    by_scope = {scopes.names[max(scope)]: value for scope, value in
                zip(held.scope.T.tolist(), held.columns[0].values.tolist(), strict=True)}
    assert {scope.replica: value for scope, value in by_scope.items() if scope is not None} == {
        None: 40.0, "a:8000": 10.0, "a:8000/1": 30.0,
    }
