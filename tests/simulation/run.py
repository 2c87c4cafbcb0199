"""One shard over a stream of records, without broker and clock, with all of its products."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from functools import cache
from os import environ
from pathlib import Path

import orjson

from actions.model import Intent
from classifiers.model import AuditEntry, Incident
from config import load
from streams.intake.codec import SkipReason
from streams.intake.dead_letters import DeadLetter
from streams.pipeline import Products, Shard
from streams.planning import plan_of
from streams.replay.recordings import read_recording, split_topics
from streams.shard.plan import Plan
from streams.state.snapshots import decode, encode
from tests.streams.records import FakeRecord

ROOT = Path(__file__).parents[2]
RECORDINGS = (
    ROOT / "streams" / "demo" / "recording" / "serving-h100-1", ROOT / "tests" / "recordings" / "serving-h100-2",
)
LATENCY = "inference.latency"
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
    """A shard and its products: the last state of each incident, and every change, intent and audit entry in order."""

    shard: Shard
    incidents: dict[str, Incident] = field(default_factory=dict)
    changes: list[tuple[str, Incident]] = field(default_factory=list)
    intents: list[Intent] = field(default_factory=list)
    audit: list[AuditEntry] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    late: int = 0
    evicted: int = 0
    skipped_points: Counter[tuple[str, SkipReason]] = field(default_factory=Counter)

    def ingest(
        self, records: Sequence[FakeRecord], source: str = LATENCY, now_s: float = FAR_FUTURE_S,
        idle: Set[str] = frozenset(),
    ) -> Products:
        return self.collect(self.shard.ingest(source, records, now_s, idle))

    def advance_time(self, now_s: float, idle: Iterable[str] | None = None) -> Products:
        """Advance the time without records; by default all sources are idle."""
        sources = self.shard.plan.sources if idle is None else idle
        return self.collect(self.shard.advance_time(now_s, frozenset(sources)))

    def restart(self) -> None:
        """Continue in another worker, from an encoded snapshot."""
        self.shard = Shard.restored(self.shard.plan, decode(encode(self.shard.snapshot())))

    def results(self) -> tuple[object, ...]:
        """All products that must not depend on batches and restarts."""
        dead = [(letter.record.offset, letter.reason) for letter in self.dead]
        return self.changes, self.intents, self.audit, dead, self.late

    def collect(self, products: Products) -> Products:
        for transition in products.transitions:
            self.incidents[transition.incident.id] = transition.incident
            self.changes.append((transition.change, transition.incident))
        self.intents += products.intents
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
