"""One shard over a stream of records, without broker and clock, with all of its products."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from functools import cache
from os import environ
from pathlib import Path

import orjson

from actions.model import Intent, Outcome
from classifiers.directives import Directive
from classifiers.model import AuditEntry, Incident
from classifiers.series_windows import IncidentSeries, ServiceSeries
from config import load
from streams.contracts.ticks import Tick
from streams.intake.codec import SkipReason
from streams.intake.dead_letters import DeadLetter
from streams.pipeline import Products, Shard
from streams.planning import plan_of
from streams.replay.record_clock import RecordClock
from streams.replay.recordings import read_recording, split_topics
from streams.shard.plan import Plan
from streams.state.snapshots import decode, encode
from tests.streams.records import FakeRecord

ROOT = Path(__file__).parents[2]
RECORDINGS = (
    ROOT / "streams" / "demo" / "recording" / "serving-h100-1", ROOT / "tests" / "recordings" / "serving-h100-2",
)
LATENCY = "inference.latency"
OUTCOMES = "outcomes"
FAR_FUTURE_S = 1e10


@cache
def demo_plan() -> Plan:
    """The plan of the demo's configuration: the shipped default with playbooks."""
    return plan_of(load(ROOT / "streams" / "demo" / "config.yaml", {**environ, "TOCSIN_BROKERS": "127.0.0.1:1"}))


@cache
def recorded(folder: Path, limit: int | None = None) -> tuple[FakeRecord, ...]:
    """A recording, or its beginning, as one source."""
    values = [orjson.dumps(record) for record in read_recording(folder)][:limit]
    return tuple(FakeRecord(value, offset, LATENCY, 0) for offset, value in enumerate(values))


@cache
def recorded_by_topic(folder: Path, limit: int | None = None) -> dict[str, tuple[FakeRecord, ...]]:
    """The same, as its three topics."""
    found: dict[str, list[FakeRecord]] = {}
    for record in recorded(folder, limit):
        for topic, part in split_topics(orjson.loads(record.value or b"")):
            theirs = found.setdefault(topic, [])
            theirs.append(FakeRecord(orjson.dumps(part), len(theirs), topic, 0))
    return {topic: tuple(records) for topic, records in found.items()}


@dataclass
class Run:
    """A shard and its products: the last state of each incident, and every change, intent and audit entry in order.

    Ticks follow from the records' timestamps, at a clock so late that no record is from the future.
    """

    shard: Shard
    incidents: dict[str, Incident] = field(default_factory=dict)
    changes: list[tuple[str, Incident]] = field(default_factory=list)
    intents: list[Intent] = field(default_factory=list)
    audit: list[AuditEntry] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    late: int = 0
    evicted: int = 0
    skipped_points: Counter[tuple[str, SkipReason]] = field(default_factory=Counter)
    incident_series: list[IncidentSeries] = field(default_factory=list)
    service_series: list[ServiceSeries] = field(default_factory=list)
    clock: RecordClock = field(init=False)

    def __post_init__(self) -> None:
        self.shard.apply_tick(Tick(1, FAR_FUTURE_S, {}))
        self.clock = RecordClock(self.shard)

    def ingest(
        self, records: Sequence[FakeRecord], source: str = LATENCY, idle: Set[str] = frozenset(),
    ) -> Products:
        """Records and the tick after them; returns what followed from the tick."""
        ingested, ticked = map(self.collect, self.clock.ingest(source, records, idle))
        assert (ingested.transitions, ingested.intents) == ([], [])
        return ticked

    def advance_time(self, now_s: float, idle: Iterable[str] | None = None) -> Products:
        """Advance the time without records: up to `now_s` when all sources are idle, which is the default."""
        sources = self.shard.plan.sources
        held = frozenset(sources if idle is None else idle)
        until_s = now_s - self.clock.lateness_s if held >= sources.keys() else None
        return self.collect(self.clock.tick(until_s, held))

    def answer(self, *outcomes: Outcome) -> Products:
        return self.collect(self.clock.answer(OUTCOMES, outcomes))

    def observe_remote(self, *incidents: Incident) -> Products:
        """Published incidents of other shards."""
        return self.collect(self.clock.tick(incidents=incidents))

    def add_directives(self, directives: Iterable[Directive]) -> None:
        """Directives for the next tick."""
        self.clock.add_directives(directives)

    def restart(self) -> None:
        """Continue in another worker, from an encoded snapshot."""
        self.shard = self.clock.shard = Shard.restored(self.shard.plan, decode(encode(self.shard.snapshot())))

    def results(self) -> tuple[object, ...]:
        """All products that must not depend on batches and restarts."""
        dead = [(letter.record.offset, letter.reason) for letter in self.dead]
        return self.changes, self.intents, self.audit, dead, self.late

    def collect(self, products: Products) -> Products:
        for transition in products.transitions:
            self.incidents[transition.incident.id] = transition.incident
            self.changes.append((transition.change, transition.incident))
        self.intents += products.intents
        self.incident_series += products.incident_series
        self.service_series += products.service_series
        self.audit += products.audit
        self.dead += products.dead
        self.late += products.late
        self.evicted += products.evicted
        self.skipped_points.update(products.skipped_points)
        return products


def summary_of(incidents: Iterable[Incident]) -> list[tuple[object, ...]]:
    """The incidents without numbers whose last bits depend on the order of addition."""
    return [
        (one.id, one.state, one.category, one.severity, one.version, one.replica, one.tenant, one.resolved_at_s)
        for one in incidents
    ]
