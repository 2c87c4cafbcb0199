"""The hooks of Faust that the batched transport overrides: scheduler, consumer and recovery.

Faust calls everything here in the application's event loop. The Kafka client is in `consumer_thread.py`. The guarantees
of all parts together are in `faust_app.py`. `batches.py` decides which offsets are delivered and committed. A test
(`tests/streams/transport/test_overridden_hooks.py`) fails when an upgrade moves a hook.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping
from typing import Any, cast

from aiokafka.errors import KafkaError  # type: ignore[import-untyped]
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport.drivers.aiokafka import Consumer, Producer, Transport
from faust.transport.utils import DefaultSchedulingStrategy
from faust.types import TP, ConsumerMessage, Message
from typing_extensions import override

from streams.cluster.group_members import NameTaken, raise_if_evicted
from streams.cluster.recreated import is_another_log
from streams.kafka.retry import start_when_reachable, while_unreachable
from streams.transport.batched_app import BatchedApp
from streams.transport.batches import Drain, RecordBatch, Reread
from streams.transport.consumer_thread import BatchConsumerThread

log = logging.getLogger(__name__)

AGENTS_START_S = 5.0
AGENTS_POLL_S = 0.01


class StuckAgent(RuntimeError):  # noqa: N818
    """An agent did not finish its current batch in time, so its state cannot be handed over."""


class BatchScheduler(DefaultSchedulingStrategy):
    """Yields the records of a batched partition as one `Drain`, those of any other topic one by one.

    Faust builds it without arguments, so the consumer sets `batched`.
    """

    batched: frozenset[str] = frozenset()

    @override
    def iterate(self, records: Mapping[TP, list[Any]]) -> Iterator[tuple[TP, Any]]:
        single = {}
        for tp, polled in records.items():
            if tp.topic in self.batched:
                yield tp, polled
            else:
                single[tp] = polled
        yield from super().iterate(single)


class BatchConsumer(Consumer):
    """Delivers batches, commits released offsets only, and calls `on_assigned` and `on_revoked` of the app."""

    app: BatchedApp
    _thread: BatchConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._batched = self.app.settings.batched
        self._positions = self.app.positions
        cast(BatchScheduler, self.scheduler).batched = self._batched
        self._restoring: asyncio.Task[None] | None = None
        self._owned: frozenset[TP] = frozenset()
        self._was_member = False

    @override
    def _new_consumer_thread(self) -> BatchConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    # Delivery

    @override
    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:
        async for tp, message in super().getmany(timeout):
            if tp.topic not in self._batched:
                yield tp, message
                continue
            admitted = await self._admit(tp, cast(Any, message.value))
            if admitted is not None:
                self.app.sight.delivered(tp)
                message.value = cast(Any, admitted)
                yield tp, message

    async def _admit(self, tp: TP, drain: Drain) -> RecordBatch | None:
        admitted = self._positions.admit(tp, drain)
        if isinstance(admitted, Reread) and await self._skip_removed(tp, admitted.offset):
            admitted = self._positions.admit(tp, drain)
        if not isinstance(admitted, Reread):
            return admitted
        log.info("%s[%d]: a gap before the next batch, reading again from %d", *tp, admitted.offset)
        await self.seek_wait({tp: admitted.offset})
        return None

    async def _skip_removed(self, tp: TP, expected: int) -> bool:
        """Whether retention removed the next expected record. It cannot be read again, so it is reported once."""
        try:
            first = (await self._thread.beginnings([tp]))[tp]
        except KafkaError as error:
            log.warning("%s[%d]: the start of the log is not known: %r", *tp, error)
            return False
        if first <= expected:
            return False
        log.error("%s[%d]: offsets %d to %d were removed before they were read", *tp, expected, first - 1)
        self._positions.skip(tp, first)
        self.app.on_removed(tp, first - expected)
        return True

    @override
    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        if not isinstance(record, Drain):
            return super()._to_message(tp, record)
        last: Any = record.records[-1]
        return ConsumerMessage(
            tp.topic, tp.partition, last.offset, last.timestamp / 1000.0, last.timestamp_type, [], None,
            cast(Any, record), None, 0, 0, tp, generation_id=self.app.consumer_generation_id,
        )

    # Commits

    @override
    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        # A batch has the offset of its last record. Faust takes the offsets of the other records for missing.
        if tp.topic not in self._batched:
            await super()._add_gap(tp, offset_from, offset_to)

    @override
    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        for tp in super()._filter_tps_with_pending_acks(topics):
            if tp.topic in self._batched:
                self._acked[tp].clear()  # an acknowledgement means that the agent is done, not that the state is stored
                self._acked_index[tp].clear()
            else:
                yield tp
        for tp in self._positions.owned():
            if topics is None or tp in topics or tp.topic in topics:
                yield tp

    @override
    def _new_offset(self, tp: TP) -> int | None:
        return self._positions.released(tp) if tp.topic in self._batched else super()._new_offset(tp)

    @override
    async def _commit_offsets(self, offsets: Mapping[TP, int], start_new_transaction: bool = True) -> bool:
        before = {tp: self._committed_offset[tp] for tp in offsets}
        committed = await super()._commit_offsets(offsets, start_new_transaction)
        if not committed:  # Faust counts the offsets as committed even so, and would not try them again
            self._committed_offset.update(before)
        return committed

    # Ownership

    def rejoin(self, reason: str) -> None:
        """Join the group again: all partitions are revoked, then those of the new assignment are restored."""
        log.warning("joining the group again: %s", reason)
        self._thread.rejoin()

    async def restore(self) -> None:
        """Let the application restore its state, and own the partitions from where the state ends.

        Called before fetching resumes, outside the callbacks of the group: heartbeats go on however long it takes.
        Another rebalance cancels it.
        """
        if self._restoring is not None:  # a cancelled callback may still be cleaning up
            self._restoring.cancel()
            await asyncio.wait([self._restoring])
        self._positions.clear()
        self._was_member = True
        self._restoring = asyncio.ensure_future(self._start(frozenset(self.assignment())))
        await self._restoring

    async def _start(self, assigned: frozenset[TP]) -> None:
        restored = await self.app.on_assigned(assigned) if assigned else {}
        batched = [tp for tp in assigned if tp.topic in self._batched]
        bounds = await while_unreachable("ask for the offsets", lambda: self._thread.bounds(batched))
        unknown = [tp for tp in batched if tp not in restored]
        committed = await while_unreachable(
            "ask for the committed offsets", lambda: self._thread.committed_offsets(unknown),
        )
        starts = {tp: begin if self.app.settings.from_start else end for tp, (begin, end) in bounds.items()}
        starts |= committed | {tp: restored[tp] for tp in batched if tp in restored}
        for tp, (begin, end) in bounds.items():
            if is_another_log(starts[tp], begin, end):
                log.warning("%s[%d] was created again: reading it from its start, %d", *tp, begin)
                starts[tp] = begin
                self.app.on_recreated(tp)
        self.app.sight.forget()
        self._positions.start(starts)
        for tp, offset in starts.items():
            # All before this offset is in stored state, or was skipped by `from_start`. The offset is committed at
            # once, so that it survives a crash before the first release: a worker that began at the end of the log must
            # not begin at a later end after a restart.
            if tp in restored or not self.app.settings.from_start:
                self._positions.release(tp, offset)
        self._owned = assigned

    @override
    async def perform_seek(self) -> None:
        await super().perform_seek()
        positions = {tp: self._positions.position(tp) for tp in self._positions.owned()}
        starts = {tp: offset for tp, offset in positions.items() if offset is not None}
        # aiokafka does not seek where no offset is committed yet. The records that Faust fetched and dropped during a
        # rebalance would never be read.
        uncommitted = [
            tp for tp in self.assignment() if tp.topic not in self._batched and not self._committed_offset[tp]
        ]
        if uncommitted:
            starts |= await self._thread.beginnings(uncommitted)
        starts = {tp: offset for tp, offset in starts.items() if tp in self.assignment()}
        if starts:
            await self.seek_wait(starts)

    @override
    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        if self._thread.lost_membership():
            if revoked:
                log.warning("lost %d partitions: the group removed this worker", len(revoked))
            self._positions.clear()
            self._owned = frozenset()
            if self._was_member:
                await self._stop_if_evicted()
        else:
            await self._within(self.commit(), "commit before a rebalance")  # super() drops the acknowledgements
        await super().on_partitions_revoked(revoked)
        self._positions.clear()

    async def _stop_if_evicted(self) -> None:
        """Stop when another process has this worker's name. Joining again would evict that one, and so on for ever."""
        try:
            await raise_if_evicted(self.app.settings)
        except NameTaken as error:
            log.error("%s", error)
            await self.crash(error)
            await asyncio.sleep(self.app.settings.stop_timeout_s)  # the client joins when this returns

    @override
    async def wait_empty(self) -> None:
        """Faust calls this before a revocation and at a stop. Fetching is off and buffers are dropped by then."""
        owned, self._owned = self._owned, frozenset()
        if owned and not self.crashed and not self.app.crashed and not self._thread.lost_membership():
            if not await self._agents_idle():
                await self.crash(StuckAgent(
                    f"a batch took longer than hand_over_timeout_s {self.app.settings.hand_over_timeout_s:g} s"
                ))
                return
            await self._within(self.app.on_revoked(owned), "on_revoked")
        if not self._thread.lost_membership():
            await self._within(self.commit(), "last commit")
        self._positions.clear()

    async def _agents_idle(self) -> bool:
        deadline_s = time.monotonic() + self.app.settings.hand_over_timeout_s
        self._clean_unacked_messages()
        while self._unacked_messages and time.monotonic() < deadline_s:
            await self._wait_for_ack(timeout=1)
            self._clean_unacked_messages()
        return not self._unacked_messages

    async def _within(self, work: Awaitable[object], what: str) -> None:
        timeout_s = self.app.settings.hand_over_timeout_s
        try:
            await asyncio.wait_for(work, timeout_s)
        except TimeoutError:
            log.error("%s took longer than %g s and was cancelled; its records will be read again", what, timeout_s)
        except Exception:
            log.exception("%s failed; its records will be read again", what)


