"""From the operator's configuration to the plan of a shard."""

from __future__ import annotations

from typing import Literal

from config.identity import config_hash, deciding_text, state_hash, with_deciding
from config.models import Config, Input
from streams.intake.formats import InputOptions, InputPlan
from streams.intake.validation import ValidationLimits
from streams.shard.decisions import DecisionParams
from streams.shard.event_time import CadenceParams
from streams.shard.plan import Plan, ScopeLimits
from streams.windows.windower import WindowParams


def plan_of(config: Config) -> Plan:
    """The plan of a validated configuration."""
    windows, codec, scopes = config.windows, config.codec, config.scopes
    return Plan(
        sources={source.topic: source.count_requests for source in config.inputs},
        validation_limits=ValidationLimits(
            codec.max_future_s, codec.max_age_s, codec.max_label_length, codec.max_metrics, codec.max_bytes,
        ),
        windows=WindowParams(
            windows.size_s, windows.min_count, windows.max_wait_s, windows.rate_metric,
        ),
        statistic_of=windows.statistic_of,
        scopes=ScopeLimits(
            scopes.marginals, scopes.max_scopes, scopes.max_values_per_label, scopes.max_series, scopes.max_metrics,
            scopes.min_idle_s, config.labels.hashed, config.labels.secret,
        ),
        cadence=CadenceParams(
            _known(windows.lateness_s), _known(windows.idle_after_s), windows.max_lateness_s, windows.max_idle_after_s,
        ),
        suite=config.detection,
        triage=config.triage,
        learning=config.learning,
        decisions=DecisionParams(config.playbooks, config.limits),
        maintenance=config.maintenance,
        tier_of=config.tier_of,
        config_hash=config_hash(config),
        state_hash=state_hash(config),
        inputs={source.topic: _input(source) for source in config.inputs},
        written=deciding_text(config),
        read=lambda text: plan_of(with_deciding(config, text)),
    )


def _known(duration_s: float | Literal["auto"]) -> float | None:
    return None if duration_s == "auto" else duration_s


def _input(source: Input) -> InputPlan:
    return InputPlan(source.format, InputOptions(source.unknown_metrics, source.labels, source.max_series))
