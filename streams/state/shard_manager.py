"""The shard manager: it restores the shards of a worker before their records come, stores them, and hands them over.

The offsets of a shard are released for commit when two things are true for the same moment: the snapshot of that moment
is durable, and every message that was sent before it is acknowledged. Crash: the shard goes on from that snapshot and
reads the later records again, with the same ids as results. Duplicate: the shard skips the offsets that its snapshot
contains.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal, Protocol

import structlog

from streams.kafka.producer import Publisher
from streams.pipeline import Shard
from streams.shard.plan import Plan
from streams.shard.snapshot import SnapshotMismatch
from streams.state.snapshots import SnapshotStore
from streams.telemetry.metrics import Telemetry
from streams.transport.batches import TP

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.shard_manager")

STORE_BYTES_PER_S = 4e6
"""Limit of the network load by snapshots: a large state is stored less often."""


class Offsets(Protocol):
    """The side of the transport that commits."""

    def release(self, tp: TP, next_offset: int) -> bool: ...


@dataclass(frozen=True, slots=True)
class SnapshotSchedule:
    """When a shard that changed is stored: after so many seconds or so many records, whichever comes first."""

    every_s: float
    every_records: int


@dataclass(slots=True)
class _OwnedShard:
    """A shard of this worker. step_lock: held during a step and its publishing. store_lock: held while it is stored.

    stored, stored_changes: the offsets and the changes that the last durable snapshot contains.
    """

    shard: Shard
    stored: dict[str, int]
    stored_at_s: float
    stored_changes: int = 0
    size_bytes: int = 0
    step_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    store_lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def is_stored(self) -> bool:
        """Whether the last snapshot contains everything."""
        return self.stored == self.shard.offsets and self.stored_changes == self.shard.changes


class ShardManager:
    """The shards of one worker. `mono_s` returns monotonic seconds.

    rejected: called with "version", the shard and the reason in words for each state that is learned anew.
    """

    def __init__(
        self, plan: Plan, store: SnapshotStore, schedule: SnapshotSchedule, publisher: Publisher, offsets: Offsets,
        telemetry: Telemetry, mono_s: Callable[[], float], rejected: Callable[[Literal["version"], int, str], None],
    ) -> None:
        self._plan = plan
        self._store = store
        self._schedule = schedule
        self._publisher = publisher
        self._offsets = offsets
        self._telemetry = telemetry
        self._mono_s = mono_s
        self._rejected = rejected
        self._owned: dict[int, _OwnedShard] = {}

    @property
    def shards(self) -> Mapping[int, Shard]:
        """The shards by number, to read."""
        return {number: owned.shard for number, owned in self._owned.items()}

    def shard(self, number: int) -> Shard | None:
        """One shard, to read; None when this worker does not own it."""
        owned = self._owned.get(number)
        return None if owned is None else owned.shard

    @asynccontextmanager
    async def locked(self, number: int) -> AsyncIterator[Shard | None]:
        """One shard, for a step and the publishing of its products; None when this worker does not own it.

        Steps run one after another. No snapshot is taken between a step and its sends: it would contain the records,
        and its offsets could be committed before the products are acknowledged.
        """
        owned = self._owned.get(number)
        if owned is None:
            yield None
            return
        async with owned.step_lock:
            yield owned.shard

    async def restore(self, tps: frozenset[TP]) -> Mapping[TP, int]:
        """Own the shards of these partitions, and no others: load each one, and return where its topics go on.

        Shards owned before are loaded again, because another worker may have owned them in between.
        """
        self._owned.clear()
        # Other topics may have more partitions than the inputs. Those partitions belong to no shard.
        numbers = sorted({tp.partition for tp in tps if tp.topic in self._plan.sources})
        loaded = await asyncio.gather(*(self._load(number) for number in numbers))
        for number, shard in zip(numbers, loaded, strict=True):
            self._publisher.forget(number)
            self._owned[number] = _OwnedShard(shard, dict(shard.offsets), self._mono_s())
        return {
            tp: self._owned[tp.partition].shard.offsets[tp.topic] for tp in tps
            if tp.partition in self._owned and tp.topic in self._owned[tp.partition].shard.offsets
        }

    async def hand_over(self, tps: frozenset[TP]) -> None:
        """Store the shards of these partitions and give them up, so that their next owner has nothing to read again.

        Raises the first error of storing them, after all were tried.
        """
        numbers = sorted({tp.partition for tp in tps})
        try:
            results = await asyncio.gather(*(self.store(number) for number in numbers), return_exceptions=True)
        finally:
            for number in numbers:
                self._owned.pop(number, None)
        for failure in results:
            if failure is not None:
                raise failure

    async def store_due(self) -> None:
        """Store each shard that is due; cheap when none is."""
        for number, owned in list(self._owned.items()):
            if owned.is_stored:
                continue
            since_s = self._mono_s() - owned.stored_at_s
            records = sum(offset - owned.stored.get(topic, 0) for topic, offset in owned.shard.offsets.items())
            is_due = since_s >= self._schedule.every_s or records >= self._schedule.every_records
            if is_due and since_s >= owned.size_bytes / STORE_BYTES_PER_S:
                await self.store(number)

    async def store(self, number: int) -> None:
        """Store one shard and release its offsets; raises when the store or an output fails for good."""
        owned = self._owned.get(number)
        if owned is None:
            return
        async with owned.store_lock:
            async with owned.step_lock:
                if owned.is_stored:
                    return
                snapshot, changes = owned.shard.snapshot(), owned.shard.changes
            # `flush` reads the account before it waits, so no other task can add a message after the snapshot.
            try:
                with self._telemetry.stage("snapshot"):
                    await self._publisher.flush(number)
                    await self._store.save(number, snapshot)
            except Exception:
                self._telemetry.snapshot("failed")
                raise
            owned.size_bytes = sum(array.nbytes for array in snapshot.arrays.values())
            owned.stored, owned.stored_changes, owned.stored_at_s = snapshot.offsets, changes, self._mono_s()
            self._telemetry.snapshot("stored", owned.size_bytes)
            for topic, offset in snapshot.offsets.items():
                self._offsets.release(TP(topic, number), offset)

    async def _load(self, number: int) -> Shard:
        snapshot = await self._store.load(number)
        if snapshot is None:
            self._telemetry.restore("empty")
            return Shard(self._plan, self._telemetry.stage, number)
        try:
            shard = Shard.restored(self._plan, snapshot, self._telemetry.stage, number)
        except SnapshotMismatch as error:
            self._rejected("version", number, str(error))
            log.warning("state_rejected", shard=number, reason=str(error))
            return Shard(self._plan, self._telemetry.stage, number)
        self._telemetry.restore("restored")
        log.info("state_restored", shard=number, series=shard.status().series.total, offsets=shard.offsets)
        return shard
