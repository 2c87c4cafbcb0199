"""One expectation covers what follows from it, up to the same factor, and never a failure."""

from __future__ import annotations

import pytest

from classifiers.causes.planned_shifts import Allowance, allowance
from classifiers.expectations import parse_expectation


def allowed(metric: str, *texts: str) -> Allowance | None:
    expectations = map(parse_expectation, texts)
    return allowance(metric, [(one, one.bound if one.relative else None) for one in expectations])


@pytest.mark.parametrize("metric", ["latency_ms", "latency_ms_p99", "ttft_ms", "tpot_ms", "queue_ms", "batch_active"])
def test_a_longer_latency_covers_the_times_it_consists_of_and_what_is_in_flight(metric: str) -> None:
    assert allowed(metric, "latency_ms<=1.7x") == Allowance(high=1.7)


def test_a_longer_latency_allows_fewer_answers_by_the_same_factor() -> None:
    assert allowed("requests_per_s", "latency_ms<=2x") == Allowance(low=0.5)


@pytest.mark.parametrize("metric", ["error", "http_timeout_rate", "confidence", "prompt_tokens", "toxicity_share", "x"])
def test_failures_and_contents_never_follow_from_a_longer_latency(metric: str) -> None:
    assert allowed(metric, "latency_ms<=1.7x") is None


def test_a_failure_is_covered_by_no_wildcard() -> None:
    assert allowed("error", "*<=5x", "latency<=5x") is None


def test_a_part_of_the_latency_covers_what_it_delays_and_not_the_other_parts() -> None:
    assert allowed("latency_ms", "ttft_ms<=2x") == Allowance(high=2.0)
    assert allowed("tpot_ms", "ttft_ms<=2x") is None


def test_longer_answers_delay_the_others() -> None:
    assert allowed("latency_ms", "completion_tokens<=1.5x") == Allowance(high=1.5)


def test_of_several_expectations_the_widest_counts() -> None:
    assert allowed("ttft_ms", "latency_ms<=1.7x", "ttft_ms<=3x") == Allowance(high=3.0)
    assert allowed("tokens", "tokens<=2x", "tokens>=0.5x") == Allowance(low=0.5, high=2.0)


def test_a_bound_in_a_unit_is_for_the_metrics_that_it_names_until_its_factor_is_known() -> None:
    expectation = parse_expectation("latency_ms<=4000")
    assert allowance("latency_ms", [(expectation, None)]) == Allowance(highest=4000.0)
    assert allowance("tpot_ms", [(expectation, None)]) is None
    assert allowance("tpot_ms", [(expectation, 1.6)]) == Allowance(high=1.6)


def test_a_fall_covers_its_family_alone() -> None:
    assert allowed("confidence_p50", "confidence>=0.9x") == Allowance(low=0.9)
    assert allowed("latency_ms", "confidence>=0.9x") is None
