"""The parts of a worker over shard 0, with fakes around them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from actions.trust.keys import KeyRing
from config import load
from streams.contracts.envelopes import Message
from streams.contracts.ticks import Tick, decode_tick
from streams.intake.dead_letters import Brake
from streams.kafka.broker_contact import BrokerContact
from streams.kafka.transactions import Fenced, ShardProducer, TransactionFailed
from streams.pipeline import Shard
from streams.shard.plan import Plan
from streams.shard.snapshot import Snapshot
from streams.state.snapshots import MemorySnapshots
from streams.telemetry.traces import Tracing
from streams.transport.batches import TP
from streams.trust.authenticity import Authenticity
from streams.worker.audit import Audit
from streams.worker.batch_processor import BatchProcessor
from streams.worker.dead_letter_writer import DeadLetterWriter
from streams.worker.effects import Clocks, Effects, Identity
from streams.worker.shard_manager import ShardManager, SnapshotSchedule, Waits
from streams.worker.shard_owner import ShardOwner
from streams.worker.take_over import ProducerUse, Stores
from tests.streams.contracts.valid import violations
from tests.streams.fakes import LATENCY, SentMessages, T, default_plan, telemetry

TOPICS = load(None, {}).topics
PLAN = default_plan()
BOOT_S = 5_000.0
"""The steady clock of the fixtures at the wall clock's T."""
PATIENT = Waits(30.0, 30.0)


class FakeLog:
    """The committed messages of all topics, and which producer of a shard is the present one."""

    def __init__(self) -> None:
        self.committed: list[tuple[str, Message]] = []
        self.epochs: dict[tuple[int, str], int] = {}

    def on(self, topic: str) -> list[Message]:
        """What is visible on a topic."""
        return [message for where, message in self.committed if where == topic]

    def ticks(self, shard: int | None = None) -> list[Tick]:
        """The ticks of one shard; None: of all."""
        return [
            decode_tick(message.value) for message in self.on(TOPICS.ticks) if shard in (None, message.partition)
        ]

    async def read(self, shard: int, from_offset: int) -> list[Tick]:
        """As `TickLog.read`; an offset is a place among the ticks of the shard."""
        return self.ticks(shard)[from_offset:]


class FakeProducer:
    """A `ShardProducer` over a `FakeLog`. failing: what each commit raises. answers: each commit waits for it."""

    def __init__(self, log: FakeLog, shard: int, fences: bool = True, use: str = "products") -> None:
        self.fences = fences
        self.failing: Exception | None = None
        self.answers = asyncio.Event()
        self.answers.set()
        self.is_stopped = False
        self._log, self._shard, self._id = log, shard, (shard, use)
        self._epoch = 0

    async def start(self) -> None:
        self._epoch = self._log.epochs[self._id] = self._log.epochs.get(self._id, 0) + 1

    async def stop(self) -> None:
        self.is_stopped = True

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        made = FakeTransaction(self._log, self._shard)
        yield made
        await self.answers.wait()
        if self.failing is not None:
            raise TransactionFailed(str(self.failing))
        if self.fences and self._epoch != self._log.epochs[self._id]:
            raise Fenced("fenced")
        self._log.committed += made.sent


@dataclass(frozen=True, slots=True)
class FakePlace:
    """Where a record was written."""

    offset: int


class FakeTransaction:
    """What one block sent. It accepts only messages that keep to the contract."""

    def __init__(self, log: FakeLog, shard: int) -> None:
        self.sent: list[tuple[str, Message]] = []
        self._log, self._shard = log, shard

    async def send(self, topic: str, message: Message) -> asyncio.Future[FakePlace]:
        if topic != TOPICS.ticks:
            assert violations(message.headers, message.value) == []
        before = [each for each in self._log.on(topic) if each.partition == self._shard]
        self.sent.append((topic, message))
        done: asyncio.Future[FakePlace] = asyncio.get_running_loop().create_future()
        done.set_result(FakePlace(len(before)))
        return done


