"""The metrics of a stack: waits, tokens, quality, and the checks that some services have.

Names come in two dialects. Spreads are those of the recordings of a real server.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.triage.generator.fault import Knob, Members
from benchmarks.triage.generator.service import Requests, Service, Upstream
from detectors.base import BoolArray, FloatArray, IntArray

Knobs = Callable[[Knob], FloatArray]
Chances = Callable[[FloatArray], BoolArray]

TIMEOUT_S = 8.0
DIALECTS: dict[str, dict[str, str]] = {
    "recording": {},
    "gateway": {
        "queue_ms": "request_queue_time_ms", "ttft_ms": "time_to_first_token_ms", "tpot_ms": "inter_token_latency_ms",
        "latency_ms": "e2e_request_latency_ms", "prompt_tokens": "input_tokens", "completion_tokens": "output_tokens",
        "batch_active": "num_requests_running", "queue_depth": "num_requests_waiting",
        "retrieval_hit_rate": "rag_hit_rate", "context_relevance": "context_precision",
        "guardrail_blocked": "guardrail_triggered", "injection_score": "prompt_injection_score",
        "pii_detected": "pii_leak", "schema_violation": "invalid_input", "input_drift_score": "embedding_drift",
    },
}


def checks(
    service: Service, knob: Knobs, happens: Chances, rng: np.random.Generator, count: int,
) -> dict[str, FloatArray]:
    """The results of the optional checks of a service for each request."""
    found: dict[str, FloatArray] = {}

    def flag(name: str, base: float, knob_name: Knob) -> None:
        found[name] = happens(1.0 - (1.0 - base) * (1.0 - knob(knob_name))).astype(np.float64)

    if "rag" in service.groups:
        found["retrieval_hit_rate"] = rng.binomial(5, np.clip(0.88 * knob("hits"), 0.0, 1.0)) / 5.0
        relevance = np.clip(0.8 * knob("relevance"), 0.02, 0.98)
        found["context_relevance"] = rng.beta(12.0 * relevance, 12.0 * (1.0 - relevance))
        flag("context_truncated", 0.02, "truncated")
    if "safety" in service.groups:
        flag("guardrail_blocked", 0.01, "blocked")
        flag("policy_violation", 0.002, "violating")
        flag("auth_failure", 0.004, "unauthorised")
        flag("pii_detected", 0.004, "leaking")
        shift = knob("injecting")
        tries = happens(shift)
        found["injection_score"] = np.where(tries, rng.beta(6.0, 2.0, count), rng.beta(1.0, 30.0, count))
    if "input" in service.groups:
        flag("schema_violation", 0.005, "malformed")
        found["input_drift_score"] = rng.lognormal(np.log(0.15), 0.35, count) * (1.0 + 4.0 * knob("drifting"))
    return found


def observe(
    service: Service, members: Members, arrival_s: FloatArray, replica_of: IntArray, turned_away: BoolArray,
    fails: BoolArray, served: dict[str, FloatArray], upstream: Upstream | None, shown: dict[str, FloatArray],
    answer: dict[str, FloatArray], rng: np.random.Generator,
) -> Requests:
    """The metrics of each request."""
    count = len(arrival_s)
    extra_ms = np.zeros(count) if upstream is None else Upstream.at(upstream.extra_ms, arrival_s)
    overhead_ms = rng.gamma(2.0, 1.5, count)
    queue_ms, first_ms = served["queue_ms"] + overhead_ms, served["first_ms"] + overhead_ms + extra_ms + 2.0
    latency_ms = (served["done_s"] - arrival_s) * 1000.0 + overhead_ms + extra_ms + 2.0
    late = ~turned_away & (latency_ms > TIMEOUT_S * 1000.0) & np.isfinite(served["done_s"])
    quick_ms = rng.gamma(3.0, 4.0, count)
    latency_ms = np.where(turned_away, quick_ms + extra_ms, np.where(late, TIMEOUT_S * 1000.0, latency_ms))
    tenant = members.index["tenant"]
    normal = np.array(service.confidence)[tenant] * np.clip(1.0 + 0.11 * rng.standard_normal(count), 0.4, 1.3)
    confidence = np.clip(normal * answer["quality"], 0.02, 0.999)
    made = answer["completion_tokens"]
    tokens_ms = np.maximum(latency_ms - np.where(np.isfinite(first_ms), first_ms, 0.0), 0.1)
    metrics = {
        "latency_ms": latency_ms, "error": (fails | late).astype(np.float64), "queue_ms": queue_ms, "ttft_ms": first_ms,
        "tpot_ms": tokens_ms / np.maximum(made - 1.0, 1.0), "prompt_tokens": answer["prompt_tokens"],
        "completion_tokens": made, "confidence": confidence,
        "logprob": np.minimum(-2.65 * (1.0 - confidence) + 0.14 * rng.standard_normal(count), -0.001),
        "batch_active": served["running"], "queue_depth": served["waiting"],
    }
    unanswered = turned_away | late
    for name, values in metrics.items():
        if name not in ("latency_ms", "error"):
            metrics[name] = np.where(unanswered, np.nan, values)
    for name, values in shown.items():
        metrics[name] = np.where(turned_away & (name not in ("auth_failure", "schema_violation")), np.nan, values)
    done_s = arrival_s + latency_ms / 1000.0
    answered = (replica_of >= 0) & np.isfinite(done_s)
    return Requests(service, members, arrival_s, done_s, answered, fails | late, metrics)
