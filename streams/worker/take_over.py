"""The take-over of a shard: it fences the former owner, reads what that one left, and makes the new owner.

The order matters. Once the producers are started, nothing of the former owner comes through any more. So the snapshot
and the ticks that are read after that are the last ones.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import structlog

from config.models import TopicsSection
from streams.contracts.ticks import Tick
from streams.kafka.retry import while_unreachable
from streams.kafka.transactions import ShardProducer
from streams.ownership.feed import ShardFeed, valid_ticks
from streams.ownership.tick_policy import TickPolicy
from streams.pipeline import Shard
from streams.reload.migration_log import log_migration
from streams.shard.plan import Plan
from streams.shard.snapshot import SnapshotMismatch
from streams.state.snapshots import SnapshotStore
from streams.worker.effects import Effects
from streams.worker.product_writer import ProductWriter
from streams.worker.shard_owner import ShardOwner, Supply

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.take_over")

ProducerUse = Literal["products", "state"]


class Ticks(Protocol):
    """The log of ticks."""

    async def read(self, shard: int, from_offset: int) -> Sequence[Tick]: ...


@dataclass(frozen=True, slots=True)
class Stores:
    """Where the state of shards comes from. producer: makes a producer of a shard, not started, by its use: one for
    what a shard publishes, and one for its snapshots, which take longer."""

    snapshots: SnapshotStore
    ticks: Ticks
    producer: Callable[[int, ProducerUse], ShardProducer]


@dataclass(frozen=True, slots=True)
class Taken:
    """A shard that was taken over. state_producer: of its snapshots."""

    owner: ShardOwner
    state_producer: ShardProducer


class TakeOver:
    """Takes over shards for one worker.

    rejected: called with "version", the shard and the reason in words for each state that is learned anew.
    """

    def __init__(
        self, plan: Plan, stores: Stores, supply: Supply, effects: Effects, topics: TopicsSection,
        rejected: Callable[[Literal["version"], int, str], None],
    ) -> None:
        self._plan = plan
        self._stores = stores
        self._supply = supply
        self._effects = effects
        self._topics = topics
        self._rejected = rejected
        self._writer = ProductWriter(effects, topics)

    def reconfigure(self, plan: Plan) -> None:
        """Shards that are taken over from now on work by another plan."""
        self._plan = plan

    async def take(self, number: int, sources: frozenset[str]) -> Taken:
        """Take one shard over. sources: those with a partition of this number.

        A broker that is away is waited for, with the producers closed. Raises as `while_unreachable` does, and
        TransactionFailed.
        """
        return await while_unreachable(f"take over shard {number}", lambda: self._take(number, sources))

    async def _take(self, number: int, sources: frozenset[str]) -> Taken:
        producer, state_producer = (self._stores.producer(number, use) for use in ("products", "state"))
        try:
            await asyncio.gather(producer.start(), state_producer.start())
            shard, is_new = await self._load(number)
            logged = await self._stores.ticks.read(number, shard.offsets.pop(self._topics.ticks, 0))
        except BaseException:
            await asyncio.gather(producer.stop(), state_producer.stop(), return_exceptions=True)
            raise
        ticks, generation = valid_ticks(logged, shard.generation)
        if is_new:
            ticks = []  # without the state before them they cannot be repeated
        clocks, feed = self._effects.clocks, ShardFeed(shard, self._topics.outcomes, ticks)
        self._leave_out_gone(feed, ticks)
        log.info("shard_taken_over", shard=number, ticks=len(ticks), generation=generation + 1, offsets=shard.offsets)
        owner = ShardOwner(
            number, feed, TickPolicy(generation + 1, clocks.steady_s()),
            producer, self._writer, self._supply, clocks, self._topics, sources,
        )
        owner.reconfigure(self._plan)
        return Taken(owner, state_producer)

    def _leave_out_gone(self, feed: ShardFeed, ticks: Sequence[Tick]) -> None:
        """No tick waits for records of inputs that are no longer read."""
        read = {*feed.shard.plan.sources, self._topics.outcomes}
        for topic in {*feed.shard.offsets, *(topic for tick in ticks for topic in tick.offsets)} - read:
            feed.shard.offsets.pop(topic, None)
            feed.begin_at(topic, sys.maxsize)

    async def _load(self, number: int) -> tuple[Shard, bool]:
        """The shard of the last snapshot, or a new one; whether it is new."""
        telemetry, steady_s = self._effects.telemetry, self._effects.clocks.steady_s()
        snapshot = await self._stores.snapshots.load(number)
        if snapshot is None:
            telemetry.restore("empty")
            return Shard(self._plan, telemetry.stage, number), True
        try:
            shard = Shard.restored(self._plan, snapshot, telemetry.stage, number, steady_s)
        except SnapshotMismatch as error:
            self._rejected("version", number, str(error))
            log.warning("state_rejected", shard=number, reason=str(error))
            return Shard.relearning(self._plan, snapshot, telemetry.stage, number), True
        telemetry.restore("restored")
        log_migration("state_restored", shard)
        return shard, False
