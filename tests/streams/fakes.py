"""Small fakes and examples of the streams: a publisher, a cluster, batches of records, incidents, intents, outcomes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from actions.model import Intent, Mode, Outcome, Status
from classifiers.model import Incident
from config import load
from config.models import Config
from streams.cluster import required_topics
from streams.cluster.topics import TopicSpec
from streams.contracts.envelopes import Message
from streams.contracts.ticks import Tick
from streams.intake.kafka_record import ConsumerRecord
from streams.kafka.producer import Publisher
from streams.pipeline import Shard
from streams.planning import plan_of
from streams.shard.plan import Plan
from streams.telemetry.metrics import Labels, Telemetry
from streams.transport.batches import TP, RecordBatch
from tests.streams.contracts.valid import violations
from tests.streams.records import FakeRecord, records, sample

T = 1_795_420_000.0
LATENCY = "inference.latency"


def config_of(folder: Path, text: str = "version: 1\n") -> Config:
    """A configuration from the text of a file."""
    file = folder / "site.yaml"
    file.write_text(text)
    return load(file, {})


def default_plan() -> Plan:
    """The plan of the shipped configuration."""
    return plan_of(load(None, {}))


def clocked(plan: Plan, at_s: float = T + 3600.0, number: int | None = None) -> Shard:
    """A new shard whose first tick said what time it is."""
    shard = Shard(plan, number=number)
    shard.apply_tick(Tick(1, at_s, {}))
    return shard


def telemetry() -> Telemetry:
    return Telemetry(Labels(), version="test")


def requests(seconds: int, start: int = 0, each: int = 10, replicas: int = 2) -> list[object]:
    """Samples of a steady service, `each` a second over `replicas`."""
    return [
        sample(T + start + second + number / each, metrics={"latency_ms": 100.0 + number, "error": 0.0},
               model="gpt", replica=f"r{number % replicas}")
        for second in range(seconds) for number in range(each)
    ]


def batch(values: Iterable[object], topic: str = LATENCY, partition: int = 0, first: int = 0) -> RecordBatch:
    """A record batch as the transport hands it over."""
    found = [
        FakeRecord(record.value, first + record.offset, topic, partition) for record in records(values)
    ]
    return RecordBatch(topic, partition, found, found[0].offset, found[-1].offset)


class SentMessages(Publisher):
    """A publisher without a broker. It accepts only messages that keep to the contract.

    failing: what `flush` raises, as when a send failed for good. answers: `flush` waits for it.
    """

    def __init__(self, failing: Exception | None = None) -> None:
        super().__init__({})
        self.sent: list[tuple[int | str, str, Message]] = []
        self.events: list[str] = []
        self.failing = failing
        self.answers = asyncio.Event()
        self.answers.set()

    async def send(
        self, scope: int | str, topic: str, messages: Iterable[Message],
        acknowledged: Callable[[], None] | None = None,
    ) -> None:
        for message in messages:
            assert violations(message.headers, message.value) == []
            self.sent.append((scope, topic, message))
            if acknowledged is not None:
                acknowledged()

    async def flush(self, scope: int | str) -> None:
        self.events.append(f"flush {scope}")
        await self.answers.wait()
        if self.failing is not None:
            raise self.failing

    def forget(self, scope: int | str) -> None:
        self.events.append(f"forgot {scope}")

    def on(self, topic: str) -> list[Message]:
        """What was sent to a topic."""
        return [message for _, where, message in self.sent if where == topic]


class FakeCluster:
    """Topics with their numbers of partitions, behind the functions of `streams.cluster.topics`."""

    def __init__(self, **existing: int) -> None:
        self.partitions = {name.replace("_", "."): count for name, count in existing.items()}

    def replace(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put this cluster in the place of the broker."""
        monkeypatch.setattr(required_topics, "existing_partitions", self.existing)
        monkeypatch.setattr(required_topics, "ensure_topics", self.ensure)

    async def existing(self, _: str, names: Iterable[str] | None = None, **__: object) -> dict[str, int]:
        wanted = self.partitions if names is None else names
        return {name: self.partitions[name] for name in wanted if name in self.partitions}

    async def ensure(self, _: str, specs: Iterable[TopicSpec], **__: object) -> dict[str, int]:
        specs = tuple(specs)
        for spec in specs:
            count = self.partitions.setdefault(spec.name, spec.partitions)
            if spec.grow:
                self.partitions[spec.name] = max(count, spec.partitions)
        return {spec.name: self.partitions[spec.name] for spec in specs}


class Released:
    """Keeps the offsets that were released."""

    def __init__(self) -> None:
        self.offsets: dict[TP, int] = {}

    def release(self, tp: TP, next_offset: int) -> bool:
        self.offsets[tp] = next_offset
        return True


def incident(**changes: object) -> Incident:
    """An open incident of one replica."""
    values: dict[str, object] = {
        "id": "inc-1", "state": "open", "opened_at_s": T, "onset_at_s": T - 2.0, "resolved_at_s": None,
        "category": "performance_degradation", "severity": "P2", "peak_severity": "P2", "service": "chat",
        "model": "gpt", "version": None, "replica": "r0", "tenant": None, "title": "chat/gpt, replica r0: slow",
    }
    return Incident(**{**values, **changes})  # type: ignore[arg-type]


def intent(key: str = "k1", mode: Mode = "auto", **changes: object) -> Intent:
    """A decision to cut a replica off."""
    values: dict[str, object] = {
        "incident_id": "inc-1", "kind": "circuit_breaker", "target": "chat/r0", "reason": "the replica is slow",
        "decided_at_s": T, "expires_at_s": T + 120.0, "service": "chat",
    }
    return Intent(key=key, mode=mode, **{**values, **changes})  # type: ignore[arg-type]


def outcome(of: Intent, status: Status = "executed", done_at_s: float | None = None) -> Outcome:
    """What came of a decision."""
    done = of.decided_at_s + 0.1 if done_at_s is None else done_at_s
    return Outcome(
        of.key, of.incident_id, of.kind, of.target, of.mode, status, "done", of.decided_at_s, done, of.undo,
    )


def record_of(message: Message, topic: str, partition: int = 0, offset: int = 0) -> ConsumerRecord:
    """A message as its reader would get it."""
    return FakeRecord(message.value, offset, topic, partition, 0, message.key, message.headers)
