"""The aliases of inference engines: vLLM, SGLang, TGI, TEI, Triton, TensorRT-LLM, NIM, LMDeploy and llama.cpp.

Names are as their sources have them; `tests/streams/intake/aggregated/published/` lists them with version and source. A
gauge that averages since the start of the process is left out (`streams/intake/aggregated/not_watched.py`): a change
hardly moves it.
"""

from __future__ import annotations

from streams.intake.aggregated.aliases import FAILED, SERVED, Alias, LabelSwitch

FINISHED = LabelSwitch("finished_reason", {
    "abort": (None, ("failed",)), "error": (None, ("failed",)), "repetition": (None, ("served", "repeated")),
    "*": (None, ("served",)),
})
ENDED = LabelSwitch("finished_reason", {
    "cancelled": (None, ("failed",)), "timeout": (None, ("failed",)), "error": (None, ("failed",)),
    "*": (None, ("served",)),
})
REQUEST_TYPE = LabelSwitch("request_type", {"waiting": ("queue_depth", ()), "active": ("batch_active", ())})
BLOCK_TYPE = LabelSwitch("kv_cache_block_type", {"fraction": ("kv_cache_usage", ())})

VLLM = (
    Alias("vllm:time_to_first_token_seconds", "vllm", "histogram", "ttft_ms", "s"),
    Alias("vllm:inter_token_latency_seconds", "vllm", "histogram", "itl_ms", "s"),
    Alias("vllm:request_time_per_output_token_seconds", "vllm", "histogram", "tpot_ms", "s"),
    Alias("vllm:time_per_output_token_seconds", "vllm", "histogram", "itl_ms", "s"),  # until 0.10 or so
    Alias("vllm:e2e_request_latency_seconds", "vllm", "histogram", "latency_ms", "s"),
    Alias("vllm:request_queue_time_seconds", "vllm", "histogram", "queue_ms", "s"),
    Alias("vllm:time_in_queue_requests", "vllm", "histogram", "queue_ms", "s"),  # its name in 0.6
    Alias("vllm:request_prompt_tokens", "vllm", "histogram", "prompt_tokens"),
    Alias("vllm:request_generation_tokens", "vllm", "histogram", "completion_tokens"),
    Alias("vllm:prompt_tokens", "vllm", "counter", None, totals=("prompt_tokens",)),
    Alias("vllm:generation_tokens", "vllm", "counter", None, totals=("completion_tokens",)),
    Alias("vllm:prefix_cache_queries", "vllm", "counter", None, totals=("cache_queries",)),
    Alias("vllm:prefix_cache_hits", "vllm", "counter", None, totals=("cache_hits",)),
    # Their names from 0.7 to 0.8. 0.9 and 0.10 export both pairs, which leaves the share as it is.
    Alias("vllm:gpu_prefix_cache_queries", "vllm", "counter", None, totals=("cache_queries",)),
    Alias("vllm:gpu_prefix_cache_hits", "vllm", "counter", None, totals=("cache_hits",)),
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
    Alias("sglang:time_per_output_token_seconds", "sglang", "histogram", "tpot_ms", "s"),  # until 0.4
    Alias("sglang:e2e_request_latency_seconds", "sglang", "histogram", "latency_ms", "s"),
    Alias("sglang:queue_time_seconds", "sglang", "histogram", "queue_ms", "s"),
    Alias("sglang:prompt_tokens_histogram", "sglang", "histogram", "prompt_tokens"),
    Alias("sglang:generation_tokens_histogram", "sglang", "histogram", "completion_tokens"),
    # Cached tokens are among the prompt tokens.
    Alias("sglang:prompt_tokens_total", "sglang", "counter", None, totals=("prompt_tokens", "cache_queries")),
    Alias("sglang:cached_tokens_total", "sglang", "counter", None, totals=("cache_hits",)),
    Alias("sglang:generation_tokens_total", "sglang", "counter", None, totals=("completion_tokens",)),
    Alias("sglang:num_requests_total", "sglang", "counter", None, totals=SERVED),
    Alias("sglang:num_aborted_requests_total", "sglang", "counter", None, totals=("failed",)),
    Alias("sglang:num_running_reqs", "sglang", "gauge", "batch_active"),
    Alias("sglang:num_queue_reqs", "sglang", "gauge", "queue_depth"),
    Alias("sglang:token_usage", "sglang", "gauge", "kv_cache_usage"),  # a share of the KV pool, no token spend
    # Of the last prefill batch; a decode batch sets it to 0, which says nothing about the cache.
    Alias("sglang:cache_hit_rate", "sglang", "gauge", "prefix_cache_reuse", none_at=0.0),
    Alias("sglang:spec_accept_rate", "sglang", "gauge", "draft_acceptance", none_at=0.0),  # 0 where nothing was drafted
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

TEI = (
    Alias("te_request_duration", "tei", "histogram", "latency_ms", "s"),
    Alias("te_request_queue_duration", "tei", "histogram", "queue_ms", "s"),
    Alias("te_request_input_length", "tei", "histogram", "prompt_tokens"),
    Alias("te_request_count", "tei", "counter", None, totals=("requests",)),
    Alias("te_request_success", "tei", "counter", None, totals=("served",), zero=("failed",)),
    Alias("te_request_failure", "tei", "counter", None, totals=("failed",)),
    Alias("te_queue_size", "tei", "gauge", "queue_depth"),
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
    # One name for several quantities; a label says which.
    Alias("nv_trt_llm_request_metrics", "triton", "gauge", None, by=REQUEST_TYPE),
    Alias("nv_trt_llm_kv_cache_block_metrics", "triton", "gauge", None, by=BLOCK_TYPE),
)

TENSORRT_LLM = (
    Alias("trtllm_time_to_first_token_seconds", "tensorrt_llm", "histogram", "ttft_ms", "s"),
    Alias("trtllm_time_per_output_token_seconds", "tensorrt_llm", "histogram", "tpot_ms", "s"),
    Alias("trtllm_e2e_request_latency_seconds", "tensorrt_llm", "histogram", "latency_ms", "s"),
    Alias("trtllm_request_queue_time_seconds", "tensorrt_llm", "histogram", "queue_ms", "s"),
    Alias("trtllm_request_success_total", "tensorrt_llm", "counter", None, totals=("requests",), by=ENDED),
    Alias("trtllm_request_error_total", "tensorrt_llm", "counter", None, totals=FAILED),
    Alias("trtllm_prompt_tokens_total", "tensorrt_llm", "counter", None, totals=("prompt_tokens", "cache_queries")),
    Alias("trtllm_prompt_cached_tokens_total", "tensorrt_llm", "counter", None, totals=("cache_hits",)),
    Alias("trtllm_spec_decode_drafted_tokens_total", "tensorrt_llm", "counter", None, totals=("drafted",)),
    Alias("trtllm_spec_decode_accepted_tokens_total", "tensorrt_llm", "counter", None, totals=("accepted",)),
    Alias("trtllm_num_active_requests", "tensorrt_llm", "gauge", "batch_active"),
    Alias("trtllm_server_queue_length", "tensorrt_llm", "gauge", "queue_depth"),
    Alias("trtllm_kv_cache_utilization", "tensorrt_llm", "gauge", "kv_cache_usage"),
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

LMDEPLOY = (
    Alias("lmdeploy:time_to_first_token_seconds", "lmdeploy", "histogram", "ttft_ms", "s"),
    Alias("lmdeploy:time_per_output_token_seconds", "lmdeploy", "histogram", "tpot_ms", "s"),
    Alias("lmdeploy:iter_token_latency", "lmdeploy", "histogram", "itl_ms", "s"),
    Alias("lmdeploy:e2e_request_latency_seconds", "lmdeploy", "histogram", "latency_ms", "s"),
    Alias("lmdeploy:request_queue_time_seconds", "lmdeploy", "histogram", "queue_ms", "s"),
    Alias("lmdeploy:request_prompt_tokens", "lmdeploy", "histogram", "prompt_tokens"),
    Alias("lmdeploy:request_generation_tokens", "lmdeploy", "histogram", "completion_tokens"),
    Alias("lmdeploy:prompt_tokens_total", "lmdeploy", "counter", None, totals=("prompt_tokens", "cache_queries")),
    Alias("lmdeploy:cached_tokens_total", "lmdeploy", "counter", None, totals=("cache_hits",)),
    Alias("lmdeploy:generation_tokens_total", "lmdeploy", "counter", None, totals=("completion_tokens",)),
    # Gauges by type, counts since the start by value.
    Alias("lmdeploy:num_requests_succeeded", "lmdeploy", "counter", None, totals=SERVED),
    Alias("lmdeploy:num_requests_failed", "lmdeploy", "counter", None, totals=FAILED),
    Alias("lmdeploy:num_requests_running", "lmdeploy", "gauge", "batch_active"),
    Alias("lmdeploy:num_requests_waiting", "lmdeploy", "gauge", "queue_depth"),
    Alias("lmdeploy:gpu_cache_usage_perc", "lmdeploy", "gauge", "kv_cache_usage"),
    Alias("lmdeploy:spec_decode_num_draft_tokens_total", "lmdeploy", "counter", None, totals=("drafted",)),
    Alias("lmdeploy:spec_decode_num_accepted_tokens_total", "lmdeploy", "counter", None, totals=("accepted",)),
)

LLAMA_CPP = (
    Alias("llamacpp:prompt_tokens_total", "llama_cpp", "counter", None, totals=("prompt_tokens",)),
    Alias("llamacpp:tokens_predicted_total", "llama_cpp", "counter", None, totals=("completion_tokens",)),
    Alias("llamacpp:tokens_predicted_seconds_total", "llama_cpp", "counter", None, "s", ("decode_ms",)),
    Alias("llamacpp:requests_processing", "llama_cpp", "gauge", "batch_active"),
    Alias("llamacpp:requests_deferred", "llama_cpp", "gauge", "queue_depth"),
    Alias("llamacpp:kv_cache_usage_ratio", "llama_cpp", "gauge", "kv_cache_usage"),  # until mid-2025
)

ENGINES: tuple[Alias, ...] = (*VLLM, *SGLANG, *TGI, *TEI, *TRITON, *TENSORRT_LLM, *NIM, *LMDEPLOY, *LLAMA_CPP)