class FakeTransport:
    """What the transport knows; the test sets it. ends: of the partitions, those that are missing are empty."""

    def __init__(self) -> None:
        self.lease = self.sight = True
        self.broker = BrokerContact()
        self.ends: dict[TP, int] = {}
        self.released: dict[TP, int] = {}
        self.rejoined: list[str] = []

    def holds_lease(self) -> bool:
        return self.lease

    def sees(self, _: TP) -> bool:
        return self.sight

    def at_end(self, tp: TP, processed: int) -> bool:
        return self.sight and processed >= self.ends.get(tp, 0)

    def contact(self) -> BrokerContact:
        return self.broker

    def release(self, tp: TP, next_offset: int) -> bool:
        self.released[tp] = next_offset
        return True

    def rejoin(self, reason: str) -> None:
        self.rejoined.append(reason)


class FakeStore(MemorySnapshots):
    """Lists what it saved. It raises `failing`, and waits for `gate`. gated: the shard that waits; None: all do."""

    def __init__(self) -> None:
        super().__init__()
        self.saved: list[int] = []
        self.failing: Exception | None = None
        self.gate: asyncio.Event | None = None
        self.gated: int | None = None

    async def save(self, shard: int, snapshot: Snapshot, producer: ShardProducer) -> None:
        if self.gate is not None and self.gated in (None, shard):
            await self.gate.wait()
        if self.failing is not None:
            raise self.failing
        self.saved.append(shard)
        await super().save(shard, snapshot, producer)


class WorkerFixture:
    """Effects that are recorded, clocks that the test moves, and a batch processor.

    failing: what `flush` of the publisher raises. log, store: of an earlier worker, to take over from. waits: of the
    manager; producers that answer take none of it. authenticity: None signs nothing and accepts everything.
    """

    def __init__(
        self, tracing: Tracing | None = None, plan: Plan = PLAN, now_s: float = T + 60.0,
        failing: Exception | None = None, log: FakeLog | None = None, store: FakeStore | None = None,
        fences: bool = True, waits: Waits = PATIENT, authenticity: Authenticity | None = None,
    ) -> None:
        self.now_s, self.mono_s, self.step_s = now_s, 0.0, 0.0
        self.sent = SentMessages(failing)
        self.log, self.store = log or FakeLog(), store or FakeStore()
        self.transport = FakeTransport()
        self.telemetry = telemetry()
        self.rejected: list[tuple[int, str]] = []
        self.producers: dict[int, FakeProducer] = {}
        self._fences = fences
        tracing = tracing or Tracing()
        self.effects = Effects(
            identity=Identity("/tocsin/test", "tocsin", "tocsin/w0"),
            clocks=Clocks(
                now_s=lambda: self.now_s + self.step_s, wall_s=lambda: self.now_s + self.step_s,
                steady_s=lambda: self.now_s - T + BOOT_S, mono_s=lambda: self.mono_s,
            ),
            publisher=self.sent,
            audit=Audit(TOPICS.audit, "/tocsin/test", tracing),
            dead_letters=DeadLetterWriter(TOPICS.dead_letters, self.telemetry),
            telemetry=self.telemetry,
            tracing=tracing,
            authenticity=authenticity or Authenticity(KeyRing(), "/tocsin/test", accepts_unsigned=True),
        )
        self.manager = ShardManager(
            plan, Stores(self.store, self.log, self._producer), SnapshotSchedule(5.0, 1000), self.transport,
            self.effects, TOPICS, lambda _, shard, why: self.rejected.append((shard, why)), waits,
        )
        self.processor = BatchProcessor(self.manager, self.effects, TOPICS, Brake(0.5, 100, 10), self)

    def _producer(self, shard: int, use: ProducerUse) -> FakeProducer:
        made = FakeProducer(self.log, shard, self._fences, use)
        if use == "products":
            self.producers[shard] = made
        return made

    def partitions(self, _: str) -> int:
        """Every topic has four partitions."""
        return 4

    async def open(self, shards: int = 1) -> Shard:
        """Assign so many shards and write their opening ticks; returns shard 0."""
        topics = (LATENCY, TOPICS.outcomes)
        await self.manager.restore(frozenset(TP(topic, number) for topic in topics for number in range(shards)))
        await self.manager.tick()
        return self.owner.shard

    @property
    def owner(self) -> ShardOwner:
        """The owner of shard 0."""
        return self.manager.owners[0]

    async def pass_time(self, seconds: float, step_s: float = 0.1) -> None:
        """Move all clocks, with a round of ticks after each step."""
        for _ in range(round(seconds / step_s)):
            self.now_s += step_s
            self.mono_s += step_s
            await self.manager.tick()

    def exposes(self, line: str) -> bool:
        """Whether the metrics have this line."""
        return line in self.telemetry.render().decode()
