"""What one shard works by: the parameters of every stage. `streams/planning.py` makes it of a configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from actions.base import Secret
from classifiers.incidents.triage import TriageParams
from classifiers.learning.prequential import LearningParams
from classifiers.silences import MaintenanceWindow
from detectors.base import Statistic
from detectors.suite import SuiteParams
from streams.intake.formats import InputPlan
from streams.intake.validation import ValidationLimits
from streams.shard.decisions import DecisionParams
from streams.shard.event_time import CadenceParams
from streams.windows.windower import WindowParams


@dataclass(frozen=True, slots=True)
class ScopeLimits:
    """Which marginals have series of their own, and the bounds of one shard.

    min_idle_s: only a series silent for so long makes room for a new one. hashed: the marginals whose values are
    published as a keyed hash alone, by `secret`.
    """

    marginals: tuple[str, ...]
    max_scopes: int
    max_values_per_label: int
    max_series: int
    max_metrics: int
    min_idle_s: float
    hashed: tuple[str, ...] = ()
    secret: Secret | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """sources: topic -> whether its records count as requests. inputs: how each source is read; one that is not in it
    is native. cadence: bounds of what is learned of the sources' delivery. config_hash names what decided, for the
    incidents; state_hash names what learned, for the snapshots. written: the configuration as a text for ticks and
    snapshots, empty where the plan is of none. read: the plan of another such text, with the same inputs; raises
    `ValueError` for a text that this release cannot read."""

    sources: Mapping[str, bool]
    validation_limits: ValidationLimits
    windows: WindowParams
    statistic_of: Callable[[str], Statistic]
    scopes: ScopeLimits
    cadence: CadenceParams
    suite: SuiteParams
    triage: TriageParams
    learning: LearningParams
    decisions: DecisionParams
    maintenance: tuple[MaintenanceWindow, ...]
    tier_of: Callable[[str], int]
    config_hash: str
    state_hash: str
    inputs: Mapping[str, InputPlan] = field(default_factory=dict)
    written: str = ""
    read: Callable[[str], Plan] | None = field(default=None, compare=False, repr=False)

    def of(self, text: str) -> Plan:
        """The plan of a written configuration; itself where it is this one, or where it cannot be read."""
        if text == self.written or self.read is None:
            return self
        with suppress(ValueError):
            return self.read(text)
        return self

    def suite_in_use(self) -> SuiteParams:
        """What builds the suite: with profiles for aggregated metrics where any source brings them."""
        return self.suite.with_aggregated_profiles() if any(map(self.is_aggregated, self.sources)) else self.suite

    def is_aggregated(self, source: str) -> bool:
        """Whether the values of a source were aggregated by whoever wrote them."""
        return source in self.inputs and self.inputs[source].aggregated
