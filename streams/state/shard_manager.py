"""The keeper of a worker's shards: restores them before their records flow, stores them while they do, hands them over.

A shard's offsets are released for commit only when two things are true of one and the same moment: the snapshot taken
then is durable, and everything decided before it is acknowledged. Crash: the shard goes on from that snapshot and reads
again what came after it; the same ids come out. Duplicate: what the snapshot contains is skipped by offset.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal, Protocol

import structlog

from streams.kafka.producer import Publisher
from streams.kafka.transport import TP
from streams.pipeline import Shard, Stopwatch
from streams.shard.plan import Plan
from streams.shard.snapshot import SnapshotMismatch
from streams.state.snapshots import SnapshotStore
from streams.telemetry.metrics import Telemetry

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.keeper")

STORE_BYTES_PER_S = 4e6
"""A large state is stored less often, so that storing it never takes more than this of the network."""


class Positions(Protocol):
    """What the keeper needs of the transport."""

    def release(self, tp: TP, next_offset: int) -> bool: ...


@dataclass(slots=True)
class _Kept:
    """A shard and its account. step: held while a step is taken and published. saving: held while it is stored.

    stored, stored_changes: the offsets and the changes that the last durable snapshot contains.
    """

    shard: Shard
    stored: dict[str, int]
    stored_at_s: float
    stored_changes: int = 0
    size_bytes: int = 0
    step: asyncio.Lock = field(default_factory=asyncio.Lock)
    saving: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def up_to_date(self) -> bool:
        """Whether a snapshot would hold nothing new."""
        return self.stored == self.shard.offsets and self.stored_changes == self.shard.changes


class ShardManager:
    """The shards of one worker. `now_s` is monotonic seconds, for intervals only.

    rejected: called with "version", the shard and the reason in words for each state that is relearned.
    """

    def __init__(
        self, plan: Plan, store: SnapshotStore, publisher: Publisher, positions: Positions, telemetry: Telemetry,
        stopwatch: Stopwatch, every_s: float, every_records: int, now_s: Callable[[], float],
        rejected: Callable[[Literal["version"], int, str], None],
    ) -> None:
        self._plan = plan
        self._store = store
        self._publisher = publisher
        self._positions = positions
        self._telemetry = telemetry
        self._stopwatch = stopwatch
        self._every_s = every_s
        self._every_records = every_records
        self._now_s = now_s
        self._rejected = rejected
        self._kept: dict[int, _Kept] = {}

    @property
    def shards(self) -> Mapping[int, Shard]:
        """The shards by number."""
        return {number: kept.shard for number, kept in self._kept.items()}

    def shard(self, number: int) -> Shard | None:
        """One shard, to look at; None when this worker does not hold it."""
        kept = self._kept.get(number)
        return None if kept is None else kept.shard

    @asynccontextmanager
    async def locked(self, number: int) -> AsyncIterator[Shard | None]:
        """One shard, for a step and the publishing of all that came of it; None when this worker does not hold it.

        Steps come one after another, and no snapshot falls between a step and its outputs: it would contain the records
        of outputs that nobody waits for yet.
        """
        kept = self._kept.get(number)
        if kept is None:
            yield None
            return
        async with kept.step:
            yield kept.shard

    async def restore(self, tps: frozenset[TP]) -> Mapping[TP, int]:
        """Take over these partitions, and only these: load each shard, and say where its topics go on.

        Also shards held before are loaded anew, since another worker may have gone on with them meanwhile.
        """
        self._kept.clear()
        # A topic of ours may have more partitions than the inputs: those have no shard.
        numbers = sorted({tp.partition for tp in tps if tp.topic in self._plan.sources})
        loaded = await asyncio.gather(*(self._load(number) for number in numbers))
        for number, shard in zip(numbers, loaded, strict=True):
            self._publisher.forget(number)
            self._kept[number] = _Kept(shard, dict(shard.offsets), self._now_s())
        return {
            tp: self._kept[tp.partition].shard.offsets[tp.topic] for tp in tps
            if tp.partition in self._kept and tp.topic in self._kept[tp.partition].shard.offsets
        }

    async def hand_over(self, tps: frozenset[TP]) -> None:
        """Store the shards that go, so that their next owner has nothing to read again, and let them go.

        Raises what storing one of them raised, after all were tried.
        """
        numbers = sorted({tp.partition for tp in tps})
        try:
            kept = await asyncio.gather(*(self.keep(number) for number in numbers), return_exceptions=True)
        finally:
            for number in numbers:
                self._kept.pop(number, None)
        for failure in kept:
            if failure is not None:
                raise failure

    async def keep_due(self) -> None:
        """Store each shard whose time has come; called often, does little."""
        for number, kept in list(self._kept.items()):
            if kept.up_to_date:
                continue
            since_s = self._now_s() - kept.stored_at_s
            new = sum(offset - kept.stored.get(topic, 0) for topic, offset in kept.shard.offsets.items())
            due = since_s >= self._every_s or new >= self._every_records
            if due and since_s >= kept.size_bytes / STORE_BYTES_PER_S:
                await self.keep(number)

    async def keep(self, number: int) -> None:
        """Store one shard and release what it contains; raises when the store or an output fails for good."""
        kept = self._kept.get(number)
        if kept is None:
            return
        async with kept.saving:
            async with kept.step:
                if kept.up_to_date:
                    return
                snapshot, changes = kept.shard.snapshot(), kept.shard.changes
            # No other task runs between the end of that step and the account that `flush` takes at once.
            try:
                with self._telemetry.stage("snapshot"):
                    await self._publisher.flush(number)
                    await self._store.save(number, snapshot)
            except Exception:
                self._telemetry.snapshot("failed")
                raise
            kept.size_bytes = sum(array.nbytes for array in snapshot.arrays.values())
            kept.stored, kept.stored_changes, kept.stored_at_s = snapshot.offsets, changes, self._now_s()
            self._telemetry.snapshot("stored", kept.size_bytes)
            for topic, offset in snapshot.offsets.items():
                self._positions.release(TP(topic, number), offset)

    async def _load(self, number: int) -> Shard:
        snapshot = await self._store.load(number)
        if snapshot is None:
            self._telemetry.restore("empty")
            return Shard(self._plan, self._stopwatch, number)
        try:
            shard = Shard.restored(self._plan, snapshot, self._stopwatch, number)
        except SnapshotMismatch as error:
            self._rejected("version", number, str(error))
            log.warning("state_rejected", shard=number, reason=str(error))
            return Shard(self._plan, self._stopwatch, number)
        self._telemetry.restore("restored")
        log.info("state_restored", shard=number, series=shard.status().series, offsets=shard.offsets)
        return shard
