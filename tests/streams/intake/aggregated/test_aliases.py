"""Names, labels and units of all stacks become ours; see `test_published.py` for the names that each one has."""

from __future__ import annotations

import pytest

from classifiers.evidence.families import family_of
from detectors.ensemble.profiles import DEFAULT_PROFILES
from streams.intake.aggregated.alias_table import METRICS, NOT_WATCHED, TABLE
from streams.intake.aggregated.aliases import Alias, Aliases, Kind, LabelSwitch, factor, target_of
from streams.intake.aggregated.instant import RATES, RATIOS, REPORTED_WITHOUT_TRAFFIC

ALIASES = Aliases(TABLE, "drop", NOT_WATCHED)
WITHOUT_FAMILY = {
    "corrupted_share": "its profile names it; no cause or effect of it is known",
    "repetition_share": "its profile names it; no cause or effect of it is known",
    "draft_acceptance": "it makes tokens slower, which is a symptom of its own",
    "preemptions_per_s": "the KV pool and the queue, which it follows, are symptoms of their own",
    "spend_usd_per_s": "it follows requests and tokens per request, which have families",
}


def profile_of(metric: str) -> str:
    """The name of the shipped profile that judges a metric."""
    return next(profile.name for profile in DEFAULT_PROFILES if profile.fits(metric, {}))


@pytest.mark.parametrize("alias", TABLE, ids=lambda alias: alias.source)
def test_no_name_is_both_watched_and_left_out_nor_of_two_stacks(alias: Alias) -> None:
    assert ALIASES.find(alias.source) is alias
    assert alias.source not in NOT_WATCHED


@pytest.mark.parametrize("alias", TABLE, ids=lambda alias: alias.source)
def test_every_row_gives_a_metric_or_a_total(alias: Alias) -> None:
    chosen = [] if alias.by is None else list(alias.by.value.values())
    added = {*alias.totals, *(total for _, totals in chosen for total in totals)}
    used = {total for _, *totals, _ in RATIOS for total in totals} | {total for _, total in RATES}
    assert added <= used
    assert alias.metric is not None or added or any(metric for metric, _ in chosen)


@pytest.mark.parametrize(("name", "metric"), [
    ("vllm:time_to_first_token_seconds", "ttft_ms"), ("sglang:num_queue_reqs", "queue_depth"),
    ("tgi_request_duration", "latency_ms"), ("nv_inference_first_response_histogram_ms", "ttft_ms"),
    ("time_per_output_token_seconds", "tpot_ms"), ("ray_serve_deployment_processing_latency_ms", "latency_ms"),
    ("request_predict_seconds", "latency_ms"), ("litellm_llm_api_time_to_first_token_metric", "ttft_ms"),
    ("gen_ai.server.time_per_output_token", "tpot_ms"),
])
def test_each_stack_has_its_names(name: str, metric: str) -> None:
    alias = ALIASES.find(name)
    assert alias is not None
    assert alias.metric == metric


@pytest.mark.parametrize(("written", "source"), [
    ("vllm_time_to_first_token_seconds", "vllm:time_to_first_token_seconds"),
    ("vllm:request_success_total", "vllm:request_success"), ("ray_vllm:num_preemptions", "vllm:num_preemptions"),
    ("gen_ai_client_operation_duration_seconds", "gen_ai.client.operation.duration"),
    ("gen_ai_client_token_usage", "gen_ai.client.token.usage"),
    ("ray_vllm_prefix_cache_hits_total", "vllm:prefix_cache_hits"),
    ("ray_serve_num_http_requests", "serve_num_http_requests"),
    ("gen_ai_server_time_to_first_token_seconds", "gen_ai.server.time_to_first_token"),
])
def test_names_are_known_as_pipelines_rewrite_them(written: str, source: str) -> None:
    alias = ALIASES.find(written)
    assert alias is not None
    assert alias.source == source


