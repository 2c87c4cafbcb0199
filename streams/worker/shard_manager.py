"""The shard manager: it takes over the shards of a worker, ticks and stores them, and hands them over.

The offsets of a shard are released for commit once a snapshot that contains them is durable. A shard whose producer
fails or is fenced is dropped, and the worker joins the group again. Ticks and snapshots of each shard are written in
tasks of its own, so that a shard whose broker hangs keeps the others waiting for a moment only.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, Protocol

import structlog

from classifiers.directives import Directive
from classifiers.model import Incident
from classifiers.viewing_by_hand import Watch
from config.models import TopicsSection
from streams.cluster.topics import BrokerUnavailable
from streams.intake.kafka_record import KafkaRecord
from streams.kafka.transactions import Fenced, ShardProducer, TransactionFailed
from streams.ownership.feed import NONE_REFUSED, Refused
from streams.pipeline import Products
from streams.shard.plan import Plan
from streams.transport.batches import TP
from streams.worker.effects import Effects
from streams.worker.shard_owner import ShardOwner, StoredState, Supply
from streams.worker.shard_task import ShardTask, cancel
from streams.worker.take_over import Stores, TakeOver

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.shard_manager")

STORE_BYTES_PER_S = 4e6
"""Limit of the network load by snapshots: a large state is stored less often."""
STORE_IDLE_EVERY_S = 300.0
"""A shard in which nothing changes is stored so often, so that its ticks since then stay few."""


class Transport(Supply, Protocol):
    """The side of the transport that the shards need."""

    def release(self, tp: TP, next_offset: int) -> bool: ...

    def rejoin(self, reason: str) -> None:
        """Give up all partitions and join the group again."""


@dataclass(frozen=True, slots=True)
class SnapshotSchedule:
    """When a shard that changed is stored: after so many seconds or so many records, whichever comes first."""

    every_s: float
    every_records: int


@dataclass(frozen=True, slots=True)
class Waits:
    """How long the other shards wait for one shard, in real seconds.

    tick_s: their ticks and their records, for the transaction of a tick; a broker that is well takes a tenth of it.
    store_s: their snapshots, for a snapshot, because they are stored one after another.
    """

    tick_s: float = 0.25
    store_s: float = 5.0


@dataclass(slots=True)
class _Owned:
    """stored, stored_changes: the offsets and the changes that the last durable snapshot contains. ticking, storing,
    settling: what waits for the broker."""

    owner: ShardOwner
    state_producer: ShardProducer
    stored: dict[str, int]
    stored_at_s: float
    stored_changes: int = 0
    size_bytes: int = 0
    store_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    ticking: ShardTask = field(default_factory=ShardTask)
    storing: ShardTask = field(default_factory=ShardTask)
    settling: ShardTask = field(default_factory=ShardTask)

    async def give_up(self) -> None:
        """End what is under way, and close the producers; what was not committed is dropped."""
        await cancel(self.ticking, self.storing, self.settling)
        await asyncio.gather(self.owner.close(), self.state_producer.stop(), return_exceptions=True)


class ShardManager:
    """The shards of one worker.

    rejected: called with "version", the shard and the reason in words for each state that is learned anew.
    """

    def __init__(
        self, plan: Plan, stores: Stores, schedule: SnapshotSchedule, transport: Transport, effects: Effects,
        topics: TopicsSection, rejected: Callable[[Literal["version"], int, str], None],
        waits: Waits = Waits(),
    ) -> None:
        self._sources = frozenset(plan.sources)
        self._snapshots = stores.snapshots
        self._schedule = schedule
        self._transport = transport
        self._effects = effects
        self._take_over = TakeOver(plan, stores, transport, effects, topics, rejected)
        self._waits = waits
        self._owned: dict[int, _Owned] = {}

    @property
    def owners(self) -> Mapping[int, ShardOwner]:
        """The owned shards by number."""
        return {number: owned.owner for number, owned in self._owned.items()}

    def reconfigure(self, plan: Plan) -> None:
        """Work by another plan of the same inputs: each shard from its next tick on."""
        self._take_over.reconfigure(plan)
        for owned in self._owned.values():
            owned.owner.reconfigure(plan)

    async def restore(self, tps: frozenset[TP]) -> Mapping[TP, int]:
        """Own the shards of these partitions, and no others: take over each, and return where its topics go on.

        Shards owned before are taken over again, because another worker may have owned them in between.
        """
        await self._close(list(self._owned))
        # Other topics may have more partitions than the inputs. Those partitions belong to no shard.
        numbers = sorted({tp.partition for tp in tps if tp.topic in self._sources})
        sources = {number: frozenset(tp.topic for tp in tps if tp.partition == number) for number in numbers}
        taken = await asyncio.gather(*(self._take_over.take(number, sources[number]) for number in numbers))
        now_s = self._effects.clocks.mono_s()
        self._owned.update(
            (number, _Owned(each.owner, each.state_producer, {}, now_s))
            for number, each in zip(numbers, taken, strict=True)
        )
        offsets = {number: owned.owner.shard.offsets for number, owned in self._owned.items()}
        return {tp: offsets[tp.partition][tp.topic] for tp in tps if tp.topic in offsets.get(tp.partition, ())}

    def blind_for_s(self) -> Mapping[int, float]:
        """For how long each owned shard has been blind, without those that see."""
        found = {number: owned.owner.blind_for_s() for number, owned in self._owned.items()}
        return {number: blind_s for number, blind_s in found.items() if blind_s > 0.0}

    def note_removed(self, tp: TP, first: int) -> None:
        """Retention deleted the records of a partition below an offset before they were read."""
        owned = self._owned.get(tp.partition)
        if owned is not None:
            owned.owner.note_removed(tp.topic, first)

    def note_recreated(self, tp: TP) -> None:
        """A topic was deleted and created again: its offsets begin anew, and no tick waits for the old records."""
        owned = self._owned.get(tp.partition)
        if owned is not None:
            owned.owner.note_recreated(tp.topic)

    async def tick(self) -> None:
        """Write the ticks that are due; to be called often."""
        ticked = list(self._owned.items())
        for number, owned in ticked:
            owned.owner.observe()
            owned.ticking.start(partial(self._write, number, owned.owner, owned.owner.tick_if_due))
        for _, owned in ticked:
            await owned.ticking.wait(self._waits.tick_s)

    async def process(
        self, number: int, topic: str, records: Sequence[KafkaRecord], refused: Refused = NONE_REFUSED,
    ) -> Products | None:
        """Records of one topic of a shard, and the tick that may be due then. refused: outcomes that do not count.

        None when they wait, or when this worker does not own the shard.
        """
        owned = self._owned.get(number)
        if owned is None:
            return None
        if not owned.owner.is_opened:
            await self._tick(number, owned)
        products = owned.owner.process(topic, records, refused)
        await self._tick(number, owned)
        return products

    async def publish(self, number: int) -> None:
        """Publish what a shard produced so far, without waiting for the next tick that is due.

        Returns without it when that takes longer than `Waits.store_s`.
        """
        owned = self._owned.get(number)
        if owned is not None:
            owned.settling.start(partial(self._write, number, owned.owner, owned.owner.settle))
            await owned.settling.wait(self._waits.store_s)

    def add_directives(self, directives: Collection[Directive]) -> None:
        """Give directives to every shard of this worker; each applies them when its event time reaches them."""
        for owned in self._owned.values():
            owned.owner.add_directives(directives)

    def watch(self, asked: Collection[Watch]) -> None:
        """Have each shard of this worker publish the windows of series that people ask for."""
        for owned in self._owned.values():
            owned.owner.watch(asked)

    def add_incidents(self, incidents: Sequence[Incident]) -> None:
        """Give published incidents to every shard of this worker; a shard ignores its own."""
        for owned in self._owned.values():
            owned.owner.add_incidents(incidents)

    def reconcile(self, open_incidents: Mapping[int, Sequence[Incident]], shards: int) -> None:
        """Resolve the published open incidents of owned shards that their state does not know.

        open_incidents: by shard, as of a moment after the take-over. shards: how many there are; an incident of a
        number beyond them, from before an input was created again with fewer partitions, goes to one of them.
        """
        for number, incidents in open_incidents.items():
            owned = self._owned.get(number % shards)
            if owned is not None:
                owned.owner.add_lost(incidents)

    async def hand_over(self, tps: frozenset[TP]) -> None:
        """Store the shards of these partitions and give them up, so that their next owner has nothing to read again."""
        handed_over = {tp.partition: self._owned[tp.partition] for tp in tps if tp.partition in self._owned}
        for number, owned in handed_over.items():
            owned.settling.start(partial(self._settle, number, owned))
        try:
            for owned in handed_over.values():
                await owned.settling.wait()
        finally:
            await self._close([number for number in handed_over if number in self._owned])

    async def close(self) -> None:
        """Give up all shards without storing them."""
        await self._close(list(self._owned))

    async def store_due(self) -> None:
        """Store each shard that is due; cheap when none is."""
        for number, owned in list(self._owned.items()):
            if self._is_due(owned) and (state := owned.owner.take_state()) is not None:
                owned.storing.start(partial(self._store, number, owned, state))
                await owned.storing.wait(self._waits.store_s)

    async def _tick(self, number: int, owned: _Owned) -> None:
        """Wait for the tick under way, then write the one that is due after it; each for a moment only."""
        await owned.ticking.wait(self._waits.tick_s)
        if self._owned.get(number) is owned:
            owned.ticking.start(partial(self._write, number, owned.owner, owned.owner.tick_if_due))
            await owned.ticking.wait(self._waits.tick_s)

    async def _write(self, number: int, owner: ShardOwner, write: Callable[[], Awaitable[None]]) -> None:
        try:
            await write()
        except (Fenced, TransactionFailed) as error:
            await self._drop(number, owner, str(error))

    async def _drop(self, number: int, owner: ShardOwner, reason: str) -> None:
        """Give up a shard that cannot go on here, and join the group again."""
        owned = self._owned.get(number)
        if owned is not None and owned.owner is owner:
            del self._owned[number]
            log.warning("shard_dropped", shard=number, reason=reason)
            self._transport.rejoin(reason)
            await owned.give_up()

    async def _settle(self, number: int, owned: _Owned) -> None:
        """Store a shard as it is. Where that fails the next owner reads again what is not stored."""
        try:
            await owned.owner.settle()
        except (Fenced, TransactionFailed) as error:
            log.warning("shard_not_settled", shard=number, reason=str(error))
            return
        state = owned.owner.take_state()
        if state is not None:
            await self._store(number, owned, state)

    async def _close(self, numbers: Sequence[int]) -> None:
        given_up = [self._owned.pop(number) for number in numbers]
        await asyncio.gather(*(owned.give_up() for owned in given_up))

    def _is_due(self, owned: _Owned) -> bool:
        shard = owned.owner.shard
        since_s = self._effects.clocks.mono_s() - owned.stored_at_s
        if owned.storing.is_running or since_s < owned.size_bytes / STORE_BYTES_PER_S:
            return False
        if not owned.stored:
            return True
        records = sum(offset - owned.stored.get(topic, 0) for topic, offset in shard.offsets.items())
        is_changed = records > 0 or owned.stored_changes != shard.changes
        is_time = since_s >= self._schedule.every_s or records >= self._schedule.every_records
        return (is_changed and is_time) or since_s >= STORE_IDLE_EVERY_S

    async def _store(self, number: int, owned: _Owned, state: StoredState) -> None:
        """Store one state and release its offsets. One that cannot be stored is tried again later, as a newer one."""
        telemetry, snapshot = self._effects.telemetry, state.snapshot
        async with owned.store_lock:
            try:
                with telemetry.stage("snapshot"):
                    await self._snapshots.save(number, snapshot, owned.state_producer)
            except (Fenced, TransactionFailed, BrokerUnavailable) as error:
                telemetry.snapshot("failed")
                log.warning("snapshot_not_stored", shard=number, reason=str(error))
                await self._replace_state_producer(number, owned, error)
                return
            owned.size_bytes = sum(array.nbytes for array in snapshot.arrays.values())
            owned.stored, owned.stored_changes = snapshot.offsets, state.changes
            owned.stored_at_s = self._effects.clocks.mono_s()
            telemetry.snapshot("stored", owned.size_bytes)
            for topic, offset in snapshot.offsets.items():
                self._transport.release(TP(topic, number), offset)

    async def _replace_state_producer(self, number: int, owned: _Owned, error: Exception) -> None:
        """After a failure a producer must be started again, by who certainly still owns the shard; else it is over."""
        if isinstance(error, Fenced):
            await self._drop(number, owned.owner, str(error))
        elif isinstance(error, TransactionFailed) and self._transport.holds_lease():
            with contextlib.suppress(TransactionFailed):
                await owned.state_producer.start()
