"""A recording through the same pipeline as in a worker, without broker and clock.

Records arrive in file order, in batches, as one source that stands for the first input. The clock is the event time of
the recording, so the same recording gives the same incidents, ids included. The windows that are open at its end are
not evaluated. Intents are answered after each batch as a dry run, so that later steps and undos follow; nothing is
changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice

from actions.model import Intent, Mode, Outcome, Status
from classifiers.directives import Directive
from classifiers.model import AuditEntry, Incident
from streams.intake.dead_letters import DeadLetter
from streams.intake.formats import InputFormat, InputPlan
from streams.intake.point_names import PointNames
from streams.pipeline import Products, Shard, Stopwatch, untimed
from streams.replay.record_clock import RecordClock
from streams.shard.plan import Plan

BATCH = 500
SOURCE = "recording"
OUTCOMES = "outcomes"
DRY_RUN_STATUS: Mapping[Mode, Status] = {"observe": "observed", "suggest": "suggested", "auto": "dry_run"}


@dataclass(frozen=True, slots=True)
class ReplayRecord:
    """An entry of a recording in the shape of a Kafka record. offset: of a recorded topic its own, else its number."""

    offset: int
    value: bytes | None
    topic: str = SOURCE
    partition: int = 0
    timestamp: int = 0
    key: None = None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(slots=True)
class Replay:
    """The results: the last state of each incident in order of opening, every action, the audit, and the counts.

    actions: with the outcome, None where none is known. windows: of series, that closed and were judged. ready: series
    that ended their warm-up. names: points of aggregated metrics by name, by topic. notes: what whoever reads the
    results should know.
    """

    incidents: dict[str, Incident] = field(default_factory=dict)
    actions: list[tuple[Intent, Outcome | None]] = field(default_factory=list)
    audit: list[AuditEntry] = field(default_factory=list)
    records: int = 0
    accepted: int = 0
    late: int = 0
    dead: Counter[str] = field(default_factory=Counter)
    first_dead: str | None = None
    alarms: Counter[str] = field(default_factory=Counter)
    series: int = 0
    ready: int = 0
    windows: int = 0
    names: dict[str, PointNames] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def nothing_judged(self) -> str | None:
        """Why nothing was judged; None where something was."""
        first = "" if self.first_dead is None else f"; rejected: {self.first_dead}"
        if not self.records:
            return f"no record of an input was read{first}"
        if not self.accepted:
            return f"none of the {self.records} records was accepted{first}"
        if not self.windows:
            return f"the {self.accepted} accepted records end before the first window closes"
        return None

    def add(self, products: Products, partition: int | None = None) -> None:
        """Add what a step produced, but for its intents. partition: of a recorded topic."""
        self.accepted += products.accepted
        self.late += products.late
        self.windows += products.windows
        self.alarms.update(products.alarms)
        for source, names in products.names.items():
            self.names.setdefault(source, PointNames()).add(names)
        for dead in products.dead:
            self.dead[dead.reason] += dead.rejected
            self.first_dead = self.first_dead or f"{_place(products, partition, dead)}: {dead.detail}"
        self.audit += products.audit
        for transition in products.transitions:
            self.incidents[transition.incident.id] = transition.incident


def replay(
    plan: Plan, values: Iterable[tuple[int, bytes]], stopwatch: Stopwatch = untimed,
    directives: Iterable[Directive] = (), form: InputFormat = "native",
) -> Replay:
    """Run a recording, (number, bytes) by entry, through one shard. Cost: that of the pipeline alone.

    directives: in any order; each is applied at its event time. form: the format of the entries, which are read with
    the options of the first input of that format.
    """
    source = next((one for one in plan.inputs.values() if one.format == form), InputPlan(form))
    limits = replace(plan.validation_limits, max_future_s=float("inf"))
    sources = {SOURCE: not source.aggregated}
    shard = Shard(replace(plan, sources=sources, inputs={SOURCE: source}, validation_limits=limits), stopwatch)
    clock = RecordClock(shard)
    clock.add_directives(directives)
    result = Replay()
    for batch in _batches(values):
        for products in clock.ingest(SOURCE, batch):
            _collect(clock, products, result)
        result.records += len(batch)
    counts = shard.status().series
    result.series, result.ready = counts.total, counts.ready + counts.silent
    return result


def _collect(clock: RecordClock, products: Products, result: Replay) -> None:
    """Add products to the result, and answer intents until no new one follows."""
    pending = [products]
    while pending:
        current = pending.pop(0)
        result.add(current)
        for intent in current.intents:
            outcome = _dry_run(intent)
            result.actions.append((intent, outcome))
            pending.append(clock.answer(OUTCOMES, [outcome]))


def _place(products: Products, partition: int | None, dead: DeadLetter) -> str:
    offset = dead.record.offset
    return f"record {offset + 1}" if partition is None else f"{products.source}[{partition}] offset {offset}"


def _dry_run(intent: Intent) -> Outcome:
    """The outcome of a dry run, at the time of the decision."""
    return Outcome(
        intent.key, intent.incident_id, intent.kind, intent.target, intent.mode, DRY_RUN_STATUS[intent.mode],
        "replayed: nothing was touched", intent.decided_at_s, intent.decided_at_s, intent.undo,
    )


def _batches(values: Iterable[tuple[int, bytes]]) -> Iterator[list[ReplayRecord]]:
    records = (ReplayRecord(offset, value) for offset, value in values)
    while batch := list(islice(records, BATCH)):
        yield batch
