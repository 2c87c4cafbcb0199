"""What a scrape of a serving stack gives, where its metrics are not what their types or names say."""

from __future__ import annotations

import pytest

from tests.streams.intake.prometheus_samples import codec, sample, scrape, values


def counts(second: int, **numbers: float) -> list[dict[str, object]]:
    """One scrape of a stack's counters and gauges; `__` in a name stands for `:`."""
    return [sample(name.replace("__", ":"), number, second) for name, number in numbers.items()]


def increases(**numbers: float) -> dict[str, list[float]]:
    """What counters give that rose from 0 to these numbers within 15 s."""
    return values(codec(), counts(0, **dict.fromkeys(numbers, 0.0)), counts(15, **numbers))


def test_the_cache_hit_rate_of_sglang_is_a_share_of_the_prefix_cache() -> None:
    assert values(codec(), counts(0, sglang__cache_hit_rate=0.8)) == {"prefix_cache_reuse": [0.8]}


def test_the_zero_that_a_decode_batch_leaves_is_no_cache_hit_rate() -> None:
    found = values(codec(), *(
        counts(second, sglang__cache_hit_rate=rate) for second, rate in ((0, 0.8), (15, 0.0), (30, 0.7))
    ))
    assert found == {"prefix_cache_reuse": [0.8, 0.7]}


def test_counters_say_more_of_a_cache_than_the_gauge_of_its_last_batch() -> None:
    found = values(codec(), *(
        counts(second, sglang__cache_hit_rate=0.9, sglang__prompt_tokens_total=tokens, sglang__cached_tokens_total=hits)
        for second, tokens, hits in ((0, 0, 0), (15, 1000, 250), (30, 1000, 250))
    ))
    assert found["prefix_cache_reuse"] == [0.9, 0.25]  # no count before the second scrape, no prompt in the third


@pytest.mark.parametrize("prefix", ["", "gpu_"])
def test_the_prefix_cache_of_vllm_is_known_by_the_names_of_all_its_releases(prefix: str) -> None:
    numbers = {f"vllm__{prefix}prefix_cache_queries_total": 400.0, f"vllm__{prefix}prefix_cache_hits_total": 100.0}
    assert increases(**numbers) == {"prefix_cache_reuse": [0.25]}


def test_requests_that_lmdeploy_counts_in_gauges_are_counts() -> None:
    found = increases(lmdeploy__num_requests_succeeded=45, lmdeploy__num_requests_failed=15)
    assert found == {"error": [0.25], "requests_per_s": [4.0]}


def test_the_time_per_token_of_llama_cpp_comes_of_two_counters_and_its_speeds_are_left_out() -> None:
    reader = codec()
    found = values(reader, *(
        counts(
            second, llamacpp__tokens_predicted_total=tokens, llamacpp__tokens_predicted_seconds_total=tokens / 50,
            llamacpp__predicted_tokens_seconds=50.0, llamacpp__prompt_tokens_seconds=900.0,
        ) for second, tokens in ((0, 0), (15, 300))
    ))
    assert found == {"tpot_ms": [20.0], "tokens_per_s": [20.0]}
    assert reader.names.unknown == 0


def test_a_ray_deployment_whose_every_request_fails_has_an_error_of_1() -> None:
    found = increases(ray_serve_deployment_request_counter_total=0, ray_serve_deployment_error_counter_total=30)
    assert found == {"error": [1.0], "requests_per_s": [2.0]}


def test_a_call_that_a_fallback_hid_is_no_failed_request_of_litellm() -> None:
    found = increases(
        litellm_proxy_total_requests_metric_total=30, litellm_deployment_success_responses_total=30,
        litellm_deployment_failure_responses_total=10,
    )
    assert found == {"error": [0.0], "requests_per_s": [2.0]}


def test_the_calls_of_litellm_stand_for_its_requests_where_these_are_not_counted() -> None:
    found = increases(
        litellm_deployment_success_responses_total=45, litellm_deployment_failure_responses_total=15,
    )
    assert found == {"error": [0.25], "requests_per_s": [4.0]}


def test_gauges_of_tensorrt_llm_that_share_a_name_are_told_apart_by_their_label() -> None:
    name = "nv_trt_llm_request_metrics"
    found = values(codec(), [
        sample(name, 3, request_type="waiting"), sample(name, 8, request_type="active"),
        sample(name, 512, request_type="max"),
        sample("nv_trt_llm_kv_cache_block_metrics", 0.5, kv_cache_block_type="fraction"),
        sample("nv_trt_llm_kv_cache_block_metrics", 6239, kv_cache_block_type="free"),
    ])
    assert found == {"queue_depth": [3.0], "batch_active": [8.0], "kv_cache_usage": [0.5]}


def test_what_a_pair_of_collectors_scraped_twice_counts_once() -> None:
    once, twice = codec(), codec()

    def scrapes(copies: tuple[dict[str, str], ...]) -> list[dict[str, object]]:
        return [
            one for second, done in ((0, 0), (15, 60), (30, 150)) for labels in copies for one in (
                sample("vllm:request_success_total", done, second, finished_reason="stop", pod="vllm-0", **labels),
                sample("vllm:num_requests_waiting", 4, second, pod="vllm-0", **labels),
                *scrape(second, [done, done, 0], done / 10, pod="vllm-0", **labels),
            )
        ]

    pair = tuple({"prometheus_replica": f"prometheus-{name}", "replica": name} for name in ("A", "B"))
    assert values(twice, scrapes(pair)) == values(once, scrapes(({},)))
