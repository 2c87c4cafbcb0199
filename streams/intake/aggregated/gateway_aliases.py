"""The aliases of what stands around the engines: Ray Serve, KServe, Dynamo, routers, LiteLLM, OpenTelemetry.

Names are as their sources have them; `tests/streams/intake/aggregated/published/` lists them with version and source.
Ray's exporter puts `ray_` before every name, which the look-up knows.
"""

from __future__ import annotations

from streams.intake.aggregated.aliases import FAILED, SERVED, Alias, LabelSwitch

CLIENT_FAULTS = ("400", "401", "403", "404", "405", "413", "422", "499")
"""HTTP statuses that a client brought about; a limit of the service (408, 429) is none."""


def _failed_by(label: str) -> LabelSwitch:
    """Failures but for the faults of clients. A series without the label counts as failed."""
    failed: tuple[str | None, tuple[str, ...]] = (None, ("failed",))
    return LabelSwitch(label, {"": failed, **dict.fromkeys(CLIENT_FAULTS, (None, ())), "*": failed})


ERROR_TYPE = LabelSwitch("error.type", {"*": (None, ("failed",))})
TOKEN_TYPE = LabelSwitch("gen_ai.token.type", {"input": ("prompt_tokens", ()), "output": ("completion_tokens", ())})
TOKENS_OF_TYPE = LabelSwitch("gen_ai.token.type", {
    "input": (None, ("prompt_tokens",)), "output": (None, ("completion_tokens",)),
})
DYNAMO_STATUS = LabelSwitch("status", {"error": (None, ("failed",)), "*": (None, ("served",))})

RAY_SERVE = (
    Alias("serve_deployment_processing_latency_ms", "ray_serve", "histogram", "latency_ms", "ms"),
    Alias("serve_deployment_queuing_latency_ms", "ray_serve", "histogram", "queue_ms", "ms"),  # until 2.6
    # A request that fails is counted by the second one alone.
    Alias("serve_deployment_request_counter", "ray_serve", "counter", None, totals=SERVED, zero=("failed",)),
    Alias("serve_deployment_error_counter", "ray_serve", "counter", None, totals=FAILED),
    Alias("serve_deployment_queued_queries", "ray_serve", "gauge", "queue_depth"),
    Alias("serve_replica_processing_queries", "ray_serve", "gauge", "batch_active"),
    Alias("serve_http_request_latency_ms", "ray_serve", "histogram", "latency_ms", "ms"),
    Alias("serve_grpc_request_latency_ms", "ray_serve", "histogram", "latency_ms", "ms"),
    # The second one of each pair is a part of the first.
    Alias("serve_num_http_requests", "ray_serve", "counter", None, totals=("requests",), zero=("failed",)),
    Alias("serve_num_http_error_requests", "ray_serve", "counter", None, by=_failed_by("error_code")),
    Alias("serve_num_grpc_requests", "ray_serve", "counter", None, totals=("requests",), zero=("failed",)),
    Alias("serve_num_grpc_error_requests", "ray_serve", "counter", None, totals=("failed",)),
    Alias("serve_num_ongoing_http_requests", "ray_serve", "gauge", "batch_active"),
    Alias("serve_num_ongoing_grpc_requests", "ray_serve", "gauge", "batch_active"),
)

KSERVE = (
    Alias("request_predict_seconds", "kserve", "histogram", "latency_ms", "s", SERVED),
)

DYNAMO = (
    Alias("dynamo_frontend_time_to_first_token_seconds", "dynamo", "histogram", "ttft_ms", "s"),
    Alias("dynamo_frontend_inter_token_latency_seconds", "dynamo", "histogram", "itl_ms", "s"),
    Alias("dynamo_frontend_request_duration_seconds", "dynamo", "histogram", "latency_ms", "s"),
    Alias("dynamo_frontend_input_sequence_tokens", "dynamo", "histogram", "prompt_tokens"),
    Alias("dynamo_frontend_output_sequence_tokens", "dynamo", "histogram", "completion_tokens"),
    Alias("dynamo_frontend_output_tokens_total", "dynamo", "counter", None, totals=("completion_tokens",)),
    Alias("dynamo_frontend_requests_total", "dynamo", "counter", None, totals=("requests",), by=DYNAMO_STATUS),
    Alias("dynamo_frontend_inflight_requests", "dynamo", "gauge", "batch_active"),
    Alias("dynamo_frontend_queued_requests", "dynamo", "gauge", "queue_depth"),
    Alias("dynamo_component_request_duration_seconds", "dynamo", "histogram", "latency_ms", "s"),
    Alias("dynamo_component_requests_total", "dynamo", "counter", None, totals=("requests",), zero=("failed",)),
    Alias("dynamo_component_errors_total", "dynamo", "counter", None, totals=("failed",)),
    Alias("dynamo_component_inflight_requests", "dynamo", "gauge", "batch_active"),
    # Shares, whatever the names say.
    Alias("dynamo_component_gpu_cache_usage_percent", "dynamo", "gauge", "kv_cache_usage"),
    Alias("dynamo_component_kvstats_gpu_cache_usage_percent", "dynamo", "gauge", "kv_cache_usage"),  # until 2025
)

