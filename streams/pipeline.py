"""The program: records of one shard in, incidents and intents out. decode -> window -> detect -> triage -> decide.

A shard is one partition number over all metric topics, and this is all of its state. Pure: no clock and no broker;
what it returns follows from the records (and `now_s` only where a timestamp is judged too far ahead, or where every
source has fallen silent). Crash: `restore` the last snapshot and read on from its offsets; the same ids come out
again. Duplicate: records below `offsets` were contained and are skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from math import inf
from typing import Literal

from actions.model import Intent, Outcome
from classifiers.directives import Deployment, Directive, Feedback
from classifiers.incidents.triage import Transition, Triage
from classifiers.learning.experience import Experience
from classifiers.model import AuditEntry, Incident, Scope
from streams.intake.codec import Codec, Record
from streams.intake.dead_letters import DeadLetter
from streams.intake.formats import NATIVE, build_codec
from streams.intake.scopes import ScopeTable
from streams.shard.applied_directives import Control
from streams.shard.decisions import Decider
from streams.shard.detection import Detection
from streams.shard.plan import Plan
from streams.shard.provenance import Provenance
from streams.shard.rows import Rows
from streams.windows.series import SeriesTable
from streams.windows.windower import Windower

Stage = Literal["decode", "window", "detect", "triage"]
Stopwatch = Callable[[Stage], AbstractContextManager[None]]
FIRST_ROWS = 256


def untimed(_: Stage) -> AbstractContextManager[None]:
    """A stopwatch that measures nothing."""
    return nullcontext()


@dataclass(slots=True)
class Products:
    """What came of a step. accepted, late: records. dead: with reason and bytes. audit: what happened to which incident
    and why. All in the order it came about."""

    accepted: int = 0
    late: int = 0
    dead: list[DeadLetter] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    intents: list[Intent] = field(default_factory=list)
    audit: list[AuditEntry] = field(default_factory=list)


class Shard:
    """See the module. number: of the partition, None without a broker. Not safe for concurrent use."""

    def __init__(self, plan: Plan, stopwatch: Stopwatch = untimed, number: int | None = None) -> None:
        self.plan = plan
        self._stopwatch = stopwatch
        bounds = plan.scopes
        self.scopes = ScopeTable(bounds.max_scopes, bounds.marginals, bounds.max_values_per_label)
        self.series = SeriesTable(bounds.max_series, self.scopes, bounds.min_idle_s, bounds.max_metrics)
        self.windower = Windower(plan.windows, self.series, plan.statistic_of)
        judged_by = plan.judged_by()
        self.suite = judged_by.build(FIRST_ROWS)
        self.rows = Rows(self.series, self.suite, judged_by.profiles)
        self.triage = Triage(
            plan.triage, plan.tier_of, plan.config_hash, experience=Experience(plan.learning),
        )
        self._said: list[AuditEntry] = []
        self.control = Control(plan.maintenance, self._hear)
        self.decider = Decider(plan.decisions, self.triage, self.control, self._fleet_size)
        self.provenance = Provenance(plan.windows.size_s, self.windower.wait_windows, number)
        self.detection = Detection(
            self.series, self.suite, self.rows, self.triage, plan.windows.size_s, bounds.min_idle_s,
            self._cut_off, self.provenance,
        )
        self.offsets: dict[str, int] = {}
        self.changes = 0
        """Counts what was decided, so that an owner knows of changes that no record brought about."""
        self.last_arrival_s: float | None = None
        """`now_s` of the last batch: from then on silence is measured, also by who restores this shard."""
        self.codecs: dict[str, Codec] = {}
        for source in plan.sources:
            self.windower.clock.expect(source)
            self.codecs[source] = build_codec(plan.inputs.get(source, NATIVE), self.scopes, plan.rules)

    def ingest(self, source: str, records: Sequence[Record], now_s: float, idle: Set[str] = frozenset()) -> Products:
        """Take a batch of one source's records, in order of offset. idle: sources known to be read to their end."""
        known = self.offsets.get(source, 0)
        if records and records[0].offset < known:
            records = [record for record in records if record.offset >= known]
        if not records:
            return Products()
        with self._stopwatch("decode"):
            decoded = self.codecs[source].decode(records, now_s)
        with self._stopwatch("window"):
            added = self.windower.add(source, decoded.samples, self.plan.sources[source])
        self.offsets[source] = records[-1].offset + 1
        self.last_arrival_s = now_s
        products = Products(added.accepted, added.late, decoded.dead)
        self._run(self.windower.clock.clock_s(idle), products)
        return products

    def pass_time(self, now_s: float, idle: Set[str]) -> Products:
        """No record came. idle: sources that are read to their end and silent for `idle_s`; they hold nothing back.

        When all are, event time goes on at the pace of `now_s`, so that silence is noticed even if it is complete.
        """
        products = Products()
        for source in sorted(idle & self.codecs.keys()):
            held = self.codecs[source].flush()
            if held is not None:
                added = self.windower.add(source, held, self.plan.sources[source])
                products.accepted += added.accepted
                products.late += added.late
        clock_s = self.windower.clock.clock_s(idle)
        if idle >= self.plan.sources.keys() and self.last_arrival_s is not None:
            clock_s += max(0.0, now_s - self.last_arrival_s)
        self._run(clock_s, products)
        return products

    def outcome(self, outcome: Outcome) -> Products:
        """An intent of this shard came to an end; unknown ones are ignored.

        What follows is decided at the pipeline's time and not at the outcome's: a step after one that was refused as
        too old must be as old.
        """
        products = Products()
        told = self.decider.record(outcome)
        if told is not None:
            self._decide([told], self.detection.judged_until_s, products)
        return products

    def hear(self, directives: Iterable[Directive]) -> None:
        """What people and pipelines said; each is applied in its time, once."""
        self.control.receive(directives)

    def foreign(self, incident: Incident) -> Products:
        """An incident as another shard published it; it may explain one of ours, or be explained. Idempotent.

        Like an outcome it is taken in at the pipeline's time.
        """
        products, now_s = Products(), self.detection.judged_until_s
        told = self.triage.foreign(incident, now_s)
        if told:
            self._decide(told, now_s, products)
        return products

    def _run(self, clock_s: float, products: Products) -> None:
        """Close what the clock allows, instant by instant, and decide after each."""
        if clock_s == -inf:
            return
        closings = self.windower.close(clock_s)
        while True:
            with self._stopwatch("window"):
                closed = next(closings, None)
            if closed is None:
                break
            # First: an evicted row may be another series already, whose silence is not the old one's.
            self.rows.forget(closed.evicted)
            self._pass_empty(closed.end_s - self.plan.windows.size_s, products)
            self.changes += self.control.apply_due(closed.end_s)
            with self._stopwatch("detect"):
                transitions = self.detection.close(closed)
            self._decide(transitions, closed.end_s, products)
        self._pass_empty(clock_s, products)

    def _pass_empty(self, until_s: float, products: Products) -> None:
        for now_s in self.detection.empty_until(until_s):
            self.changes += self.control.apply_due(now_s)
            with self._stopwatch("detect"):
                transitions = self.detection.pass_empty(now_s)
            self._decide(transitions, now_s, products)

    def _decide(self, transitions: Sequence[Transition], now_s: float, products: Products) -> None:
        products.audit += [*self.triage.take_audit(), *self._said]
        self._said.clear()
        if not transitions and not self.decider.busy:
            return
        with self._stopwatch("triage"):
            told, intents = self.decider.follow(transitions, now_s)
        products.audit += self.control.take_audit()
        products.transitions += told
        products.intents += intents
        self.changes += len(told)

    def _hear(self, said: Feedback | Deployment) -> None:
        """Feedback is learned. What was deployed is a suspect from then on: with the model named, else with each that
        the service has."""
        if isinstance(said, Feedback):
            self._said.append(self.triage.experience.take(said))
            return
        known = [service for service in self.triage.teller.versions if service[0] == said.service]
        for service in known if said.model is None else [(said.service, said.model)]:
            self.triage.note_version(service, said.version, said.at_s)

    def _fleet_size(self, incident: Incident) -> int | None:
        since_s = self.detection.judged_until_s - self.plan.scopes.min_idle_s
        return self.rows.replicas((incident.service, incident.model), since_s)

    def _cut_off(self) -> list[Scope]:
        """Where our own breakers keep traffic away; a breaker that names no replica or tenant cuts off the whole."""
        return [
            Scope(incident.service, incident.model, None, incident.replica, incident.tenant)
            for incident in self.decider.cut_off()
        ]
