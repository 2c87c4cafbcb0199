"""Patterns, labels, matchers, topics and targets of stages that nothing can match are warned of; others are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import examine
from streams.intake.aggregated.alias_table import METRICS

SCRAPED = "inputs: [{topic: metrics, format: prometheus_json}]\n"
NATIVE = "inputs: [{topic: inference.latency}]\n"
PASSING = "inputs: [{topic: metrics, format: otlp_json, unknown_metrics: pass}]\n"
BOOK = (
    "playbooks: [{{name: a, version: 1, match: {{{match}}}, mode: {mode}, steps: [{{kind: {kind}, "
    "target: '{{service}}'}}]}}]\n"
)


def warnings(tmp_path: Path, text: str) -> list[str]:
    """The warnings about these settings, but for those about keys: none of these configurations has any."""
    file = tmp_path / "site.yaml"
    file.write_text("version: 1\n" + text, encoding="utf-8")
    found = [str(warning).removeprefix(str(file)) for warning in examine(file, {}, METRICS)[1]]
    return [text for text in found if "nothing is signed" not in text]


def profile(metrics: str, labels: str = "") -> str:
    return f"detection: {{profiles: [{{name: mine, metrics: '{metrics}', labels: {{{labels}}}}}]}}\n"


@pytest.mark.parametrize(("metrics", "hint"), [
    ("latency_m", " (did you mean latency_ms?)"), ("confidence", ""), (".*guardrail.*", ""), ("acme|ttft_mss", " (did"),
])
def test_a_pattern_that_matches_no_metric_of_the_alias_table_is_warned_of_where_inputs_give_no_other(
    tmp_path: Path, metrics: str, hint: str,
) -> None:
    (found,) = warnings(tmp_path, SCRAPED + profile(metrics))
    assert found.startswith(
        f":3: detection.profiles[0].metrics: got '{metrics}', expected a metric that an input gives{hint}",
    )


@pytest.mark.parametrize("inputs", [NATIVE, PASSING])
def test_where_an_input_may_give_any_metric_only_a_name_close_to_a_known_one_is_warned_of(
    tmp_path: Path, inputs: str,
) -> None:
    (found,) = warnings(tmp_path, inputs + profile("confidense"))
    assert "got 'confidense', expected a metric that is known (did you mean confidence?)" in found
    for metrics in ("acme_load", ".*_quality", "latency_ms_p90", "request_latency_ms", "(acme|latency_m)"):
        assert warnings(tmp_path, inputs + profile(metrics)) == []


@pytest.mark.parametrize("metrics", ["latency_ms", "ttft_ms_p95|acme", ".*_ms"])
def test_a_pattern_that_matches_a_known_metric_is_right(tmp_path: Path, metrics: str) -> None:
    for inputs in (SCRAPED, NATIVE):
        assert warnings(tmp_path, inputs + profile(metrics)) == []


def test_a_misspelt_metric_of_a_statistic_is_warned_of(tmp_path: Path) -> None:
    (found,) = warnings(tmp_path, "windows: {statistics: [{metrics: ttft_mss, statistic: p95}]}\n")
    assert ":2: windows.statistics[0].metrics: got 'ttft_mss', expected a metric that is known (did you mean" in found


def test_a_shipped_profile_that_an_input_gives_nothing_to_is_no_mistake_of_the_operator(tmp_path: Path) -> None:
    text = SCRAPED + "detection: {profiles: [{name: guardrails, min_abs: 0.2}]}\n"
    assert warnings(tmp_path, text) == []


@pytest.mark.parametrize(("labels", "expected"), [
    ("tenant: 'a*'", "got tenant, expected labels that a series may have (scopes.marginals has no tenant)"),
    ("version: a, replica: b", "got version, replica, expected labels that one series may have: at most one of ver"),
])
def test_a_profile_of_labels_that_no_series_has_is_warned_of(tmp_path: Path, labels: str, expected: str) -> None:
    text = "scopes: {marginals: [version, replica]}\n"
    (found,) = warnings(tmp_path, text + profile("latency_ms", labels))
    assert expected in found
    assert warnings(tmp_path, text + profile("latency_ms", "service: a, model: b, version: c")) == []


@pytest.mark.parametrize(("matcher", "expected"), [
    ("tenant=\"a\"", "a label that an incident may have (scopes.marginals has no tenant)"),
    ("tenant!=\"\"", "a label that an incident may have (scopes.marginals has no tenant)"),
    ("tenant!=\"a\"", None), ("tenant=~\".*\"", None), ("replica=\"r1\"", None), ("service=\"a\"", None),
    ("severity=\"P7\"", "one of P0, P1, P2, P3, P4"), ("severity=~\"P[01]\"", None),
    ("category=\"performance\"", "one of "), ("category=\"telemetry\"", None),
])
def test_a_matcher_that_fits_no_incident_is_warned_of(tmp_path: Path, matcher: str, expected: str | None) -> None:
    interval = "time_intervals: [{times: [{start_time: \"01:00\", end_time: \"02:00\"}]}]"
    text = f"maintenance: [{{name: a, matchers: ['{matcher}'], {interval}}}]\nscopes: {{marginals: [replica]}}\n"
    found = warnings(tmp_path, text)
    if expected is None:
        assert found == []
    else:
        assert found[0].startswith(f":2: maintenance[0].matchers[0]: got {matcher!r}, expected {expected}")


def test_an_input_that_looks_like_a_shipped_one_is_warned_of(tmp_path: Path) -> None:
    (found,) = warnings(tmp_path, "inputs: [{topic: inference.latncy}, {topic: inference.tokens}]\n")
    assert found == (
        ":2: inputs[0].topic: got 'inference.latncy', expected a topic (did you mean inference.latency?)"
    )
    more = "inputs: [{topic: inference.latency}, {topic: inference.latency2}, {topic: otlp}]\n"
    assert warnings(tmp_path, more) == []


@pytest.mark.parametrize(("text", "expected"), [
    ("targets: {P1: {detect: 500ms}}", "targets.P1.detect: got 500ms, expected at least 1s (windows.size"),
    ("targets: {P0: {recover: 2s}}\nwindows: {size: 5s}", "targets.P0.recover: got 2s, expected at least 5s"),
    ("targets: {P0: {resolve: 8s}}", "targets.P0.resolve: got 8s, expected at least 9s (windows.size and triage.re"),
    ("targets: {P0: {act: 30s}}", "targets.P0.act: got 30s, expected null, or a playbook in mode auto with a remedy"),
    (
        "targets: {P0: {act: 30s}}\n" + BOOK.format(match="", mode="auto", kind="notify"),
        "targets.P0.act: got 30s, expected null, or a playbook in mode auto with a remedy",
    ),
    (
        "targets: {P0: {act: 30s}}\nactions: {throttle: {url: 'http://127.0.0.1/x'}}\n"
        + BOOK.format(match="severities: [P1]", mode="auto", kind="throttle"), "targets.P0.act: got 30s",
    ),
])
def test_a_target_that_no_incident_can_meet_is_warned_of(tmp_path: Path, text: str, expected: str) -> None:
    (found,) = warnings(tmp_path, text + "\n")
    assert expected in found


def test_a_target_that_can_be_met_is_right(tmp_path: Path) -> None:
    book = BOOK.format(match="", mode="auto", kind="throttle")
    text = "targets: {P0: {detect: 1s, act: 1s, resolve: 9s}}\nactions: {throttle: {url: 'http://127.0.0.1/x'}}\n"
    assert warnings(tmp_path, text + book) == []
