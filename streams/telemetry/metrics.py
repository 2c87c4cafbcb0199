"""What a worker tells Prometheus: one registry a worker, every metric of Tocsin named here and nowhere else.

Names are `tocsin_<noun>_<unit|total>` in base units. Label sets are closed and their children exist from the start, so
that a rate over a counter that never moved is 0 and not absent; a series key never becomes a label. Partition labels
come and go with the assignment: `revoke` removes them, or a moved partition would report its last lag for ever.

Callers say what happened (`telemetry.dead_letter("not_json")`) and never touch a metric object.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import product
from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest

from actions.model import Status
from classifiers.accounting.stage_timeline import STAGES
from classifiers.learning.prequential import Record, Tallied
from classifiers.model import Category, Severity, StageStatus, StageTime
from streams.contracts.control_records import RefusalReason
from streams.intake.codec import SkipReason
from streams.intake.dead_letters import Reason

Stage = Literal["decode", "window", "detect", "triage", "publish", "snapshot", "execute"]
RecordOutcome = Literal["accepted", "late", "dead"]
Transition = Literal["open", "update", "resolve"]
SnapshotOutcome = Literal["stored", "failed"]
RestoreOutcome = Literal["restored", "empty", "version", "corrupt"]
ControlAnswer = Literal["believed", RefusalReason]
Question = Literal["severity", "category"]
SeriesState = Literal["warming", "ready", "silent"]

STAGE_BUCKETS_S = (0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 30.0)
END_TO_END_BUCKETS_S = (0.1, 0.25, 0.5, 0.75, 1.0, 1.3, 1.75, 2.5, 3.5, 5.0, 10.0, 30.0, 120.0)
INCIDENT_BUCKETS_S = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 1800.0, 7200.0, 28_800.0)
BATCH_BUCKETS = (1, 10, 50, 100, 500, 1_000, 2_500, 5_000, 10_000, 50_000)


@dataclass(frozen=True, slots=True)
class Labels:
    """The values that only the composition root knows, so that their counters start at 0.

    A value outside these sets is still counted; it only appears when it first happens.
    """

    topics: tuple[str, ...] = ()
    detectors: tuple[str, ...] = ()
    action_kinds: tuple[str, ...] = ()


class Telemetry:
    """The registry of one worker and the verbs that fill it.

    Not for several processes: each worker has its own and is scraped on its own. Every verb costs a microsecond or two
    and is called once per batch or rarer, never per record. Nothing here raises on a value: telemetry must not be able
    to stop the work it describes. `clock` is monotonic seconds, read for durations and ages only.
    """

    def __init__(self, labels: Labels, *, version: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.registry = CollectorRegistry()
        self._clock = clock
        self._snapshot_at: float | None = None
        self._lagging: set[tuple[str, int]] = set()
        self._build_input(labels)
        self._build_verdicts(labels)
        self._build_state(version)

    # -- what came in ------------------------------------------------------------------------------------------------

    def batch(self, topic: str, *, accepted: int, late: int, dead: int) -> None:
        """One record batch was taken in; the three numbers add up to its records."""
        self._batches.inc()
        self._batch_records.observe(accepted + late + dead)
        for outcome, count in (("accepted", accepted), ("late", late), ("dead", dead)):
            if count:
                self._records.labels(topic, outcome).inc(count)

    def dead_letter(self, reason: Reason, count: int = 1) -> None:
        """Records went to the dead-letter topic."""
        self._dead_letters.labels(reason).inc(count)

    def points(self, topic: str, why: SkipReason, count: int) -> None:
        """Points of aggregated metrics gave no value, and were not malformed either."""
        self._points.labels(topic, why).inc(count)

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        """Time the block as one run of a stage, also when it raises."""
        start_s = self._clock()
        try:
            yield
        finally:
            self._stage.labels(stage).observe(self._clock() - start_s)

    def lag(self, topic: str, partition: int, *, records: int | None, watermark_lag_s: float | None) -> None:
        """How far a partition is behind; None where it is not known yet."""
        self._lagging.add((topic, partition))
        self._lag.labels(topic, str(partition)).set(_gauge(records))
        self._watermark_lag.labels(str(partition)).set(_gauge(watermark_lag_s))

    def stalled(self, topic: str, partition: int, stalled: bool) -> None:
        """The watchdog's verdict on a partition."""
        self._lagging.add((topic, partition))
        self._stalled.labels(topic, str(partition)).set(stalled)

    def revoke(self, partitions: Iterable[tuple[str, int]]) -> None:
        """Forget partitions that moved to another worker; unknown ones are ignored.

        The watermark belongs to a partition number over all topics, so it goes with the last of them.
        """
        for topic, partition in partitions:
            if (topic, partition) in self._lagging:
                self._lagging.discard((topic, partition))
                _drop(self._lag, topic, str(partition))
                _drop(self._stalled, topic, str(partition))
            if all(number != partition for _, number in self._lagging):
                _drop(self._watermark_lag, str(partition))

    # -- what was found and done -------------------------------------------------------------------------------------

    def series(self, counts: dict[SeriesState, int]) -> None:
        """The series alive now, by state; a state left out is 0."""
        for state in get_args(SeriesState):
            self._series.labels(state).set(counts.get(state, 0))

    def evicted(self, count: int) -> None:
        """Series gave way to others under the cardinality cap."""
        self._series_evicted.inc(count)

    def anomalies(self, detector: str, count: int = 1) -> None:
        """Windows were strange beyond their budget."""
        self._anomalies.labels(detector).inc(count)

    def incident(self, category: Category, severity: Severity, transition: Transition) -> None:
        """An incident was published."""
        self._incidents.labels(category, severity, transition).inc()

    def ended(self, peak_severity: Severity, stage_times: Mapping[str, StageTime]) -> None:
        """An incident resolved: how long each stage took, and where a time is missing, why."""
        for stage, took in stage_times.items():
            self._incident_stages.labels(stage, took.status).inc()
            if took.value_s is not None:
                self._incident_stage_s.labels(stage, peak_severity).observe(took.value_s)

    def incidents_open(self, count: int) -> None:
        """The incidents open on this worker now."""
        self._incidents_open.set(count)

    def end_to_end(self, seconds: float) -> None:
        """From the event-time end of the deciding window to the published incident."""
        self._end_to_end.observe(seconds)

    def action(self, kind: str, status: Status) -> None:
        """An intent came to an end."""
        self._actions.labels(kind, status).inc()

    # -- what was said -----------------------------------------------------------------------------------------------

    def control(self, answer: ControlAnswer, count: int = 1) -> None:
        """Control records were believed, or refused and why."""
        self._control.labels(answer).inc(count)

    def broadcast_lag(self, records: int | None) -> None:
        """How much of what others say is still to be read; None while that is not known."""
        self._broadcast_lag.set(_gauge(records))

    def advisor(self, question: Question, record: Record) -> None:
        """How the advisor and the rules did on the incidents that humans confirmed, by what these were."""
        self._advisor_trusted.labels(question).set(record.trusted)
        found = record.by_class()
        for truth in get_args(Severity if question == "severity" else Category):
            seen = found.get(truth, Tallied(0, 0, 0))
            for who, count in (("seen", seen.count), ("advisor", seen.advisor), ("rules", seen.rules)):
                self._advisor_record.labels(question, truth, who).set(count)

    # -- what is kept ------------------------------------------------------------------------------------------------

    def snapshot(self, outcome: SnapshotOutcome, size_bytes: int | None = None) -> None:
        """A snapshot was tried; size and age follow the stored ones only."""
        self._snapshots.labels(outcome).inc()
        if outcome == "stored":
            self._snapshot_at = self._clock()
            if size_bytes is not None:
                self._snapshot_bytes.set(size_bytes)

    def restore(self, outcome: RestoreOutcome) -> None:
        """A partition's state was asked for: found, none there, or rejected (other version, corrupt) and relearned."""
        self._restores.labels(outcome).inc()

    def config_loaded(self, ok: bool, at_s: float) -> None:
        """A (re)load of the configuration; `at_s` in seconds since the epoch, kept for successful ones."""
        self._config_ok.set(ok)
        if ok:
            self._config_at.set(at_s)

    def render(self) -> bytes:
        """The exposition in Prometheus text format, media type `prometheus_client.CONTENT_TYPE_LATEST`."""
        return generate_latest(self.registry)

    # -- the metrics -------------------------------------------------------------------------------------------------

    def _build_input(self, labels: Labels) -> None:
        own = self.registry
        self._records = Counter("tocsin_records", "Input records.", ("topic", "outcome"), registry=own)
        self._dead_letters = Counter("tocsin_dead_letters", "Records refused, by reason.", ("reason",), registry=own)
        self._points = Counter(
            "tocsin_points_without_value", "Points of aggregated metrics without a value, by reason.",
            ("topic", "reason"), registry=own,
        )
        self._batches = Counter("tocsin_batches", "Record batches taken in.", registry=own)
        self._batch_records = Histogram(
            "tocsin_batch_records", "Records in one batch.", buckets=BATCH_BUCKETS, registry=own,
        )
        self._stage = Histogram(
            "tocsin_stage_seconds", "Time in one stage, per batch.", ("stage",), buckets=STAGE_BUCKETS_S, registry=own,
        )
        self._lag = Gauge("tocsin_lag_records", "Records not yet processed.", ("topic", "partition"), registry=own)
        self._watermark_lag = Gauge(
            "tocsin_watermark_lag_seconds", "Wall clock minus the event-time watermark.", ("partition",), registry=own,
        )
        self._stalled = Gauge(
            "tocsin_watchdog_stalled", "1 where records wait and none is processed.", ("topic", "partition"),
            registry=own,
        )
        _start(self._records, labels.topics, get_args(RecordOutcome))
        _start(self._dead_letters, get_args(Reason))
        _start(self._stage, get_args(Stage))

    def _build_verdicts(self, labels: Labels) -> None:
        own = self.registry
        self._series = Gauge("tocsin_series", "Series alive.", ("state",), registry=own)
        self._series_evicted = Counter("tocsin_series_evicted", "Series given up under the cap.", registry=own)
        self._anomalies = Counter("tocsin_anomalies", "Windows beyond their budget.", ("detector",), registry=own)
        self._incidents = Counter(
            "tocsin_incidents", "Incidents published.", ("category", "severity", "transition"), registry=own,
        )
        self._incidents_open = Gauge("tocsin_incidents_open", "Incidents open now.", registry=own)
        self._incident_stage_s = Histogram(
            "tocsin_incident_stage_seconds", "From the estimated onset to a stage, told when the incident resolved.",
            ("stage", "severity"), buckets=INCIDENT_BUCKETS_S, registry=own,
        )
        self._incident_stages = Counter(
            "tocsin_incident_stages", "Stages of resolved incidents, by whether they have a time.",
            ("stage", "status"), registry=own,
        )
        self._end_to_end = Histogram(
            "tocsin_end_to_end_seconds", "Event-time end of the deciding window to the published incident.",
            buckets=END_TO_END_BUCKETS_S, registry=own,
        )
        self._actions = Counter("tocsin_actions", "Intents that came to an end.", ("kind", "status"), registry=own)
        self._control = Counter(
            "tocsin_control_records", "Control records, believed or refused.", ("answer",), registry=own,
        )
        self._broadcast_lag = Gauge(
            "tocsin_broadcast_lag_records", "Control records and incidents not yet read; NaN while unknown.",
            registry=own,
        )
        self._broadcast_lag.set(math.nan)
        self._advisor_record = Gauge(
            "tocsin_advisor_record", "Confirmed incidents: seen, and those that the advisor or the rules had right.",
            ("question", "truth", "right"), registry=own,
        )
        self._advisor_trusted = Gauge(
            "tocsin_advisor_trusted", "1 while what was learned may move a severity.", ("question",), registry=own,
        )
        _start(self._control, get_args(ControlAnswer))
        _start(self._series, get_args(SeriesState))
        _start(self._anomalies, labels.detectors)
        _start(self._incidents, get_args(Category), get_args(Severity), get_args(Transition))
        _start(self._incident_stage_s, STAGES, get_args(Severity))
        _start(self._incident_stages, STAGES, get_args(StageStatus))
        _start(self._actions, labels.action_kinds, get_args(Status))

    def _build_state(self, version: str) -> None:
        own = self.registry
        self._snapshots = Counter("tocsin_snapshots", "Snapshots tried.", ("outcome",), registry=own)
        self._snapshot_bytes = Gauge("tocsin_snapshot_bytes", "Size of the last stored snapshot.", registry=own)
        age = Gauge("tocsin_snapshot_age_seconds", "Since the last stored snapshot; NaN before it.", registry=own)
        age.set_function(self._snapshot_age_s)
        self._restores = Counter("tocsin_restore", "Partition states asked for.", ("outcome",), registry=own)
        self._config_ok = Gauge(
            "tocsin_config_last_reload_successful", "1 when the last load was taken over.", registry=own,
        )
        self._config_at = Gauge(
            "tocsin_config_last_reload_success_timestamp_seconds", "When a load was last taken over.", registry=own,
        )
        Info("tocsin_build", "What is running.", registry=own).info({"version": version})
        _start(self._snapshots, get_args(SnapshotOutcome))
        _start(self._restores, get_args(RestoreOutcome))

    def _snapshot_age_s(self) -> float:
        return math.nan if self._snapshot_at is None else self._clock() - self._snapshot_at


def _start(metric: Counter | Gauge | Histogram, *values: Iterable[str]) -> None:
    for labels in product(*values):
        metric.labels(*labels)


def _drop(metric: Gauge, *labels: str) -> None:
    with suppress(KeyError):  # what `remove` makes of an unknown child depends on the version
        metric.remove(*labels)


def _gauge(value: float | None) -> float:
    return math.nan if value is None else value
