"""What one shard works by: the operator's configuration, turned into the parameters of every stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from classifiers.incidents.triage import TriageParams
from classifiers.learning.prequential import LearningParams
from classifiers.silences import MaintenanceWindow
from config.identity import config_hash, state_hash
from config.models import Config, Input, Scopes
from detectors.suite import SuiteParams
from streams.intake.formats import InputOptions, InputPlan
from streams.intake.validation import Rules
from streams.shard.decisions import DecisionParams
from streams.windows.windower import Statistic, WindowParams


@dataclass(frozen=True, slots=True)
class Plan:
    """sources: topic -> whether its records count as requests. idle_s: silence after which a source that is read to its
    end no longer holds back the clock. config_hash names what judged, for the incidents; state_hash what learned, for
    the snapshots."""

    sources: Mapping[str, bool]
    rules: Rules
    windows: WindowParams
    statistic_of: Callable[[str], Statistic]
    scopes: Scopes
    idle_s: float
    suite: SuiteParams
    triage: TriageParams
    learning: LearningParams
    decisions: DecisionParams
    maintenance: tuple[MaintenanceWindow, ...]
    tier_of: Callable[[str], int]
    config_hash: str
    state_hash: str
    inputs: Mapping[str, InputPlan] = field(default_factory=dict)
    """How each source is read; one that is not in it is native."""

    def judged_by(self) -> SuiteParams:
        """What builds the suite: with profiles for aggregated metrics where any source brings them."""
        aggregated = any(self.inputs[source].aggregated for source in self.sources if source in self.inputs)
        return self.suite.following() if aggregated else self.suite


def plan_of(config: Config) -> Plan:
    """The plan of a validated configuration."""
    windows, codec = config.windows, config.codec
    return Plan(
        sources={source.topic: source.count_requests for source in config.inputs},
        rules=Rules(
            codec.max_future_s, codec.max_age_s, codec.max_label_length, codec.max_metrics, codec.max_bytes,
        ),
        windows=WindowParams(
            windows.size_s, windows.lateness_s, windows.min_count, windows.max_wait_s, windows.rate_metric,
        ),
        statistic_of=windows.statistic_of,
        scopes=config.scopes,
        idle_s=windows.idle_after_s,
        suite=config.detection,
        triage=config.triage,
        learning=config.learning,
        decisions=DecisionParams(config.playbooks, config.limits),
        maintenance=config.maintenance,
        tier_of=config.tier_of,
        config_hash=config_hash(config),
        state_hash=state_hash(config),
        inputs={source.topic: _input(source) for source in config.inputs},
    )


def _input(source: Input) -> InputPlan:
    return InputPlan(source.format, InputOptions(source.unknown_metrics, source.labels, source.max_series))
