"""The program: records of one shard in, incidents and intents out. decode -> window -> detect -> triage -> decide.

A shard is one partition number over all metric topics. Its state is in `streams/shard/state.py`; this file is what
happens to it. Pure: no clock and no broker. What a step returns follows from the records. It follows from `now_s` only
where a timestamp is checked for being too far ahead, and where every source is silent. Crash: `restored` from the last
snapshot, the shard reads on from its offsets and produces the same ids again. Duplicate: records below `offsets` are
skipped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence, Set
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from math import inf
from typing import Literal, Self

from actions.model import Intent, Outcome
from classifiers.directives import Deployment, Directive, Feedback
from classifiers.incidents.triage import IncidentChange
from classifiers.model import AuditEntry, Incident
from streams.intake.codec import SkipReason
from streams.intake.columns import Samples
from streams.intake.dead_letters import DeadLetter
from streams.intake.kafka_record import KafkaRecord
from streams.shard.plan import Plan
from streams.shard.snapshot import Snapshot, dump_state, load_state
from streams.shard.state import ShardState
from streams.windows.windower import Closed

Stage = Literal["decode", "window", "detect", "triage"]
Stopwatch = Callable[[Stage], AbstractContextManager[None]]


def untimed(_: Stage) -> AbstractContextManager[None]:
    """A stopwatch that measures nothing."""
    return nullcontext()


@dataclass(slots=True)
class Products:
    """Everything that a step produced, in the order in which it came about.

    accepted, late: records. dead: rejected records, with reason and bytes. transitions, intents: to be published.
    audit: what happened to which incident, and why. The counts are those of this step alone: alarms by detector; points
    of aggregated metrics without a value, by topic and reason; evicted series; refused_series: requests for a row that
    the cap on series refused; overflowed: samples without a scope of their own because of a cap, by label;
    dropped_values: metric values beyond the cap on metrics, or under a reserved name.
    """

    accepted: int = 0
    late: int = 0
    dead: list[DeadLetter] = field(default_factory=list)
    transitions: list[IncidentChange] = field(default_factory=list)
    intents: list[Intent] = field(default_factory=list)
    audit: list[AuditEntry] = field(default_factory=list)
    alarms: Counter[str] = field(default_factory=Counter)
    skipped_points: Counter[tuple[str, SkipReason]] = field(default_factory=Counter)
    evicted: int = 0
    refused_series: int = 0
    overflowed: Counter[str] = field(default_factory=Counter)
    dropped_values: int = 0


class Shard(ShardState):
    """The state of one shard and the program over it. number: of the partition, None without a broker.

    Not safe for concurrent use.
    """

    def __init__(self, plan: Plan, stopwatch: Stopwatch = untimed, number: int | None = None) -> None:
        super().__init__(plan, number)
        self._stopwatch = stopwatch

    @classmethod
    def restored(
        cls, plan: Plan, snapshot: Snapshot, stopwatch: Stopwatch = untimed, number: int | None = None,
    ) -> Self:
        """A shard as it was when the snapshot was taken; raises `SnapshotMismatch` when it does not fit the plan."""
        shard = cls(plan, stopwatch, number)
        load_state(shard, snapshot)
        return shard

    def snapshot(self) -> Snapshot:
        """All that the shard knows, up to its offsets. Copies; about 1 us a series."""
        return dump_state(self)

    def ingest(
        self, source: str, records: Sequence[KafkaRecord], now_s: float, idle: Set[str] = frozenset(),
    ) -> Products:
        """Process a batch of one source's records, in order of offset. idle: sources known to be read to their end."""
        products = Products()
        known = self.offsets.get(source, 0)
        if records and records[0].offset < known:
            records = [record for record in records if record.offset >= known]
        if not records:
            return products
        with self._stopwatch("decode"):
            decoded = self.codecs[source].decode(records, now_s)
        products.dead += decoded.dead
        with self._stopwatch("window"):
            self._add(source, decoded.samples, products)
        self.offsets[source] = records[-1].offset + 1
        self.last_arrival_s = now_s
        self._advance(self.windower.clock.clock_s(idle), products)
        self._collect_counts(products)
        return products

    def advance_time(self, now_s: float, idle: Set[str]) -> Products:
        """No record came. idle: sources that are read to their end and silent for `idle_s`; they hold nothing back.

        When all are idle, event time advances at the pace of `now_s`, so that a complete silence is noticed too.
        """
        products = Products()
        for source in sorted(idle & self.codecs.keys()):
            held = self.codecs[source].flush()
            if held is not None:
                self._add(source, held, products)
        clock_s = self.windower.clock.clock_s(idle)
        if idle >= self.plan.sources.keys() and self.last_arrival_s is not None:
            clock_s += max(0.0, now_s - self.last_arrival_s)
        self._advance(clock_s, products)
        self._collect_counts(products)
        return products

    def apply_outcome(self, outcome: Outcome) -> Products:
        """An intent of this shard came to an end; unknown ones are ignored.

        What follows is decided at the time of the pipeline, not at that of the outcome: a step that follows one refused
        as too old must be as old.
        """
        products = Products()
        transition = self.decider.record_outcome(outcome)
        if transition is not None:
            self._decide([transition], self.detection.evaluated_until_s, products)
        return products

    def apply_remote_incident(self, incident: Incident) -> Products:
        """An incident that another shard published may explain one of ours, or be explained by one. Idempotent.

        Like an outcome, it is applied at the time of the pipeline.
        """
        products, now_s = Products(), self.detection.evaluated_until_s
        transitions = self.triage.observe_remote(incident, now_s)
        if transitions:
            self._decide(transitions, now_s, products)
        return products

    def add_directives(self, directives: Iterable[Directive]) -> None:
        """Directives of people and pipelines; each is applied once, when event time reaches its time."""
        self.directives.add(directives)

    def mark_processed(self, topic: str, next_offset: int) -> None:
        """Records of another topic than the sources, up to this offset, were applied by whoever reads that topic."""
        self.offsets[topic] = next_offset

    def _add(self, source: str, samples: Samples, products: Products) -> None:
        added = self.windower.add(source, samples, self.plan.sources[source])
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
            self._pass_empty_instants(closed.end_s - self.plan.windows.size_s, products)
            self._evaluate(closed.end_s, closed, products)
        self._pass_empty_instants(clock_s, products)

    def _pass_empty_instants(self, until_s: float, products: Products) -> None:
        for now_s in self.detection.empty_until(until_s):
            self._evaluate(now_s, None, products)

    def _evaluate(self, now_s: float, closed: Closed | None, products: Products) -> None:
        """One instant: apply the directives that are due, detect, then decide. closed: None where no window ended."""
        learned = self._apply_directives(now_s)
        isolated = self.decider.isolated_scopes()
        with self._stopwatch("detect"):
            if closed is None:
                transitions = self.detection.pass_empty(now_s, isolated, products.alarms)
            else:
                transitions = self.detection.close(closed, isolated, products.alarms)
        self._decide(transitions, now_s, products, learned)

    def _apply_directives(self, now_s: float) -> list[AuditEntry]:
        """Apply what is due; returns what the feedback among it taught."""
        learned: list[AuditEntry] = []
        for directive in self.directives.apply_due(now_s):
            self.changes += 1
            if isinstance(directive, Feedback):
                learned.append(self.triage.learning.learn(directive))
            elif isinstance(directive, Deployment):
                self._note_deployment(directive)
        return learned

    def _note_deployment(self, deployed: Deployment) -> None:
        """A deployed version is a suspect from then on: of the named model, else of each model of the service."""
        known = [service for service in self.triage.builder.versions if service[0] == deployed.service]
        for service in known if deployed.model is None else [(deployed.service, deployed.model)]:
            self.triage.record_version(service, deployed.version, deployed.at_s)

    def _decide(
        self, transitions: Sequence[IncidentChange], now_s: float, products: Products,
        learned: Sequence[AuditEntry] = (),
    ) -> None:
        products.audit += [*self.triage.drain_audit(), *learned]
        if not transitions and not self.decider.busy:
            return
        with self._stopwatch("triage"):
            changed, intents = self.decider.decide(transitions, now_s)
        products.audit += self.directives.take_audit()
        products.transitions += changed
        products.intents += intents
        self.changes += len(changed)

    def _collect_counts(self, products: Products) -> None:
        """Move the counts of this step from the tables and codecs to the products."""
        for source, codec in self.codecs.items():
            for reason, count in codec.skipped.items():
                products.skipped_points[source, reason] += count
            codec.skipped.clear()
        products.evicted, products.refused_series = self.series.take_counts()
        products.overflowed = self.scopes.take_overflowed()
