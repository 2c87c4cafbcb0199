"""Metric families: what a metric's name says about the serving stack, first match wins.

Rules and patterns speak of families (`quality`, `decode`, ...), so that a metric with another name for the same thing
is judged the same. Names follow the alias table of the input contract.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

Family = Literal[
    "quality", "decode", "queueing", "latency", "tokens_out", "tokens_in", "errors", "saturation", "traffic", "other",
]

FAMILIES: tuple[tuple[str, Family], ...] = (
    (r"confidence|logprob|quality|evaluation", "quality"),
    (r"error|timeout|abort|failure|reject", "errors"),
    (r"tpot|itl|inter_token|per_output_token|per_token", "decode"),
    (r"queue_depth|waiting|queue|ttft|time_to_first", "queueing"),
    (r"prompt_tokens|input_tokens|tokens_in", "tokens_in"),
    (r"completion_tokens|output_tokens|generation_tokens|tokens_out", "tokens_out"),
    (r"requests_per_s|request_rate", "traffic"),
    (r"batch_active|running|kv_cache|cache_usage|utilization|memory", "saturation"),
    (r"latency|duration", "latency"),
)
_COMPILED = tuple((re.compile(pattern), family) for pattern, family in FAMILIES)


@lru_cache(maxsize=4096)
def family_of(metric: str) -> Family:
    """The family of a metric's name, `other` when no pattern fits. Cached: about 0.1 us a call."""
    for pattern, family in _COMPILED:
        if pattern.search(metric):
            return family
    return "other"
