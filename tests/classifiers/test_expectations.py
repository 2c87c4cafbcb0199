"""Expectations are read from a short text, and refuse what cannot be meant."""

from __future__ import annotations

import re

import pytest

from classifiers.expectations import Expectation, names_metric, parse_expectation


@pytest.mark.parametrize(("text", "metric", "op", "bound", "relative"), [
    ("latency_ms<=1.7x", "latency_ms", "<=", 1.7, True),
    (" latency_ms <= 1.7 X ", "latency_ms", "<=", 1.7, True),
    ("latency_ms<=4000", "latency_ms", "<=", 4000.0, False),
    ("latency_ms<=4e3ms", "latency_ms", "<=", 4000.0, False),
    ("confidence>=0.9x", "confidence", ">=", 0.9, True),
    ("*_ms_p99<=2x", "*_ms_p99", "<=", 2.0, True),
    ("queue_depth<=.5", "queue_depth", "<=", 0.5, False),
    ("logprob>=-1.5", "logprob", ">=", -1.5, False),
])
def test_an_expectation_is_a_metric_a_direction_and_a_bound(
    text: str, metric: str, op: str, bound: float, relative: bool,
) -> None:
    found = parse_expectation(text)
    assert (found.metric, found.op, found.bound, found.relative) == (metric, op, bound, relative)
    assert parse_expectation(str(found)) == found


@pytest.mark.parametrize(("text", "message"), [
    ("latency_ms", "'latency_ms', expected a metric, <= or >=, and a bound, such as latency_ms<=1.7x"),
    ("latency_ms=1.7x", "expected a metric, <= or >=, and a bound"),
    ("latency_ms<=1.7x,ttft_ms<=2x", "expected a metric, <= or >=, and a bound"),
    ("<=1.7x", "expected a metric, <= or >=, and a bound"),
    ("latency_ms<=1.7.2x", "expected a number after <="),
    ("latency_ms<=4s", "expected a factor such as 1.7x, or a bound in the unit of latency_ms"),
    ("latency_ms<=70%", "expected a factor such as 1.7x"),
    ("latency_ms<=0.7x", "expected a factor from 1x to 100x, since the metric may rise by it"),
    ("latency_ms<=700x", "expected a factor from 1x to 100x"),
    ("confidence>=1.2x", "expected a factor from 0x to 1x, since the metric may fall to it"),
    ("latency_ms<=1e999", "expected a finite bound"),
    ("error<=2x", "a failure rate, expected another metric, since failures are never expected"),
    ("errors<=0.5", "a failure rate"),
    ("*_error_rate<=2x", "a failure rate"),
    (f"{'m' * 201}<=2x", "expected 1 to 200 characters"),
])
def test_what_cannot_be_read_or_meant_is_refused_with_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_expectation(text)


@pytest.mark.parametrize(("text", "named", "not_named"), [
    ("latency_ms<=2x", ("latency_ms",), ("latency_ms_p99", "ttft_ms")),
    ("latency<=2x", ("latency_ms", "latency_ms_p99", "request_duration_s"), ("ttft_ms",)),
    ("t*_ms<=2x", ("ttft_ms", "tpot_ms"), ("latency_ms",)),
    ("*<=2x", ("ttft_ms", "batch_active"), ("error", "http_error_rate", "timeout_share")),
])
def test_a_metric_is_named_by_name_glob_or_family_and_a_failure_by_none(
    text: str, named: tuple[str, ...], not_named: tuple[str, ...],
) -> None:
    expectation = parse_expectation(text)
    assert all(names_metric(expectation, metric) for metric in named)
    assert not any(names_metric(expectation, metric) for metric in not_named)


def test_the_operator_is_one_of_two() -> None:
    with pytest.raises(ValueError, match="operator '<', expected <= "):
        Expectation("latency_ms", "<", 2.0, True)  # type: ignore[arg-type]
