"""The broadcast consumer: a reader without a group, which reads all partitions of some topics.

Every worker has one, so each worker reads every record, also those of partitions that it does not own. The consumer
commits nothing. It begins a given time back in each topic, also after a restart. Guarantee on failure: it reconnects
and continues at its last position, for as long as it takes. Meanwhile the rest of the worker continues, the lag is not
known, and `complaints` reports the failure after `COMPLAIN_AFTER_S`. Guarantee on duplicate: within one run a record is
processed once; a restart processes all again. Memory: the records of one poll.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]
from faust.types import TP

from streams.intake.kafka_record import ConsumerRecord
from streams.kafka.bounded_stop import stop_within
from streams.kafka.broker_contact import BrokerContact
from streams.kafka.observed_client import observe
from streams.kafka.settings import Security
from streams.kafka.sight import Sight

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.broadcast_consumer")

RETRY_S = 1.0
POLL_MS = 200
REQUEST_TIMEOUT_S = 10.0
"""Of the start, and after so long without an answer a new client is made."""
BLIND_AFTER_S = 3.0
"""The lag is known for so long after the last answered fetch was sent."""
STOP_S = 5.0
COMPLAIN_AFTER_S = 30.0
METADATA_MAX_AGE_MS = 30_000
"""A new partition is found within this time."""

Process = Callable[[str, Sequence[ConsumerRecord]], Awaitable[None]]


class BroadcastConsumer:
    """Reads the topics of `back_s`: topic -> how far back from `now_s` (wall clock) to begin, in seconds.

    process: called with a topic and its records, in order of each partition. mono_s: monotonic seconds. lag: called
    with the number of records still to be read, None while it is not known. contact: notes every answer.
    """

    def __init__(
        self, brokers: str, back_s: Mapping[str, float], process: Process, *, now_s: Callable[[], float],
        mono_s: Callable[[], float], lag: Callable[[int | None], None], security: Security | None = None,
        contact: BrokerContact | None = None,
    ) -> None:
        self._brokers = brokers
        self._back_s = back_s
        self._process = process
        self._now_s = now_s
        self._mono_s = mono_s
        self._lag = lag
        self._options = (security or Security()).options()
        self._next: dict[TopicPartition, int] = {}
        self._first_ends: dict[TopicPartition, int] = {}
        self._caught_up = asyncio.Event()
        self._sight = Sight(REQUEST_TIMEOUT_S, contact=contact)
        self._measured = asyncio.Event()
        self._at_end_s = float("-inf")
        """When the oldest of the fetches was sent that last proved that all partitions were read to their ends."""
        self._progress_s = mono_s()
        self._failure = "it has not started"

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            try:
                async with self._client() as client:
                    await self._poll(client)
            except (KafkaError, OSError, TimeoutError) as error:
                self._failed(error)
            except asyncio.CancelledError as error:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                self._failed(error)  # of a task of the client
            except Exception as error:  # a bug in `process` must not leave all later records unread
                log.exception("process_failed")
                self._failed(error)
            await asyncio.sleep(RETRY_S)

    async def caught_up(self, timeout_s: float) -> bool:
        """Wait until all records that existed at the first connection are processed; False if that takes too long."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._caught_up.wait()
        except TimeoutError:
            return False
        return True

    async def caught_up_again(self) -> None:
        """Wait until all records that were published before this call are processed."""
        since_s = self._sight.now_s()
        while self._at_end_s <= since_s:
            await self._measured.wait()

    def is_current(self) -> bool:
        """Whether all topics were read to their ends within the last few seconds."""
        return self._sight.now_s() - self._at_end_s < REQUEST_TIMEOUT_S

    def complaints(self) -> tuple[str, ...]:
        """Why the topics are not read; empty while they are."""
        since_s = self._mono_s() - self._progress_s
        topics = ", ".join(sorted(self._back_s))
        return (f"{topics}: not read for {since_s:.0f} s: {self._failure}",) if since_s >= COMPLAIN_AFTER_S else ()

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[AIOKafkaConsumer]:
        client = AIOKafkaConsumer(
            *self._back_s, bootstrap_servers=self._brokers.split(","), enable_auto_commit=False,
            auto_offset_reset="earliest", isolation_level="read_committed", metadata_max_age_ms=METADATA_MAX_AGE_MS,
            **self._options,
        )
        self._sight.forget()
        observe(client._client, self._sight)
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                await client.start()
                await self._seek(client)
            yield client
        finally:
            if not await stop_within(client.stop(), STOP_S):
                await stop_within(client._client.close(), STOP_S)

    async def _seek(self, client: AIOKafkaConsumer) -> None:
        """Seek each partition to its last position, and a new one to the time that `back_s` gives."""
        tps = list(client.assignment())
        begins, ends = await client.beginning_offsets(tps), await client.end_offsets(tps)
        # A topic that ends before the last position was deleted and created again.
        new = [tp for tp in tps if self._next.get(tp, ends[tp] + 1) > ends[tp]]
        wanted = {tp: int((self._now_s() - self._back_s[tp.topic]) * 1000) for tp in new}
        found = await client.offsets_for_times(wanted) if new else {}
        first = await client.offsets_for_times(dict.fromkeys(new, 0)) if new else {}
        for tp in new:
            # Without an answer all records are too old, unless the broker (the embedded one) does not store timestamps.
            last = begins[tp] if first[tp] is None else ends[tp]
            self._next[tp] = last if found[tp] is None else found[tp].offset
        for tp in tps:
            client.seek(tp, self._next[tp])
            self._first_ends.setdefault(tp, ends[tp])

    async def _poll(self, client: AIOKafkaConsumer) -> None:
        assigned, heard_s = client.assignment(), self._sight.now_s()
        self._note_caught_up({tp: self._next[tp] for tp in assigned})
        while True:
            polled = await client.getmany(timeout_ms=POLL_MS)
            if client.assignment() != assigned:  # new partitions: aiokafka would begin all at their start
                assigned = client.assignment()
                await self._seek(client)
                continue
            for tp, records in polled.items():
                fresh = [record for record in records if record.offset >= self._next[tp]]
                if fresh:
                    self._next[tp] = fresh[-1].offset + 1
                    await self._process(tp.topic, fresh)
            if polled:
                heard_s = self._sight.now_s()
            await self._measure_lag(client, heard_s, progress=bool(polled))

    async def _measure_lag(self, client: AIOKafkaConsumer, heard_s: float, progress: bool) -> None:
        """Report the lag. A consumer that neither reads nor is at the end counts as failed.

        Raises TimeoutError when no fetch of a partition was answered for `REQUEST_TIMEOUT_S`.
        """
        tps = client.assignment()
        answered_s = [max(heard_s, self._sight.answered_s(TP(*tp)) or heard_s) for tp in tps]
        silent_s = self._sight.now_s() - min(answered_s, default=heard_s)
        if silent_s >= REQUEST_TIMEOUT_S:
            raise TimeoutError(f"the broker has not answered for {silent_s:.0f} s")
        async with asyncio.timeout(REQUEST_TIMEOUT_S):
            # The position and not the last record: markers and holes at the end count as read.
            positions = {tp: await client.position(tp) for tp in tps}
        ends = {tp: end for tp in tps if (end := self._sight.end(TP(*tp))) is not None}
        if silent_s >= BLIND_AFTER_S or len(ends) < len(tps) or {tp.topic for tp in tps} != set(self._back_s):
            self._lag(None)
            self._failure = f"the broker has not answered for {silent_s:.0f} s for all partitions"
            return
        waiting = sum(max(0, end - positions[tp]) for tp, end in ends.items())
        self._lag(waiting)
        self._note_caught_up(positions)
        if waiting == 0:
            self._at_end_s = min(self._sight.answered_s(TP(*tp)) or float("-inf") for tp in tps)
        if waiting == 0 or progress:
            self._progress_s = self._mono_s()
        self._failure = f"{waiting} records wait"
        self._measured.set()
        self._measured.clear()

    def _note_caught_up(self, positions: Mapping[TopicPartition, int]) -> None:
        """Note when the records that existed at the first connection are processed, or there were none."""
        is_complete = {tp.topic for tp in positions} == set(self._back_s)
        if is_complete and all(positions[tp] >= end for tp, end in self._first_ends.items() if tp in positions):
            self._caught_up.set()

    def _failed(self, error: Any) -> None:
        self._failure = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        log.warning("reconnecting", reason=self._failure)
        self._lag(None)
