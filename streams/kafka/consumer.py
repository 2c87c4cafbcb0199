"""The seams of Faust that the batched transport overrides: scheduler, consumer and recovery.

Everything here is called by Faust, in the application's event loop; the Kafka client is in
`streams.kafka.consumer_thread`. What the pieces promise together is in `streams.kafka.transport`; which offsets are
delivered and committed is decided in `streams.kafka.batches`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from aiokafka.errors import IllegalStateError  # type: ignore[import-untyped]
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport.drivers.aiokafka import Consumer, Transport
from faust.transport.utils import DefaultSchedulingStrategy
from faust.types import TP, ConsumerMessage, Message

from streams.kafka.batches import Reread
from streams.kafka.consumer_thread import BatchConsumerThread

if TYPE_CHECKING:
    from streams.kafka.transport import BatchedApp

log = logging.getLogger(__name__)

class StuckAgent(RuntimeError):  # noqa: N818
    """An agent did not finish the batch in hand in time, so its state cannot be handed over."""


class BatchScheduler(DefaultSchedulingStrategy):
    """Hand each polled partition on as one list. Faust builds it without arguments, so the consumer splits the rest."""

    batched: frozenset[str] = frozenset()

    def iterate(self, records: Mapping[TP, list[Any]]) -> Iterator[tuple[TP, Any]]:
        single = {}
        for tp, polled in records.items():
            if tp.topic in self.batched:
                yield tp, polled
            else:
                single[tp] = polled
        yield from super().iterate(single)


class BatchConsumer(Consumer):
    """Delivers batches, holds their commits until released, and brackets each ownership with the two callbacks."""

    app: BatchedApp
    _thread: BatchConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._batched = self.app.settings.batched
        self._positions = self.app.positions
        cast(BatchScheduler, self.scheduler).batched = self._batched
        self._restoring: asyncio.Task[None] | None = None
        self._owned: frozenset[TP] = frozenset()

    def _new_consumer_thread(self) -> BatchConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    # Delivery

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:  # noqa: ASYNC109
        async for tp, message in super().getmany(timeout):
            if tp.topic not in self._batched:
                yield tp, message
                continue
            admitted = self._positions.admit(tp, cast(Any, message.value))
            if isinstance(admitted, Reread):
                log.info("%s[%d]: a hole before the next batch, reading again from %d", *tp, admitted.offset)
                await self.seek_wait({tp: admitted.offset})
            elif admitted is not None:
                message.value = cast(Any, admitted)
                yield tp, message

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        if not isinstance(record, list):
            return super()._to_message(tp, record)
        last = record[-1]
        return ConsumerMessage(
            tp.topic, tp.partition, last.offset, last.timestamp / 1000.0, last.timestamp_type, [], None,
            cast(Any, record), None, 0, 0, tp, generation_id=self.app.consumer_generation_id,
        )

    def known_highwater(self, tp: TP) -> int | None:
        """One more than the last offset of the partition as of the last fetch; None before it or if not assigned."""
        try:
            return cast(int | None, self.highwater(tp))
        except (AssertionError, IllegalStateError, KeyError):
            return None

    # Commits

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        # The offsets before a batch's last one are inside the batch; Faust takes them for missing.
        if tp.topic not in self._batched:
            await super()._add_gap(tp, offset_from, offset_to)

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        for tp in super()._filter_tps_with_pending_acks(topics):
            if tp.topic in self._batched:
                self._acked[tp].clear()  # an acknowledgement says that the agent is done, not that it is stored
                self._acked_index[tp].clear()
            else:
                yield tp
        for tp in self._positions.owned():
            if topics is None or tp in topics or tp.topic in topics:
                yield tp

    def _new_offset(self, tp: TP) -> int | None:
        return self._positions.released(tp) if tp.topic in self._batched else super()._new_offset(tp)

    async def _commit_offsets(self, offsets: Mapping[TP, int], start_new_transaction: bool = True) -> bool:
        before = {tp: self._committed_offset[tp] for tp in offsets}
        committed = await super()._commit_offsets(offsets, start_new_transaction)
        if not committed:  # Faust notes the offsets as committed all the same, and would not try them again
            self._committed_offset.update(before)
        return committed

    # Ownership

    async def restore(self) -> None:
        """Let the application restore, and own the partitions from where its state ends. Called before flow resumes.

        It runs outside the group's callbacks, so heartbeats go on however long it takes; another rebalance cancels it.
        """
        if self._restoring is not None:  # a cancelled callback may still be cleaning up
            self._restoring.cancel()
            await asyncio.wait([self._restoring])
        self._positions.clear()
        self._restoring = asyncio.ensure_future(self._start(frozenset(self.assignment())))
        await self._restoring

    async def _start(self, assigned: frozenset[TP]) -> None:
        restored = await self.app.on_assigned(assigned) if assigned else {}
        batched = [tp for tp in assigned if tp.topic in self._batched]
        starts = {tp: restored[tp] if tp in restored else await self._thread.committed_or_reset(tp) for tp in batched}
        self._positions.start(starts)
        for tp, offset in starts.items():
            # All before it is in stored state, or was not wanted. Committed at once it survives a crash before the
            # first release: a worker that began at the end must not begin at a later end.
            if tp in restored or not self.app.settings.from_start:
                self._positions.release(tp, offset)
        self._owned = assigned

    async def perform_seek(self) -> None:
        await super().perform_seek()
        starts = {tp: offset for tp in self._positions.owned() if (offset := self._positions.position(tp)) is not None}
        if starts:
            await self.seek_wait(starts)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        if self._thread.lost_membership():
            if revoked:
                log.warning("lost %d partitions: the group went on without this worker", len(revoked))
            self._positions.clear()
            self._owned = frozenset()
        else:
            await self._within(self.commit(), "commit before a rebalance")  # Faust forgets acknowledgements next
        await super().on_partitions_revoked(revoked)
        self._positions.clear()

    async def wait_empty(self) -> None:
        """Faust calls this before partitions go and when the app stops: flow is off, buffers are dropped by then."""
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
            log.error("%s took longer than %g s and was given up; its records will be read again", what, timeout_s)
        except Exception:
            log.exception("%s failed; its records will be read again", what)


class BatchRecovery(Recovery):
    """Runs after each assignment. With no tables to recover, it is where the application restores its own state."""

    async def _resume_streams(self, generation_id: int = 0) -> None:
        consumer = cast(BatchConsumer, self.app.consumer)
        await self._wait(consumer.restore())
        await super()._resume_streams(generation_id)


class BatchTables(TableManager):
    """Faust's table manager, for its recovery service alone."""

    @property
    def recovery(self) -> Recovery:
        if self._recovery is None:
            self._recovery = BatchRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery


class BatchTransport(Transport):
    """aiokafka's transport with the consumer above."""

    Consumer = BatchConsumer
