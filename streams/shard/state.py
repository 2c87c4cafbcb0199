"""The state of one shard: every table, detector and open incident that its records have led to, and how it is wired.

What happens to it is in `streams/pipeline.py`; how it becomes a snapshot is in `streams/shard/snapshot.py`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import inf

from actions.trust.hashed_labels import published_as
from classifiers.incidents.alarmed_series import AlarmedSeriesTable
from classifiers.incidents.triage import Triage
from classifiers.learning.learning_state import LearningState
from classifiers.learning.prequential import PrequentialRecord
from classifiers.model import Severity
from detectors.suite import Suite
from streams.intake.aggregated.instant import REQUEST_RATE
from streams.intake.codec import Codec
from streams.intake.formats import NATIVE, build_codec
from streams.intake.scopes import ScopeTable
from streams.presence.traffic import Traffic
from streams.shard.changed.fingerprints import Fingerprints
from streams.shard.decisions import Decider
from streams.shard.detection import Detection
from streams.shard.directives import ShardDirectives
from streams.shard.event_time import EventTime
from streams.shard.plan import Plan
from streams.shard.planned_changes import PlannedChanges
from streams.shard.presence import Presence
from streams.shard.recent.recent_windows import RecentWindows
from streams.shard.recent.series_report import SeriesReport
from streams.shard.repeats import Repeats
from streams.shard.rows import Rows
from streams.shard.series_states import SeriesCounts, count_series
from streams.windows.provenance import Provenance
from streams.windows.series import SeriesTable
from streams.windows.windower import Windower

FIRST_ROWS = 256


@dataclass(frozen=True, slots=True)
class ShardStatus:
    """What a shard reports of itself. evaluated_until_s: event time up to which everything is decided, None before the
    first window. incidents_open: by severity. severity, category: how the advisor does beside the rules."""

    evaluated_until_s: float | None
    series: SeriesCounts
    incidents_open: Counter[Severity]
    severity: PrequentialRecord
    category: PrequentialRecord


class ShardState:
    """See the module. number: of the partition, None without a broker.

    offsets: per topic the next offset that the state does not contain. begins: per topic that was not among them at the
    last tick, the offset of its first record. ignored: since the last tick, offsets of outcomes that do not count, as
    ranges. changes: how many decisions and directives it has seen, so that an owner
    knows of changes that no record brought about. ticked_at_s: the owner's clock at the last tick, None before the
    first; generation: of that tick. event_time: the owner's estimate; nothing that a tick does depends on it.
    """

    def __init__(self, plan: Plan, number: int | None = None) -> None:
        self.plan = plan
        self.number = number
        self.offsets: dict[str, int] = {}
        self.begins: dict[str, int] = {}
        self.ignored: list[tuple[int, int]] = []
        self.changes = 0
        self.ticked_at_s: float | None = None
        self.generation = 0
        self.event_time = EventTime(plan.cadence, {source: plan.is_aggregated(source) for source in plan.sources})
        limits, suite_params = plan.scopes, plan.suite_in_use()
        self.scopes = ScopeTable(
            limits.max_scopes, limits.marginals, limits.max_values_per_label,
            published_as(limits.hashed, limits.secret),
        )
        self.series = SeriesTable(limits.max_series, self.scopes, limits.min_idle_s, limits.max_metrics)
        self.windower = Windower(plan.windows, self.series, plan.statistic_of)
        self.suite = Suite(suite_params, FIRST_ROWS)
        self.fingerprints = Fingerprints(plan, suite_params)
        traffic = Traffic(plan.windows.size_s, frozenset({plan.windows.rate_metric, REQUEST_RATE}))
        self.rows = Rows(self.series, self.suite, suite_params.profiles, traffic)
        self.presence = Presence(
            self.series, self.suite, self.rows, traffic, plan.triage.silent_after_s, plan.triage.accept_after_s,
        )
        self.triage = Triage(plan.triage, plan.tier_of, plan.config_hash, learning=LearningState(plan.learning))
        self.directives = ShardDirectives(plan.maintenance)
        self.decider = Decider(plan.decisions, self.triage, self.directives, self.rows, limits.min_idle_s)
        self.provenance = Provenance(plan.windows.size_s, self.windower.wait_windows, number)
        self.planned = PlannedChanges(self.series, self.suite, self.rows, suite_params)
        self.recent = RecentWindows()
        self.detection = Detection(
            self.series, self.suite, self.rows, self.triage, self.provenance, self.presence, plan.windows.size_s,
            self.planned, self.recent,
        )
        self.repeats = Repeats()
        self.alarmed = AlarmedSeriesTable()
        self.report = SeriesReport(self.series, self.suite, self.rows, self.recent, self.alarmed)
        self.codecs: dict[str, Codec] = {}
        for source in plan.sources:
            self.codecs[source] = build_codec(plan.inputs.get(source, NATIVE), self.scopes, plan.validation_limits)

    def status(self) -> ShardStatus:
        """The figures that metrics and health pages show."""
        evaluated_s = self.detection.evaluated_until_s
        advisor = self.triage.learning.advisor
        return ShardStatus(
            evaluated_until_s=None if evaluated_s == -inf else evaluated_s,
            series=count_series(self.series.active(), self.rows, self.suite, evaluated_s),
            incidents_open=Counter(one.severity for one in self.triage.open_incidents()),
            severity=advisor.severity,
            category=advisor.category,
        )