INFERENCE_GATEWAY = tuple(
    alias
    # Its names so far: of the Gateway API Inference Extension 0.x and 1.x, and of llm-d, where it is developed now.
    for name in ("inference_model", "inference_objective", "llm_d_epp") for alias in (
        Alias(f"{name}_request_total", "inference_gateway", "counter", None, totals=("requests",), zero=("failed",)),
        Alias(f"{name}_request_error_total", "inference_gateway", "counter", None, totals=("failed",)),
        Alias(f"{name}_request_duration_seconds", "inference_gateway", "histogram", "latency_ms", "s"),
        Alias(f"{name}_input_tokens", "inference_gateway", "histogram", "prompt_tokens"),
        Alias(f"{name}_output_tokens", "inference_gateway", "histogram", "completion_tokens"),
        Alias(f"{name}_running_requests", "inference_gateway", "gauge", "batch_active"),
    )
) + tuple(
    alias for name in ("inference_pool", "llm_d_epp") for alias in (
        Alias(f"{name}_average_kv_cache_utilization", "inference_gateway", "gauge", "kv_cache_usage"),
        Alias(f"{name}_average_queue_size", "inference_gateway", "gauge", "queue_depth"),
    )
)

LLM_D = (  # names that llm-d has alone
    Alias("llm_d_epp_request_ttft_seconds", "inference_gateway", "histogram", "ttft_ms", "s"),
    Alias("llm_d_epp_request_input_tokens", "inference_gateway", "histogram", "prompt_tokens"),
    Alias("llm_d_epp_request_output_tokens", "inference_gateway", "histogram", "completion_tokens"),
)

VLLM_ROUTER = (
    Alias("vllm:num_incoming_requests", "vllm_router", "counter", None, totals=("requests",), zero=("failed",)),
    Alias("vllm:request_errors_total", "vllm_router", "counter", None, totals=("failed",)),
    Alias("vllm:request_latency_seconds", "vllm_router", "histogram", "latency_ms", "s"),
    Alias("vllm:input_tokens_total", "vllm_router", "counter", None, totals=("prompt_tokens",)),
    Alias("vllm:output_tokens_total", "vllm_router", "counter", None, totals=("completion_tokens",)),
)

LITELLM = (
    Alias("litellm_llm_api_time_to_first_token_metric", "litellm", "histogram", "ttft_ms", "s"),
    Alias("litellm_request_total_latency_metric", "litellm", "histogram", "latency_ms", "s"),
    Alias("litellm_overhead_latency_metric", "litellm", "histogram", "gateway_latency_ms", "s"),
    Alias("litellm_deployment_latency_per_output_token", "litellm", "histogram", "tpot_ms", "s"),
    Alias("litellm_request_queue_time_seconds", "litellm", "histogram", "queue_ms", "s"),
    Alias("litellm_input_tokens_metric_total", "litellm", "counter", None, totals=("prompt_tokens",)),
    Alias("litellm_output_tokens_metric_total", "litellm", "counter", None, totals=("completion_tokens",)),
    # What clients saw.
    Alias("litellm_proxy_total_requests_metric_total", "litellm", "counter", None, totals=("requests",),
          zero=("failed",)),
    Alias("litellm_proxy_failed_requests_metric_total", "litellm", "counter", None, by=_failed_by("exception_status")),
    # The calls behind them: a request may need several, and a fallback hides one that failed.
    Alias("litellm_deployment_success_responses_total", "litellm", "counter", None, totals=("calls", "served"),
          zero=("failed_calls",)),
    Alias("litellm_deployment_failure_responses_total", "litellm", "counter", None, totals=("calls", "failed_calls")),
    Alias("litellm_in_flight_requests", "litellm", "gauge", "batch_active"),
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

GATEWAYS: tuple[Alias, ...] = (
    *RAY_SERVE, *KSERVE, *DYNAMO, *INFERENCE_GATEWAY, *LLM_D, *VLLM_ROUTER, *LITELLM, *OTEL,
)
