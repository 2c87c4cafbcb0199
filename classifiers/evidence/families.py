"""Metric families: a metric's name gives its family, by the first pattern that matches.

Rules and patterns are written in families (`quality`, `decode`, ...), so that metrics with different names for the same
quantity are treated the same. Names follow the alias table of the input contract.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

Family = Literal[
    "breach", "attack", "inputs", "truncation", "cache", "context", "quality", "errors", "decode", "first_token",
    "queueing", "tokens_in", "tokens_out", "traffic", "saturation", "latency", "other",
]

FAMILIES: tuple[tuple[str, Family], ...] = (
    (r"pii|leak|policy|toxic", "breach"),
    (r"guardrail|injection|jailbreak|moderation|unauthori|auth_fail|blocked", "attack"),
    (r"schema|invalid|malformed|drift|out_of_range", "inputs"),
    (r"truncat", "truncation"),
    (r"prefix_cache|cache_hit|cached_tokens", "cache"),
    (r"retriev|rag_|hit_rate|relevance|context_precision|context_recall|grounded|faithful", "context"),
    (r"confidence|logprob|quality|evaluation", "quality"),
    (r"error|timeout|abort|failure|reject", "errors"),
    (r"tpot|itl|inter_token|per_output_token|per_token", "decode"),
    (r"ttft|time_to_first|first_token|prefill", "first_token"),
    (r"queue_depth|waiting|queue|pending", "queueing"),
    (r"prompt_tokens|input_tokens|tokens_in", "tokens_in"),
    (r"completion_tokens|output_tokens|generation_tokens|tokens_out", "tokens_out"),
    (r"requests_per_s|request_rate|tokens_per_s", "traffic"),
    (r"batch_active|running|kv_cache|cache_usage|utilization|memory", "saturation"),
    (r"latency|duration", "latency"),
)
_COMPILED = tuple((re.compile(pattern), family) for pattern, family in FAMILIES)

DEVIATION_FLOOR: dict[Family, float] = {
    "breach": 1.0, "attack": 1.0, "inputs": 1.0, "truncation": 1.0, "errors": 1.0, "queueing": 5.0, "saturation": 1.0,
}
"""Least divisor of a relative deviation, in the metric's unit.

A share of requests is nearly 0 in normal operation; with a divisor of 1 its deviation is the difference. A queue of 3
where none was expected is a finite deviation.
"""


@lru_cache(maxsize=4096)
def family_of(metric: str) -> Family:
    """The family of a metric's name, `other` when no pattern fits. Cached: about 0.1 us a call."""
    for pattern, family in _COMPILED:
        if pattern.search(metric):
            return family
    return "other"


@lru_cache(maxsize=4096)
def deviation_floor(metric: str) -> float:
    """Least divisor of a relative deviation of this metric, in its unit."""
    return DEVIATION_FLOOR.get(family_of(metric), 1e-9)
