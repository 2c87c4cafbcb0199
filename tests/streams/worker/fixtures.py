"""The parts of a worker over shard 0, with fakes around them."""

from __future__ import annotations

from config import load
from streams.intake.dead_letters import Brake
from streams.pipeline import Shard
from streams.shard.plan import Plan
from streams.state.shard_manager import ShardManager, SnapshotSchedule
from streams.state.snapshots import MemorySnapshots
from streams.telemetry.traces import Tracing
from streams.transport.batches import TP
from streams.worker.audit import Audit
from streams.worker.batch_processor import BatchProcessor
from streams.worker.dead_letter_writer import DeadLetterWriter
from streams.worker.effects import Clocks, Effects, Identity
from tests.streams.fakes import LATENCY, Released, SentMessages, T, default_plan, telemetry

TOPICS = load(None, {}).topics
PLAN = default_plan()


class WorkerFixture:
    """Effects that are recorded, clocks that the test moves, and a batch processor.

    failing: what `flush` of the publisher raises.
    """

    def __init__(
        self, tracing: Tracing | None = None, plan: Plan = PLAN, now_s: float = T + 60.0,
        failing: Exception | None = None,
    ) -> None:
        self.now_s, self.mono_s = now_s, 0.0
        self.sent = SentMessages(failing)
        self.telemetry = telemetry()
        tracing = tracing or Tracing()
        self.effects = Effects(
            identity=Identity("/tocsin/test", "tocsin"),
            clocks=Clocks(lambda: self.now_s, lambda: self.now_s, lambda: self.mono_s),
            publisher=self.sent,
            audit=Audit(self.sent, TOPICS.audit, "/tocsin/test", tracing),
            dead_letters=DeadLetterWriter(self.sent, TOPICS.dead_letters, self.telemetry),
            telemetry=self.telemetry,
            tracing=tracing,
        )
        self.manager = ShardManager(
            plan, MemorySnapshots(), SnapshotSchedule(5.0, 1000), self.sent, Released(), self.telemetry,
            lambda: self.mono_s, lambda *_: None,
        )
        self.processor = BatchProcessor(self.manager, self.effects, TOPICS, Brake(0.5, 100, 10))

    async def open(self) -> Shard:
        """Assign shard 0."""
        await self.manager.restore(frozenset({TP(LATENCY, 0)}))
        return self.manager.shards[0]

    def exposes(self, line: str) -> bool:
        """Whether the metrics have this line."""
        return line in self.telemetry.render().decode()
