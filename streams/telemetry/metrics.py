"""What a worker reports to Prometheus: one registry per worker, and a method for everything that is counted.

Callers report what happened (`telemetry.dead_letter("not_json")`) and never touch a metric object. Partition labels
come and go with the assignment: `revoke` removes them, so that a partition that moved does not report its last lag for
ever.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import get_args

from prometheus_client import generate_latest

from actions.model import Status
from actions.trust.keys import FaultReason
from classifiers.learning.prequential import Accuracy, PrequentialRecord
from classifiers.model import Category, Severity, StageTime
from streams.intake.codec import SkipReason
from streams.intake.dead_letters import Reason
from streams.shard.event_time import Cadence
from streams.telemetry.families import remove_child
from streams.telemetry.worker_metrics import (
    AdvisorQuestion,
    ControlAnswer,
    Labels,
    RestoreOutcome,
    SeriesState,
    SignedKind,
    SnapshotOutcome,
    TransitionLabel,
    WorkerMetrics,
    WorkerStage,
)

MAX_BREAKERS = 500
"""Targets with a label of their own."""
__all__ = ["Labels", "Telemetry", "TransitionLabel"]


class Telemetry:
    """The registry of one worker and the methods that fill it.

    Not for several processes: each worker has its own registry and is scraped on its own. A method costs a microsecond
    or two and is called once per batch or less often, never per record. No method raises on a value, because telemetry
    must not stop the work that it describes. `clock` is monotonic seconds, read for durations and ages only. `process`:
    what does not depend on the roles of the process.
    """

    def __init__(self, labels: Labels, *, version: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._metrics = WorkerMetrics(labels, version)
        self._metrics.snapshot_age.set_function(self._snapshot_age_s)
        self.process = self._metrics.process
        self._clock = clock
        self._snapshot_at: float | None = None
        self._lagging: set[tuple[str, int]] = set()
        self._breakers: set[str] = set()

    # -- input -------------------------------------------------------------------------------------------------------

    def batch(self, topic: str, *, accepted: int, late: int, dead: int) -> None:
        """One record batch was processed; the three numbers add up to its records."""
        self._metrics.batches.inc()
        self._metrics.batch_records.observe(accepted + late + dead)
        for outcome, count in (("accepted", accepted), ("late", late), ("dead", dead)):
            if count:
                self._metrics.records.labels(topic, outcome).inc(count)

    def records_without_key(self, topic: str, count: int) -> None:
        """Records of an input topic had no key."""
        self._metrics.records_without_key.labels(topic).inc(count)

    def dead_letter(self, reason: Reason, count: int = 1) -> None:
        """Records went to the dead-letter topic."""
        self._metrics.dead_letters.labels(reason).inc(count)

    def records_removed(self, topic: str, count: int) -> None:
        """Retention removed records before they were read."""
        self._metrics.records_removed.labels(topic).inc(count)

    def points(self, topic: str, reason: SkipReason, count: int) -> None:
        """Points of aggregated metrics gave no value and were not malformed either."""
        self._metrics.points.labels(topic, reason).inc(count)

    def unwatched(self, topics: Mapping[str, bool]) -> None:
        """Whether nothing of an input topic is watched, by topic."""
        for topic, is_unwatched in topics.items():
            self._metrics.unwatched.labels(topic).set(is_unwatched)

    def revoke_topics(self, topics: Iterable[str]) -> None:
        """Remove the labels of input topics of which this worker reads no partition any more."""
        for topic in topics:
            remove_child(self._metrics.unwatched, topic)

    def values_dropped(self, count: int) -> None:
        """Metric values were dropped: too many metrics, or a reserved name."""
        self._metrics.values_dropped.inc(count)

    @contextmanager
    def stage(self, stage: WorkerStage) -> Iterator[None]:
        """Time the block as one run of a stage, also when it raises."""
        start_s = self._clock()
        try:
            yield
        finally:
            self._metrics.stage.labels(stage).observe(self._clock() - start_s)

    def lag(self, topic: str, partition: int, *, records: int | None, watermark_lag_s: float | None) -> None:
        """How far a partition is behind; None where it is not known yet."""
        self._lagging.add((topic, partition))
        self._metrics.lag.labels(topic, str(partition)).set(_nan_if_none(records))
        self._metrics.watermark_lag.labels(str(partition)).set(_nan_if_none(watermark_lag_s))

    def blind(self, partition: int, seconds: float) -> None:
        """For how long silence of a shard could not be judged; 0 while it can."""
        self._metrics.blind.labels(str(partition)).set(seconds)

    def cadence(self, topic: str, partition: int, cadence: Cadence) -> None:
        """How a source is expected to deliver."""
        self._metrics.delay.labels(topic, str(partition)).set(cadence.delay_s)
        self._metrics.lateness.labels(topic, str(partition)).set(cadence.lateness_s)

    def stalled(self, topic: str, partition: int, stalled: bool) -> None:
        """Whether the watchdog found a partition stalled."""
        self._lagging.add((topic, partition))
        self._metrics.stalled.labels(topic, str(partition)).set(stalled)

    def revoke(self, partitions: Iterable[tuple[str, int]]) -> None:
        """Remove the labels of partitions that moved to another worker; unknown ones are ignored.

        The watermark belongs to a partition number over all topics, so it is removed with the last of them.
        """
        for topic, partition in partitions:
            if (topic, partition) in self._lagging:
                self._lagging.discard((topic, partition))
                remove_child(self._metrics.lag, topic, str(partition))
                for family in (self._metrics.stalled, self._metrics.delay, self._metrics.lateness):
                    remove_child(family, topic, str(partition))
            if all(number != partition for _, number in self._lagging):
                remove_child(self._metrics.watermark_lag, str(partition))
                remove_child(self._metrics.blind, str(partition))

    # -- series and incidents ----------------------------------------------------------------------------------------

    def series(self, counts: Mapping[SeriesState, int]) -> None:
        """The series that exist now, by state; a state left out is 0."""
        for state in get_args(SeriesState):
            self._metrics.series.labels(state).set(counts.get(state, 0))

    def evicted(self, count: int) -> None:
        """Idle series were evicted to make room for others."""
        self._metrics.series_evicted.inc(count)

    def series_refused(self, count: int) -> None:
        """Windows had no series because of the cap on series."""
        self._metrics.series_refused.inc(count)

    def scopes_overflowed(self, label: str, count: int) -> None:
        """Samples had no scope of their own for this label because of a cap."""
        self._metrics.scopes_overflowed.labels(label).inc(count)

    def anomalies(self, detector: str, count: int = 1) -> None:
        """Windows alarmed."""
        self._metrics.anomalies.labels(detector).inc(count)

    def incident(self, category: Category, severity: Severity, transition: TransitionLabel) -> None:
        """An incident was published."""
        self._metrics.incidents.labels(category, severity, transition).inc()

    def resolved(self, peak_severity: Severity, stage_times: Mapping[str, StageTime]) -> None:
        """An incident resolved: the time to each of its stages, and the reason where a time is missing."""
        for stage, time_to in stage_times.items():
            self._metrics.incident_stages.labels(stage, time_to.status).inc()
            if time_to.value_s is not None:
                self._metrics.incident_stage_s.labels(stage, peak_severity).observe(time_to.value_s)

    def incidents_open(self, counts: Mapping[Severity, int]) -> None:
        """The incidents that are open on this worker now; a severity left out has none."""
        for severity in get_args(Severity):
            self._metrics.incidents_open.labels(severity).set(counts.get(severity, 0))

    def end_to_end(self, seconds: float) -> None:
        """From the event-time end of the deciding window to the published incident."""
        self._metrics.end_to_end.observe(seconds)

    def action(self, kind: str, status: Status) -> None:
        """An intent came to an end."""
        self._metrics.actions.labels(kind, status).inc()

    def unauthentic(self, reason: FaultReason) -> None:
        """An intent was refused for its signature."""
        self._metrics.unauthentic.labels(reason).inc()

    def ignored(self, record: SignedKind, reason: FaultReason) -> None:
        """An incident or an outcome was ignored for its signature."""
        self._metrics.ignored.labels(record, reason).inc()

    def remedies(self, in_force: Mapping[str, int], breakers: Mapping[str, int], storm: bool) -> None:
        """What is in force: remedies by kind, breakers by target as the number of their state, and the storm brake.

        A target that is no longer among `breakers` loses its label; beyond `MAX_BREAKERS` none gets one.
        """
        for kind, count in in_force.items():
            self._metrics.remedies.labels(kind).set(count)
        shown = dict(list(breakers.items())[:MAX_BREAKERS])
        for target in self._breakers - shown.keys():
            remove_child(self._metrics.breakers, target)
        for target, state in shown.items():
            self._metrics.breakers.labels(target).set(state)
        self._breakers = set(shown)
        self._metrics.storm.set(storm)

    # -- control -----------------------------------------------------------------------------------------------------

    def control(self, answer: ControlAnswer, count: int = 1) -> None:
        """Control records were accepted, or rejected for a reason."""
        self._metrics.control.labels(answer).inc(count)

    def broadcast_lag(self, records: int | None) -> None:
        """How many control records and incidents are still to be read; None while that is not known."""
        self._metrics.broadcast_lag.set(_nan_if_none(records))

    def advisor(self, question: AdvisorQuestion, record: PrequentialRecord) -> None:
        """How often the advisor and the rules were right on confirmed incidents, by the true answer."""
        self._metrics.advisor_trusted.labels(question).set(record.trusted)
        found = record.by_class()
        for truth in get_args(Severity if question == "severity" else Category):
            counts = found.get(truth, Accuracy(0, 0, 0))
            for right, count in (("seen", counts.count), ("advisor", counts.advisor), ("rules", counts.rules)):
                self._metrics.advisor_record.labels(question, truth, right).set(count)

    # -- state -------------------------------------------------------------------------------------------------------

    def snapshot(self, outcome: SnapshotOutcome, size_bytes: int | None = None) -> None:
        """A snapshot was tried; size and age are those of the stored ones only."""
        self._metrics.snapshots.labels(outcome).inc()
        if outcome == "stored":
            self._snapshot_at = self._clock()
            if size_bytes is not None:
                self._metrics.snapshot_bytes.set(size_bytes)

    def restore(self, outcome: RestoreOutcome) -> None:
        """A shard's state was loaded, was not there, or was rejected (other version, corrupt) and is learned anew."""
        self._metrics.restores.labels(outcome).inc()

    def render(self) -> bytes:
        """The exposition in Prometheus text format, media type `prometheus_client.CONTENT_TYPE_LATEST`."""
        return generate_latest(self._metrics.registry)

    def _snapshot_age_s(self) -> float:
        return math.nan if self._snapshot_at is None else self._clock() - self._snapshot_at


def _nan_if_none(value: float | None) -> float:
    return math.nan if value is None else value
