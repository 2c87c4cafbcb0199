from __future__ import annotations

from pathlib import Path

import pytest

from streams.intake.formats import InputOptions, InputPlan
from streams.planning import plan_of
from streams.shard.event_time import CadenceParams
from tests.streams.fakes import config_of


def test_the_sources_are_the_inputs_and_say_which_of_them_counts_requests(tmp_path: Path) -> None:
    plan = plan_of(config_of(tmp_path))
    assert plan.sources == {"inference.latency": True, "inference.confidence": False, "inference.tokens": False}


def test_an_input_of_aggregated_metrics_is_read_as_the_operator_said(tmp_path: Path) -> None:
    plan = plan_of(config_of(tmp_path, """\
version: 1
inputs:
  - {topic: a}
  - {topic: b, format: otlp_json, unknown_metrics: pass, labels: {tenant: [customer.id]}, max_series: 7}
"""))
    assert plan.inputs["a"] == InputPlan("native")
    assert plan.inputs["b"] == InputPlan("otlp_json", InputOptions("pass", {"tenant": ("customer.id",)}, 7))
    assert plan.suite_in_use() == plan.suite.with_aggregated_profiles()
    assert plan_of(config_of(tmp_path)).suite_in_use() == plan.suite


def test_every_stage_gets_what_the_operator_said(tmp_path: Path) -> None:
    plan = plan_of(config_of(tmp_path, """\
version: 1
codec: {max_age: 1h, max_label_length: 9}
windows: {size: 2s, lateness: 100ms, max_lateness: 9s, idle_after: 7s,
   statistics: [{metrics: '.*_ms', statistic: p95}]}
scopes: {max_series: 5}
services: [{match: "pay*", tier: 1}]
limits: {futile_after: 9}
"""))
    assert (plan.validation_limits.max_age_s, plan.validation_limits.max_label_length) == (3600.0, 9)
    assert (plan.windows.size_s, plan.suite.window_s, plan.cadence) == (2.0, 2.0, CadenceParams(0.1, 7.0, 9.0, 120.0))
    assert (plan.statistic_of("ttft_ms"), plan.statistic_of("confidence")) == ("p95", "mean")
    assert (plan.tier_of("payments"), plan.tier_of("chat")) == (1, 2)
    assert (plan.scopes.max_series, plan.decisions.limits.futile_after) == (5, 9)


@pytest.mark.parametrize(
    ("text", "judged", "learned"),
    [
        ("triage: {confirm_instants: 3}", True, False), ("windows: {size: 2s}", True, True),
        ("limits: {futile_after: 9}", True, False), ("kafka: {group: other}", False, False),
        ("detection: {false_alarm_every: 1d}", True, True),
    ],
)
def test_a_state_is_bound_to_what_it_learned_by_and_an_incident_to_what_judged_it(
    tmp_path: Path, text: str, judged: bool, learned: bool,
) -> None:
    plain, other = plan_of(config_of(tmp_path)), plan_of(config_of(tmp_path, f"version: 1\n{text}\n"))
    assert (plain.config_hash != other.config_hash, plain.state_hash != other.state_hash) == (judged, learned)