@pytest.mark.parametrize(("wire_unit", "declared", "expected"), [
    ("s", "s", 1000.0), ("", "s", 1000.0), ("ms", "s", 1.0), ("us", "us", 1e-3), ("ns", "s", 1e-6),
    ("{token}", "1", 1.0), ("%", "1", 0.01), ("1", "%", 0.01), ("By", "s", 1000.0),
])
def test_units_become_milliseconds_and_shares(wire_unit: str, declared: str, expected: float) -> None:
    assert factor(wire_unit, declared) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "labels", "metric", "totals"), [
    ("vllm:request_success", {"finished_reason": "stop"}, None, {"requests", "served"}),
    ("vllm:request_success", {"finished_reason": "abort"}, None, {"requests", "failed"}),
    ("vllm:request_success", {"finished_reason": "repetition"}, None, {"requests", "served", "repeated"}),
    ("gen_ai.client.token.usage", {"gen_ai.token.type": "input"}, "prompt_tokens", set()),
    ("gen_ai.client.token.usage", {"gen_ai.token.type": "output"}, "completion_tokens", set()),
    ("gen_ai.client.operation.duration", {"error.type": "timeout"}, "latency_ms", {"requests", "served", "failed"}),
    ("gen_ai.client.operation.duration", {"error.type": ""}, "latency_ms", {"requests", "served"}),
    ("gen_ai_client_operation_duration", {"error_type": "timeout"}, "latency_ms", {"requests", "served", "failed"}),
    ("gen_ai_client_token_usage", {"gen_ai_token_type": "output"}, "completion_tokens", set()),
    ("dynamo_frontend_requests_total", {"status": "error"}, None, {"requests", "failed"}),
    ("dynamo_frontend_requests_total", {"status": "success"}, None, {"requests", "served"}),
    ("nv_trt_llm_request_metrics", {"request_type": "waiting"}, "queue_depth", set()),
    ("nv_trt_llm_request_metrics", {"request_type": "max"}, None, set()),
    ("nv_trt_llm_kv_cache_block_metrics", {"kv_cache_block_type": "fraction"}, "kv_cache_usage", set()),
    ("litellm_proxy_failed_requests_metric_total", {"exception_status": "500"}, None, {"failed"}),
    ("litellm_proxy_failed_requests_metric_total", {"exception_status": "429"}, None, {"failed"}),
    ("litellm_proxy_failed_requests_metric_total", {"exception_status": "401"}, None, set()),
    ("litellm_proxy_failed_requests_metric_total", {}, None, {"failed"}),
    ("ray_serve_num_http_error_requests", {"error_code": "404"}, None, set()),
    ("ray_serve_num_http_error_requests", {"error_code": "503"}, None, {"failed"}),
])
def test_the_target_of_a_series_depends_on_its_labels(
    name: str, labels: dict[str, str], metric: str | None, totals: set[str],
) -> None:
    alias = ALIASES.find(name)
    assert alias is not None
    target = target_of(alias, labels, "")
    assert (target.metric, set(target.totals)) == (metric, totals)


@pytest.mark.parametrize(("name", "kind", "unit", "metric"), [
    ("app.wait", "histogram", "s", "app.wait_ms"), ("app_wait_seconds", "histogram", "", "app_wait_ms"),
    ("app_jobs_total", "counter", "", "app_jobs_per_s"), ("app_temperature", "gauge", "Cel", "app_temperature"),
])
def test_an_unknown_metric_passes_under_its_own_name_where_asked(
    name: str, kind: Kind, unit: str, metric: str,
) -> None:
    passing = Aliases(TABLE, "pass", NOT_WATCHED).fallback(name, kind, unit)
    assert passing is not None
    assert passing.metric == metric
    assert ALIASES.fallback(name, kind, unit) is None


@pytest.mark.parametrize("name", ["vllm:iteration_tokens_total", "ray_vllm:iteration_tokens_total"])
def test_a_metric_that_is_not_watched_does_not_pass_either(name: str) -> None:
    assert Aliases(TABLE, "pass", NOT_WATCHED).fallback(name, "histogram", "") is None


@pytest.mark.parametrize("name", ["llamacpp:prompt_tokens_seconds", "vllm:prompt_tokens_seconds"])
def test_only_a_time_is_known_without_its_suffix(name: str) -> None:
    assert ALIASES.find(name) is None


def test_a_total_that_is_not_declared_is_refused() -> None:
    with pytest.raises(ValueError, match=r"totals \['sreved'\], expected"):
        Alias("x", "vllm", "counter", None, by=LabelSwitch("a", {"*": (None, ("sreved",))}))


@pytest.mark.parametrize("suffix", ["", "_p50", "_p95", "_p99"])
def test_every_metric_of_a_histogram_is_judged_by_one_profile(suffix: str) -> None:
    metrics = {alias.metric for alias in TABLE if alias.kind == "histogram" and alias.metric}
    for metric in metrics:
        assert profile_of(metric + suffix) == profile_of(metric)


@pytest.mark.parametrize("metric", sorted(METRICS))
def test_every_metric_of_the_table_is_judged_by_a_profile_that_knows_it(metric: str) -> None:
    assert profile_of(metric) != "any"


@pytest.mark.parametrize("metric", sorted(METRICS))
def test_every_metric_of_the_table_is_of_a_family_that_rules_know_or_has_a_reason(metric: str) -> None:
    assert (family_of(metric) == "other") == (metric in WITHOUT_FAMILY)


def test_a_metric_reported_without_traffic_is_a_gauge_or_a_rate() -> None:
    gauges = {alias.metric for alias in TABLE if alias.kind == "gauge"}
    rates = {metric for metric, _ in RATES} | {alias.metric for alias in TABLE if alias.kind == "counter"}
    assert gauges | rates >= REPORTED_WITHOUT_TRAFFIC
