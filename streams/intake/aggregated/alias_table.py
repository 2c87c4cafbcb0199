"""The alias table: one row for each metric name of a serving stack, and the names that are left out, with reasons.

Sources, as of November 2026: vLLM 0.33 and SGLang 0.5.23 (their metric collectors), TGI, Triton and NIM (their metric
references; TGI is in maintenance), Ray Serve 2.60, KServe 0.21 and LiteLLM 1.109 (source), and the OpenTelemetry
semantic conventions for generative AI, which are in development: hence a table and not their constants.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from streams.intake.aggregated.aliases import Alias, LabelSwitch

SERVED = ("requests", "served")
FAILED = ("requests", "failed")
FINISHED = LabelSwitch("finished_reason", {
    "abort": (None, ("failed",)), "error": (None, ("failed",)), "repetition": (None, ("served", "repeated")),
    "*": (None, ("served",)),
})
ERROR_TYPE = LabelSwitch("error.type", {"*": (None, ("failed",))})
TOKEN_TYPE = LabelSwitch("gen_ai.token.type", {"input": ("prompt_tokens", ()), "output": ("completion_tokens", ())})
TOKENS_OF_TYPE = LabelSwitch("gen_ai.token.type", {
    "input": (None, ("prompt_tokens",)), "output": (None, ("completion_tokens",)),
})

VLLM = (
    Alias("vllm:time_to_first_token_seconds", "vllm", "histogram", "ttft_ms", "s"),
    Alias("vllm:inter_token_latency_seconds", "vllm", "histogram", "itl_ms", "s"),
    Alias("vllm:request_time_per_output_token_seconds", "vllm", "histogram", "tpot_ms", "s"),
    Alias("vllm:time_per_output_token_seconds", "vllm", "histogram", "itl_ms", "s"),  # until 0.10 or so
    Alias("vllm:e2e_request_latency_seconds", "vllm", "histogram", "latency_ms", "s"),
    Alias("vllm:request_queue_time_seconds", "vllm", "histogram", "queue_ms", "s"),
    Alias("vllm:request_prompt_tokens", "vllm", "histogram", "prompt_tokens"),
    Alias("vllm:request_generation_tokens", "vllm", "histogram", "completion_tokens"),
    Alias("vllm:prompt_tokens", "vllm", "counter", None, totals=("prompt_tokens",)),
    Alias("vllm:generation_tokens", "vllm", "counter", None, totals=("completion_tokens",)),
    Alias("vllm:prefix_cache_queries", "vllm", "counter", None, totals=("cache_queries",)),
    Alias("vllm:prefix_cache_hits", "vllm", "counter", None, totals=("cache_hits",)),
    Alias("vllm:num_preemptions", "vllm", "counter", "preemptions_per_s"),
    Alias("vllm:request_success", "vllm", "counter", None, totals=("requests",), by=FINISHED),
    Alias("vllm:admission_rejections", "vllm", "counter", None, totals=FAILED),
    Alias("vllm:num_requests_running", "vllm", "gauge", "batch_active"),
    Alias("vllm:num_requests_waiting", "vllm", "gauge", "queue_depth"),
    Alias("vllm:kv_cache_usage_perc", "vllm", "gauge", "kv_cache_usage"),  # a share, whatever the name says
    Alias("vllm:gpu_cache_usage_perc", "vllm", "gauge", "kv_cache_usage"),  # its name before 0.10
    Alias("vllm:corrupted_requests", "vllm", "counter", None, totals=("corrupted",)),
    Alias("vllm:spec_decode_num_accepted_tokens", "vllm", "counter", None, totals=("accepted",)),
    Alias("vllm:spec_decode_num_draft_tokens", "vllm", "counter", None, totals=("drafted",)),
)

SGLANG = (
    Alias("sglang:time_to_first_token_seconds", "sglang", "histogram", "ttft_ms", "s"),
    Alias("sglang:inter_token_latency_seconds", "sglang", "histogram", "itl_ms", "s"),
    Alias("sglang:request_time_per_output_token_seconds", "sglang", "histogram", "tpot_ms", "s"),
    Alias("sglang:time_per_output_token_seconds", "sglang", "histogram", "tpot_ms", "s"),
    Alias("sglang:e2e_request_latency_seconds", "sglang", "histogram", "latency_ms", "s"),
    Alias("sglang:queue_time_seconds", "sglang", "histogram", "queue_ms", "s"),
    Alias("sglang:prompt_tokens_histogram", "sglang", "histogram", "prompt_tokens"),
    Alias("sglang:generation_tokens_histogram", "sglang", "histogram", "completion_tokens"),
    Alias("sglang:prompt_tokens_total", "sglang", "counter", None, totals=("prompt_tokens",)),
    Alias("sglang:generation_tokens_total", "sglang", "counter", None, totals=("completion_tokens",)),
    Alias("sglang:num_requests_total", "sglang", "counter", None, totals=SERVED),
    Alias("sglang:num_aborted_requests_total", "sglang", "counter", None, totals=("failed",)),
    Alias("sglang:num_running_reqs", "sglang", "gauge", "batch_active"),
    Alias("sglang:num_queue_reqs", "sglang", "gauge", "queue_depth"),
    Alias("sglang:token_usage", "sglang", "gauge", "kv_cache_usage"),  # a share of the KV pool, no token spend
    Alias("sglang:prefix_cache_reuse", "sglang", "gauge", "cache_hit_rate"),
    Alias("sglang:spec_accept_rate", "sglang", "gauge", "draft_acceptance"),
)

TGI = (
    Alias("tgi_request_duration", "tgi", "histogram", "latency_ms", "s"),
    Alias("tgi_request_queue_duration", "tgi", "histogram", "queue_ms", "s"),
    Alias("tgi_request_mean_time_per_token_duration", "tgi", "histogram", "tpot_ms", "s"),
    Alias("tgi_request_input_length", "tgi", "histogram", "prompt_tokens"),
    Alias("tgi_request_generated_tokens", "tgi", "histogram", "completion_tokens"),
    Alias("tgi_request_count", "tgi", "counter", None, totals=("requests",)),
    Alias("tgi_request_success", "tgi", "counter", None, totals=("served",), zero=("failed",)),
    Alias("tgi_request_failure", "tgi", "counter", None, totals=("failed",)),
    Alias("tgi_queue_size", "tgi", "gauge", "queue_depth"),
    Alias("tgi_batch_current_size", "tgi", "gauge", "batch_active"),
)

TRITON = (
    Alias("nv_inference_request_duration_us", "triton", "counter", None, "us", ("latency_ms",)),
    Alias("nv_inference_queue_duration_us", "triton", "counter", None, "us", ("queue_ms",)),
    Alias("nv_inference_first_response_histogram_ms", "triton", "histogram", "ttft_ms", "ms"),
    Alias("nv_inference_request_summary_us", "triton", "summary", "latency_ms", "us"),
    Alias("nv_inference_queue_summary_us", "triton", "summary", "queue_ms", "us"),
    Alias("nv_inference_request_success", "triton", "counter", None, totals=SERVED),
    Alias("nv_inference_request_failure", "triton", "counter", None, totals=FAILED),
    Alias("nv_inference_pending_request_count", "triton", "gauge", "queue_depth"),
    Alias("nv_gpu_utilization", "triton", "gauge", "gpu_utilization"),
)

NIM = (
    Alias("time_to_first_token_seconds", "nim", "histogram", "ttft_ms", "s"),
    Alias("time_per_output_token_seconds", "nim", "histogram", "tpot_ms", "s"),
    Alias("e2e_request_latency_seconds", "nim", "histogram", "latency_ms", "s"),
    Alias("request_prompt_tokens", "nim", "histogram", "prompt_tokens"),
    Alias("request_generation_tokens", "nim", "histogram", "completion_tokens"),
    Alias("prompt_tokens_total", "nim", "counter", None, totals=("prompt_tokens",)),
    Alias("generation_tokens_total", "nim", "counter", None, totals=("completion_tokens",)),
    Alias("request_success_total", "nim", "counter", None, totals=SERVED),
    Alias("request_failure_total", "nim", "counter", None, totals=FAILED),
    Alias("num_requests_running", "nim", "gauge", "batch_active"),
    Alias("num_requests_waiting", "nim", "gauge", "queue_depth"),
    Alias("gpu_cache_usage_perc", "nim", "gauge", "kv_cache_usage"),
)

RAY_SERVE = (
    Alias("serve_deployment_processing_latency_ms", "ray_serve", "histogram", "latency_ms", "ms"),
    Alias("serve_deployment_request_counter", "ray_serve", "counter", None, totals=SERVED, zero=("failed",)),
    Alias("serve_deployment_error_counter", "ray_serve", "counter", None, totals=("failed",)),
    Alias("serve_deployment_queued_queries", "ray_serve", "gauge", "queue_depth"),
    Alias("serve_replica_processing_queries", "ray_serve", "gauge", "batch_active"),
)

KSERVE = (
    Alias("request_predict_seconds", "kserve", "histogram", "latency_ms", "s", SERVED),
)

LITELLM = (
    Alias("litellm_llm_api_time_to_first_token_metric", "litellm", "histogram", "ttft_ms", "s"),
    Alias("litellm_request_total_latency_metric", "litellm", "histogram", "latency_ms", "s"),
    Alias("litellm_overhead_latency_metric", "litellm", "histogram", "gateway_latency_ms", "s"),
    Alias("litellm_deployment_latency_per_output_token", "litellm", "histogram", "tpot_ms", "s"),
    Alias("litellm_request_queue_time_seconds", "litellm", "histogram", "queue_ms", "s"),
    Alias("litellm_input_tokens_metric_total", "litellm", "counter", None, totals=("prompt_tokens",)),
    Alias("litellm_output_tokens_metric_total", "litellm", "counter", None, totals=("completion_tokens",)),
    Alias("litellm_deployment_success_responses_total", "litellm", "counter", None, totals=SERVED, zero=("failed",)),
    Alias("litellm_deployment_failure_responses_total", "litellm", "counter", None, totals=FAILED),
    Alias("litellm_spend_metric_total", "litellm", "counter", "spend_usd_per_s"),
)

OTEL = (
    Alias("gen_ai.client.operation.duration", "otel", "histogram", "latency_ms", "s", SERVED, ERROR_TYPE),
    Alias("gen_ai.server.request.duration", "otel", "histogram", "latency_ms", "s", SERVED, ERROR_TYPE),
    Alias("gen_ai.client.operation.time_to_first_chunk", "otel", "histogram", "ttft_ms", "s"),
    Alias("gen_ai.server.time_to_first_token", "otel", "histogram", "ttft_ms", "s"),
    Alias("gen_ai.client.operation.time_per_output_chunk", "otel", "histogram", "itl_ms", "s"),
    Alias("gen_ai.server.time_per_output_token", "otel", "histogram", "tpot_ms", "s"),
    Alias("gen_ai.client.token.usage", "otel", "histogram", None, by=TOKEN_TYPE),
    Alias("gen_ai.client.inference.tokens", "otel", "counter", None, by=TOKENS_OF_TYPE),  # proposed successor
)

TABLE: tuple[Alias, ...] = (*VLLM, *SGLANG, *TGI, *TRITON, *NIM, *RAY_SERVE, *KSERVE, *LITELLM, *OTEL)

_PARTS = "a part of a metric that is watched as a whole"
_OTHERWISE = "given by another metric that is watched"
_SETTING = "what was asked for, not what happened"
_MONEY = "a balance that falls by design; the spend is watched as a rate"

NOT_WATCHED: Mapping[str, str] = MappingProxyType({
    "vllm:request_inference_time_seconds": _PARTS,
    "vllm:request_prefill_time_seconds": _PARTS,
    "vllm:request_decode_time_seconds": _PARTS,
    "vllm:iteration_tokens_total": "tokens of an engine step follow the batch, which is watched",
    "vllm:request_max_num_generation_tokens": _SETTING,
    "vllm:request_params_max_tokens": _SETTING,
    "vllm:request_params_n": _SETTING,
    "vllm:request_prefill_kv_computed_tokens": _OTHERWISE,
    "vllm:prompt_tokens_by_source": _OTHERWISE,
    "vllm:prompt_tokens_cached": _OTHERWISE,
    "vllm:num_requests_waiting_by_reason": _PARTS,
    "vllm:engine_sleep_state": "a state that an operator sets",
    "vllm:lora_requests_info": "names of adapters in labels; the value says nothing",
    "sglang:per_stage_req_latency_seconds": _PARTS,
    "sglang:cached_tokens_total": _OTHERWISE,
    "sglang:gen_throughput": _OTHERWISE,
    "sglang:num_retracted_reqs": "retractions follow the KV pool, which is watched",
    "sglang:utilization": _OTHERWISE,
    "sglang:kv_transfer_latency_ms": _PARTS,
    "sglang:kv_transfer_speed_gb_s": _OTHERWISE,
    "tgi_request_inference_duration": _PARTS,
    "tgi_request_validation_duration": _PARTS,
    "nv_inference_compute_input_duration_us": _PARTS,
    "nv_inference_compute_infer_duration_us": _PARTS,
    "nv_inference_compute_output_duration_us": _PARTS,
    "nv_inference_count": _OTHERWISE,
    "nv_inference_exec_count": _OTHERWISE,
    "nv_gpu_memory_used_bytes": "serving stacks take the memory once; the KV pool is watched",
    "num_request_max": _SETTING,
    "request_finish_total": _OTHERWISE,
    "serve_num_ongoing_requests_at_replicas": _OTHERWISE,
    "serve_deployment_replica_healthy": "a state; silence of the replica's metrics is an alarm of its own",
    "serve_batch_utilization_percent": _OTHERWISE,
    "request_preprocess_seconds": _PARTS,
    "request_postprocess_seconds": _PARTS,
    "request_explain_seconds": "explanations are asked for now and then",
    "litellm_llm_api_latency_metric": _PARTS,
    "litellm_total_tokens_metric_total": _OTHERWISE,
    "litellm_remaining_tokens_metric": _MONEY,
    "litellm_remaining_team_budget_metric": _MONEY,
    "litellm_remaining_api_key_budget_metric": _MONEY,
    "litellm_remaining_user_budget_metric": _MONEY,
    "litellm_remaining_org_budget_metric": _MONEY,
    "litellm_deployment_state": "a state of the gateway's own making; the failures behind it are watched",
    "litellm_deployment_cooled_down_total": _OTHERWISE,
    "litellm_deployment_successful_fallbacks_total": _OTHERWISE,
    "litellm_deployment_failed_fallbacks_total": _OTHERWISE,
    "gen_ai.client.response.duration": _OTHERWISE,
    "gen_ai.client.inference.input_tokens_by_cache": _OTHERWISE,
    "gen_ai.client.inference.output_tokens_by_phase": _OTHERWISE,
    "gen_ai.workflow.duration": "of an application around the model",
    "gen_ai.invoke_agent.duration": "of an application around the model",
    "gen_ai.execute_tool.duration": "of a tool, not of the model",
})
"""Published names that are left out on purpose, with the reason. They are never passed under their own names."""
