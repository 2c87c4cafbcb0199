"""The program: records of one shard in, incidents and intents out. decode -> window -> detect -> triage -> decide.

A shard is one partition number over all metric topics. Its state is in `streams/shard/state.py`; this file is what
happens to it. Records only fill windows. Windows close by ticks, and everything else follows from that. So what a shard
produces is a function of its records and its ticks (`streams/contracts/ticks.py`): no clock, no broker, no matter how
records are cut into batches. Crash: `restored` from the last snapshot, the shard reads records and ticks again from its
offsets and produces the same. Duplicate: records below `offsets` are skipped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from math import inf
from typing import Literal, Self

from actions.model import Intent, Outcome
from classifiers.by_hand import Assign, Resolve
from classifiers.directives import Acknowledge, Deployment, Feedback
from classifiers.incidents.triage import IncidentChange
from classifiers.model import AuditEntry, Incident
from classifiers.series_windows import IncidentSeries, ServiceSeries
from streams.contracts.ticks import Tick
from streams.intake.codec import SkipReason
from streams.intake.columns import Samples
from streams.intake.dead_letters import DeadLetter
from streams.intake.kafka_record import KafkaRecord
from streams.intake.point_names import PointNames
from streams.shard.changed.migration import Migration, migrated
from streams.shard.plan import Plan
from streams.shard.snapshot import Snapshot, dump_state, load_cadence
from streams.shard.state import ShardState
from streams.windows.windower import Closed, TimeRange, Watermark

Stage = Literal["decode", "window", "detect", "triage"]
Stopwatch = Callable[[Stage], AbstractContextManager[None]]


def untimed(_: Stage) -> AbstractContextManager[None]:
    """A stopwatch that measures nothing."""
    return nullcontext()


@dataclass(slots=True)
class Products:
    """Everything that a step produced, in the order in which it came about.

    accepted, late: records. source: the topic of the records, None of a tick. times: their event time, None without
    any. dead: rejected records, with reason and bytes. transitions, intents: to be published.
    audit: what happened to which incident, and why. incident_series, service_series: windows for people to look at.
    The counts are those of this step alone: alarms by detector; points of aggregated metrics without a value, by topic
    and reason; names: points by name, by topic; evicted series; refused_series: requests for a row that the cap on
    series refused; overflowed: samples without a scope of their own because of a cap, by label; dropped_values: metric
    values beyond the cap on metrics, or under a reserved name; windows: of series, that closed.
    """

    accepted: int = 0
    late: int = 0
    source: str | None = None
    times: TimeRange | None = None
    dead: list[DeadLetter] = field(default_factory=list)
    transitions: list[IncidentChange] = field(default_factory=list)
    intents: list[Intent] = field(default_factory=list)
    audit: list[AuditEntry] = field(default_factory=list)
    incident_series: list[IncidentSeries] = field(default_factory=list)
    service_series: list[ServiceSeries] = field(default_factory=list)
    alarms: Counter[str] = field(default_factory=Counter)
    skipped_points: Counter[tuple[str, SkipReason]] = field(default_factory=Counter)
    names: dict[str, PointNames] = field(default_factory=dict)
    evicted: int = 0
    refused_series: int = 0
    overflowed: Counter[str] = field(default_factory=Counter)
    dropped_values: int = 0
    windows: int = 0


class Shard(ShardState):
    """The state of one shard and the program over it. number: of the partition, None without a broker.

    migration: what it kept when it was restored or its configuration changed last, None before. Not safe for concurrent
    use.
    """

    def __init__(self, plan: Plan, stopwatch: Stopwatch = untimed, number: int | None = None) -> None:
        super().__init__(plan, number)
        self._stopwatch = stopwatch
        self._outcomes: list[Outcome] = []
        self.migration: Migration | None = None

    @classmethod
    def restored(
        cls, plan: Plan, snapshot: Snapshot, stopwatch: Stopwatch = untimed, number: int | None = None,
        steady_s: float = 0.0,
    ) -> Self:
        """A shard as it was when the snapshot was taken, under the configuration that it was taken under.

        Where that one cannot be read, or is of other inputs, it keeps what the plan can keep. Raises `SnapshotMismatch`
        when the snapshot cannot be read. steady_s: the steady clock of the new owner.
        """
        plan = plan.of(str(snapshot.meta.get("configuration", plan.written)))
        shard, migration = migrated(lambda: cls(plan, stopwatch, number), snapshot, steady_s)
        shard.migration = migration
        return shard

    @classmethod
    def relearning(
        cls, plan: Plan, refused: Snapshot, stopwatch: Stopwatch = untimed, number: int | None = None,
    ) -> Self:
        """A new shard that knows of a refused snapshot only how its sources deliver."""
        shard = cls(plan, stopwatch, number)
        load_cadence(shard, refused)
        return shard

    def snapshot(self, steady_s: float = 0.0) -> Snapshot:
        """All that the shard knows, up to its offsets; to be taken between a tick and the next record or outcome.

        Copies; about 1 us a series. steady_s: the steady clock of the owner.
        """
        return dump_state(self, steady_s)

    def ingest(self, source: str, records: Sequence[KafkaRecord], watermark: Watermark | None = None) -> Products:
        """Decode a batch of one source's records, in order of offset, and add them to their windows.

        Timestamps are checked against the time of the last tick. watermark: a rule for late records beside the closed
        windows, for a replay without ticks.
        """
        products = Products(source=source)
        known = self.offsets.get(source, 0)
        if records and records[0].offset < known:
            records = [record for record in records if record.offset >= known]
        if not records:
            return products
        with self._stopwatch("decode"):
            decoded = self.codecs[source].decode(records, inf if self.ticked_at_s is None else self.ticked_at_s)
        products.dead += decoded.dead
        with self._stopwatch("window"):
            self._add(source, decoded.samples, products, watermark)
        self.offsets[source] = records[-1].offset + 1
        self._collect_counts(products)
        return products

    def add_outcomes(self, topic: str, outcomes: Iterable[Outcome], next_offset: int) -> None:
        """What came of intents of this shard, for the next tick. `topic` is read up to `next_offset`."""
        self._outcomes += outcomes
        self.offsets[topic] = max(next_offset, self.offsets.get(topic, 0))

    @property
    def has_outcomes(self) -> bool:
        """Whether outcomes wait for a tick."""
        return bool(self._outcomes)

    def apply_tick(self, tick: Tick) -> Products:
        """Everything that follows from a decision of the owner.

        In this order: another configuration takes effect; lost incidents are resolved; outcomes and incidents of other
        shards are applied, at the time of the pipeline and not at their own, because a step that follows one refused as
        too old must be as old; directives are added; held samples are flushed; windows close up to the tick's time.
        """
        products = Products()
        if tick.configuration is not None:
            self._reconfigure(self.plan.of(tick.configuration))
        self.ticked_at_s, self.generation = tick.at_s, tick.generation
        self.begins, self.ignored = {}, []
        for incident in tick.lost:
            self._resolve_lost(incident, tick.at_s, products)
        outcomes, self._outcomes = self._outcomes, []
        for outcome in outcomes:
            self._apply_outcome(outcome, products)
        for incident in tick.incidents:
            self._apply_remote_incident(incident, products)
        self.directives.add(tick.directives)
        for source in tick.flush:
            if source not in self.codecs:
                continue  # an input that is no longer read
            held = self.codecs[source].flush()
            if held is not None:
                self._add(source, held, products)
        if tick.close_until_s is not None:
            self._advance(tick.close_until_s, products)
        self._repeat_open(tick.at_s, products)
        products.incident_series, products.service_series = self.report.due(
            self.detection.evaluated_until_s, self.triage.open_incidents(),
        )
        self._collect_counts(products)
        return products

    def _reconfigure(self, plan: Plan) -> None:
        """Go on by another plan with what it can keep, with open windows and what waits for the tick."""
        if plan is self.plan:
            return
        changed, migration = migrated(
            lambda: type(self)(plan, self._stopwatch, self.number), self.snapshot(), steady_s=0.0,
        )
        changed.migration = migration
        changed.event_time = self.event_time
        changed.event_time.reconfigure(plan.cadence)
        changed.begins, changed.ignored, changed.changes = self.begins, self.ignored, self.changes + 1
        changed._outcomes = self._outcomes
        changed.report.watched.update(self.report.watched)
        vars(self).update(vars(changed))

    def first_absence_s(self, until_s: float) -> float:
        """The first event time at which closing windows up to `until_s` would show a silence that is no anomaly yet;
        infinity when there is none. Changes nothing; about 1 us a series."""
        return self.detection.first_absence_s(until_s, self.windower.open_until_s(), self.decider.isolated_scopes())

    def _resolve_lost(self, incident: Incident, now_s: float, products: Products) -> None:
        """An incident that this shard published and does not know any more is over, and what was done is undone."""
        resolved = self.decider.resolve_lost(incident, now_s)
        if resolved is not None:
            products.audit.append(AuditEntry(
                now_s, incident.id, "lose", incident.state, "resolved", "the state that knew it was lost",
            ))
            self._decide([resolved], now_s, products)

    def _apply_outcome(self, outcome: Outcome, products: Products) -> None:
        transition = self.decider.record_outcome(outcome, self._pipeline_now_s())
        if transition is not None:
            self._decide([transition], self._pipeline_now_s(), products)

    def _apply_remote_incident(self, incident: Incident, products: Products) -> None:
        """It may explain an incident of ours, or be explained by one. Idempotent."""
        now_s = self._pipeline_now_s()
        transitions = self.triage.observe_remote(incident, now_s)
        if transitions:
            self._decide(transitions, now_s, products)

    def _pipeline_now_s(self) -> float:
        """Event time up to which everything is decided; before the first window the time of the tick."""
        evaluated_s = self.detection.evaluated_until_s
        assert self.ticked_at_s is not None
        return self.ticked_at_s if evaluated_s == -inf else evaluated_s

    def _repeat_open(self, at_s: float, products: Products) -> None:
        for incident in self.repeats.due(self.triage.open_incidents(), products.transitions, at_s):
            annotated, _ = self.directives.annotate(incident, self.detection.evaluated_until_s)
            products.transitions.append(IncidentChange("updated", annotated))

    def _add(self, source: str, samples: Samples, products: Products, watermark: Watermark | None = None) -> None:
        added = self.windower.add(source, samples, self.plan.sources[source], watermark)
        products.times = added.times
        products.accepted += added.accepted
        products.late += added.late
        products.dropped_values += added.dropped_values

    def _advance(self, clock_s: float, products: Products) -> None:
        """Close what the clock allows, instant by instant, and decide after each."""
        if clock_s == -inf:
            return
        closings = self.windower.close(clock_s)
        while True:
            with self._stopwatch("window"):
                closed = next(closings, None)
            if closed is None:
                break
            # First: an evicted row may belong to another series already, whose silence is not the old one's.
            self.rows.forget(closed.evicted)
            self.recent.forget(closed.evicted, closed.end_s)
            self._pass_empty_instants(closed.end_s - self.plan.windows.size_s, products)
            self._evaluate(closed.end_s, closed, products)
        self._pass_empty_instants(clock_s, products)

    def _pass_empty_instants(self, until_s: float, products: Products) -> None:
        for now_s in self.detection.empty_until(until_s):
            self._evaluate(now_s, None, products)

    def _evaluate(self, now_s: float, closed: Closed | None, products: Products) -> None:
        """One instant: apply the directives that are due, detect, then decide. closed: None where no window ended."""
        learned, expected = self._apply_directives(now_s)
        isolated = self.decider.isolated_scopes()
        with self._stopwatch("detect"):
            if closed is None:
                transitions = self.detection.pass_empty(now_s, isolated, products.alarms)
            else:
                products.windows += len(closed.block.rows)
                transitions = self.detection.close(closed, isolated, products.alarms)
        for fault in self.alarmed.record(transitions):
            self.detection.confirm(fault)
        self._decide([*expected, *transitions], now_s, products, learned)

    def _apply_directives(self, now_s: float) -> tuple[list[AuditEntry], list[IncidentChange]]:
        """Apply what is due; returns what the feedback among it taught, and the incidents that it ended."""
        learned: list[AuditEntry] = []
        ended: list[IncidentChange] = []
        for directive in self.directives.apply_due(now_s):
            self.changes += 1
            if isinstance(directive, Feedback):
                learned.append(self.triage.learning.learn(directive))
                self.triage.note_people(directive.incident_id, directive.confirmed)
                self._teach_detectors(directive)
                ended += self._end_expected(directive, now_s)
            elif isinstance(directive, Acknowledge | Assign):
                self.triage.note_people(directive.incident_id, True)
            elif isinstance(directive, Resolve):
                change = self.triage.resolve_by_hand(
                    directive.incident_id, directive.by, now_s, directive.comment,
                )
                ended += [] if change is None else [change]
            elif isinstance(directive, Deployment):
                self._note_deployment(directive, now_s)
        return learned, ended

    def _end_expected(self, feedback: Feedback, now_s: float) -> list[IncidentChange]:
        """An incident that was a planned change ends; what it showed is expected, also when it ended lately."""
        if not feedback.expected or feedback.until_s is None:
            return []
        change = self.triage.resolve_expected(feedback.incident_id, feedback.by, now_s)
        shifts = self.triage.history.shifts_of(feedback.incident_id)
        if shifts is not None:
            self.planned.add_observed(shifts, feedback.id, now_s, feedback.until_s, feedback.by)
        if change is not None:
            self.detection.relearn(change)
        return [] if change is None else [change]

    def _teach_detectors(self, feedback: Feedback) -> None:
        """What people acted on never becomes normal; what they call a false alarm may."""
        if feedback.confirmed:
            fault = self.alarmed.confirm(feedback.incident_id)
            if fault is not None:
                self.detection.confirm(fault)
            return
        alarm = self.alarmed.deny(feedback.incident_id)
        if alarm is not None:
            self.detection.deny(alarm)

    def _note_deployment(self, deployed: Deployment, now_s: float) -> None:
        """A deployed version is a suspect from then on, of the named model or each of the service; what is expected of
        it is no alarm."""
        self.planned.add_deployment(deployed, now_s)
        known = [service for service in self.triage.builder.versions if service[0] == deployed.service]
        for service in known if deployed.model is None else [(deployed.service, deployed.model)]:
            self.triage.record_version(service, deployed.version, deployed.at_s)

    def _decide(
        self, transitions: Sequence[IncidentChange], now_s: float, products: Products,
        learned: Sequence[AuditEntry] = (),
    ) -> None:
        products.audit += [
            *self.presence.take_audit(), *self.triage.drain_audit(), *learned, *self.planned.take_audit(),
        ]
        if not transitions and not self.decider.busy:
            return
        with self._stopwatch("triage"):
            changed, intents = self.decider.decide(transitions, now_s)
        products.audit += [*self.directives.take_audit(), *self.decider.take_audit()]
        products.transitions += changed
        products.intents += intents
        self.changes += len(changed)

    def _collect_counts(self, products: Products) -> None:
        """Move the counts of this step from the tables and codecs to the products."""
        for source, codec in self.codecs.items():
            for reason, count in codec.skipped.items():
                products.skipped_points[source, reason] += count
            codec.skipped.clear()
            if (names := codec.names.take()) is not None:
                products.names[source] = names
        products.evicted, products.refused_series = self.series.take_counts()
        products.overflowed = self.scopes.take_overflowed()
