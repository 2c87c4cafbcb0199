"""The metrics of a worker: every metric of Tocsin, with its name, help and labels.

Names are `tocsin_<noun>_<unit|total>` in base units. Label sets are closed, and a series key never becomes a label.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from prometheus_client import CollectorRegistry

from actions.model import Status
from actions.trust.keys import FaultReason
from classifiers.accounting.stage_timeline import STAGES
from classifiers.model import Category, Severity, StageStatus
from streams.contracts.control_records import RefusalReason
from streams.intake.dead_letters import Reason
from streams.telemetry.families import OPEN, Families
from streams.telemetry.process_metrics import ProcessMetrics

WorkerStage = Literal["decode", "window", "detect", "triage", "publish", "snapshot", "execute"]
RecordOutcome = Literal["accepted", "late", "dead"]
TransitionLabel = Literal["open", "update", "resolve"]
SnapshotOutcome = Literal["stored", "failed"]
RestoreOutcome = Literal["restored", "empty", "version", "corrupt"]
ControlAnswer = Literal["accepted", RefusalReason]
SignedKind = Literal["incident", "outcome"]
AdvisorQuestion = Literal["severity", "category"]
SeriesState = Literal["warming", "ready", "silent"]
ScopeLabel = Literal["model", "version", "replica", "tenant"]

STAGE_BUCKETS_S = (0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 30.0)
END_TO_END_BUCKETS_S = (0.1, 0.25, 0.5, 0.75, 1.0, 1.3, 1.75, 2.5, 3.5, 5.0, 10.0, 30.0, 120.0)
INCIDENT_BUCKETS_S = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 1800.0, 7200.0, 28_800.0)
BATCH_BUCKETS = (1, 10, 50, 100, 500, 1_000, 2_500, 5_000, 10_000, 50_000)


@dataclass(frozen=True, slots=True)
class Labels:
    """The label values that only the composition root knows, so that their counters start at 0.

    A value outside these sets is counted too; it appears when it first happens.
    """

    topics: tuple[str, ...] = ()
    detectors: tuple[str, ...] = ()
    action_kinds: tuple[str, ...] = ()


class WorkerMetrics:
    """The metric families of one worker, in a registry of their own."""

    def __init__(self, labels: Labels, version: str) -> None:
        self.registry = CollectorRegistry()
        families = Families(self.registry)
        self._declare_input(families, labels)
        self._declare_series(families, labels)
        self._declare_incidents(families, labels)
        self._declare_control(families)
        self._declare_state(families)
        self.process = ProcessMetrics(self.registry, version)

    def _declare_input(self, own: Families, labels: Labels) -> None:
        self.records = own.counter(
            "tocsin_records", "Input records.", topic=labels.topics, outcome=get_args(RecordOutcome),
        )
        self.records_removed = own.counter(
            "tocsin_records_removed", "Records that retention removed before they were read.", topic=labels.topics,
        )
        self.dead_letters = own.counter("tocsin_dead_letters", "Records refused, by reason.", reason=get_args(Reason))
        self.points = own.counter(
            "tocsin_points_without_value", "Points of aggregated metrics without a value, by reason.", topic=OPEN,
            reason=OPEN,
        )
        self.unwatched = own.gauge(
            "tocsin_topic_unwatched", "1 where none of the points of an input topic has a name that is watched.",
            topic=OPEN,
        )
        self.records_without_key = own.counter(
            "tocsin_records_without_key", "Records without a key, which are spread over the shards.",
            topic=labels.topics,
        )
        self.values_dropped = own.counter(
            "tocsin_values_dropped", "Metric values dropped: beyond scopes.max_metrics, or under a reserved name.",
        )
        self.batches = own.counter("tocsin_batches", "Record batches taken in.")
        self.batch_records = own.histogram("tocsin_batch_records", "Records in one batch.", BATCH_BUCKETS)
        self.stage = own.histogram(
            "tocsin_stage_seconds", "Time in one stage, per batch.", STAGE_BUCKETS_S, stage=get_args(WorkerStage),
        )
        self.blind = own.gauge(
            "tocsin_shard_blind_seconds", "For how long silence could not be judged; 0 while it can.", partition=OPEN,
        )
        self.delay = own.gauge(
            "tocsin_source_delay_seconds", "How late records of a source are expected at most.", topic=OPEN,
            partition=OPEN,
        )
        self.lateness = own.gauge(
            "tocsin_source_lateness_seconds", "How far records of a source may be out of order.", topic=OPEN,
            partition=OPEN,
        )
        self.lag = own.gauge("tocsin_lag_records", "Records not yet processed.", topic=OPEN, partition=OPEN)
        self.watermark_lag = own.gauge(
            "tocsin_watermark_lag_seconds", "Wall clock minus the event-time watermark.", partition=OPEN,
        )
        self.stalled = own.gauge(
            "tocsin_watchdog_stalled", "1 where records wait and none is processed.", topic=OPEN, partition=OPEN,
        )

    def _declare_series(self, own: Families, labels: Labels) -> None:
        self.series = own.gauge(
            "tocsin_series", "Series that exist: warming up, ready, or silent for longer than usual.",
            state=get_args(SeriesState),
        )
        self.series_evicted = own.counter("tocsin_series_evicted", "Series given up under the cap.")
        self.series_refused = own.counter(
            "tocsin_series_refused", "Windows without a series because scopes.max_series is reached.",
        )
        self.scopes_overflowed = own.counter(
            "tocsin_scopes_overflowed", "Samples without a scope of their own because a cap is reached, by label.",
            label=get_args(ScopeLabel),
        )
        self.anomalies = own.counter("tocsin_anomalies", "Windows beyond their budget.", detector=labels.detectors)

    def _declare_incidents(self, own: Families, labels: Labels) -> None:
        self.incidents = own.counter(
            "tocsin_incidents", "Incidents published.", category=get_args(Category), severity=get_args(Severity),
            transition=get_args(TransitionLabel),
        )
        self.incidents_open = own.gauge("tocsin_incidents_open", "Incidents open now.", severity=get_args(Severity))
        self.incident_stage_s = own.histogram(
            "tocsin_incident_stage_seconds", "From the estimated onset to a stage, written when the incident resolved.",
            INCIDENT_BUCKETS_S, stage=STAGES, severity=get_args(Severity),
        )
        self.incident_stages = own.counter(
            "tocsin_incident_stages", "Stages of resolved incidents, by whether they have a time.", stage=STAGES,
            status=get_args(StageStatus),
        )
        self.end_to_end = own.histogram(
            "tocsin_end_to_end_seconds", "Event-time end of the deciding window to the published incident.",
            END_TO_END_BUCKETS_S,
        )
        self.actions = own.counter(
            "tocsin_actions", "Intents that came to an end.", kind=labels.action_kinds, status=get_args(Status),
        )

        self.remedies = own.gauge(
            "tocsin_remedies_in_force", "Remedies in force on the targets of this worker, by kind.",
            kind=labels.action_kinds,
        )
        self.breakers = own.gauge(
            "tocsin_breaker_state",
            "Breakers of this worker's targets: 0 closed, 1 half open, 2 open, 3 forced open, 4 disabled.", target=OPEN,
        )
        self.storm = own.gauge("tocsin_storm_brake", "1 while the storm brake is tripped.")

    def _declare_control(self, own: Families) -> None:
        self.control = own.counter(
            "tocsin_control_records", "Control records, accepted or refused.", answer=get_args(ControlAnswer),
        )
        self.unauthentic = own.counter(
            "tocsin_intents_unauthentic", "Intents refused for their signature, by reason.",
            reason=get_args(FaultReason),
        )
        self.ignored = own.counter(
            "tocsin_records_unauthentic", "Incidents and outcomes ignored for their signature, by reason.",
            record=get_args(SignedKind), reason=get_args(FaultReason),
        )
        self.broadcast_lag = own.gauge(
            "tocsin_broadcast_lag_records", "Control records and incidents not yet read; NaN while unknown.",
        )
        self.broadcast_lag.set(math.nan)
        self.advisor_record = own.gauge(
            "tocsin_advisor_record", "Confirmed incidents: seen, and those that the advisor or the rules had right.",
            question=OPEN, truth=OPEN, right=OPEN,
        )
        self.advisor_trusted = own.gauge(
            "tocsin_advisor_trusted", "1 while what was learned may move a severity.", question=OPEN,
        )

    def _declare_state(self, own: Families) -> None:
        self.snapshots = own.counter("tocsin_snapshots", "Snapshots tried.", outcome=get_args(SnapshotOutcome))
        self.snapshot_bytes = own.gauge("tocsin_snapshot_bytes", "Size of the last stored snapshot.")
        self.snapshot_age = own.gauge("tocsin_snapshot_age_seconds", "Since the last stored snapshot; NaN before it.")
        self.restores = own.counter("tocsin_restore", "Partition states asked for.", outcome=get_args(RestoreOutcome))
