"""The family of a metric, from its name."""

from __future__ import annotations

import pytest

from classifiers.evidence.families import family_of


@pytest.mark.parametrize(
    ("metric", "family"),
    [
        ("vllm:time_to_first_token_seconds", "first_token"), ("mean_logprob", "quality"), ("tpot_ms", "decode"),
        ("e2e_request_latency_seconds", "latency"), ("completion_tokens", "tokens_out"), ("colour", "other"),
    ],
)
def test_names_of_serving_stacks_fall_into_their_family(metric: str, family: str) -> None:
    assert family_of(metric) == family


@pytest.mark.parametrize(
    ("metric", "family"),
    [
        ("policy_violation", "breach"), ("schema_violation", "inputs"), ("auth_failure", "attack"),
        ("prefix_cache_hit_rate", "cache"), ("retrieval_hit_rate", "context"), ("kv_cache_usage", "saturation"),
    ],
)
def test_names_that_share_a_word_fall_into_different_families(metric: str, family: str) -> None:
    assert family_of(metric) == family