class BatchRecovery(Recovery):
    """Runs after each assignment. There are no Faust tables, so the application restores its own state here."""

    @override
    async def _resume_streams(self, generation_id: int = 0) -> None:
        consumer = cast(BatchConsumer, self.app.consumer)
        await self._wait(consumer.restore())
        await super()._resume_streams(generation_id)


class BatchTables(TableManager):
    """Faust's table manager. Only its recovery service is used."""

    app: BatchedApp

    @override
    async def on_start(self) -> None:
        """Wait until the topics of all agents are known, as the consumer subscribes to them next.

        Faust sleeps for a second instead, in which a worker that was restarted watches nothing.
        """
        wanted = {topic for agent in self.app.agents.values() for topic in agent.channel.topics}
        deadline_s = time.monotonic() + AGENTS_START_S
        while not wanted <= {topic for channel in self.app.topics for topic in channel.topics}:
            if self.should_stop or time.monotonic() >= deadline_s:
                break
            await self.sleep(AGENTS_POLL_S)
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()

    @property
    @override
    def recovery(self) -> Recovery:
        if self._recovery is None:
            self._recovery = BatchRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery


class PatientProducer(Producer):
    """Faust's own producer, which nothing of ours writes to. Its start waits for the broker."""

    @override
    def _new_producer(self, transactional_id: str | None = None) -> Any:
        producer = super()._new_producer(transactional_id)
        start_when_reachable(producer, "start the producer of Faust")
        return producer


class BatchTransport(Transport):
    """Faust's aiokafka transport with `BatchConsumer` as its consumer."""

    Consumer = BatchConsumer
    Producer = PatientProducer
