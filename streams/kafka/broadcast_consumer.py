"""The broadcast reader: every record of some topics, to every worker, whichever partitions it holds.

It has no group and commits nothing; it begins so far back as each topic is asked for, and again there after a restart.
Guarantee on failure: it opens anew and goes on where it was, for as long as it takes; nothing else stops meanwhile, and
`complaints` says so after `COMPLAIN_AFTER_S`. Guarantee on duplicate: within one run a record is handed over once; a
restart hands all over again. Memory: what one poll holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from streams.intake.codec import Record
from streams.kafka.topics import Security

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.broadcast")

RETRY_S = 1.0
POLL_MS = 200
LOOK_EVERY_S = 5.0
"""Between two looks at how far the topics go."""
ANSWER_WITHIN_S = 10.0
COMPLAIN_AFTER_S = 30.0
NEW_PARTITIONS_WITHIN_MS = 30_000

Take = Callable[[str, Sequence[Record]], Awaitable[None]]


class Broadcast:
    """Reads `back_s`: topic -> how far back from `now_s` (wall clock) to begin. take: called with a topic's records in
    order of each partition. mono_s: monotonic seconds. lag: told how many records are still to be read, None while that
    is not known.
    """

    def __init__(
        self, brokers: str, back_s: Mapping[str, float], take: Take, *, now_s: Callable[[], float],
        mono_s: Callable[[], float], lag: Callable[[int | None], None], security: Security | None = None,
    ) -> None:
        self._brokers = brokers
        self._back_s = back_s
        self._take = take
        self._now_s = now_s
        self._mono_s = mono_s
        self._lag = lag
        self._options = (security or Security()).options()
        self._next: dict[TopicPartition, int] = {}
        self._caught_up = asyncio.Event()
        self._good_s = mono_s()
        self._failure = "it has not begun"

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            try:
                async with self._reader() as reader:
                    await self._follow(reader)
            except (KafkaError, OSError, TimeoutError) as error:
                self._failed(error)
            except Exception as error:  # a bug in what takes the records must not leave all others unread
                log.exception("broadcast_failed")
                self._failed(error)
            await asyncio.sleep(RETRY_S)

    async def caught_up(self, timeout_s: float) -> bool:
        """Wait until all there was at the beginning is handed over; False when that takes too long."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._caught_up.wait()
        except TimeoutError:
            return False
        return True

    def complaints(self) -> tuple[str, ...]:
        """Why others' incidents and control records do not arrive; empty while they do."""
        since_s = self._mono_s() - self._good_s
        topics = ", ".join(sorted(self._back_s))
        return (f"{topics}: not read for {since_s:.0f} s: {self._failure}",) if since_s >= COMPLAIN_AFTER_S else ()

    @asynccontextmanager
    async def _reader(self) -> AsyncIterator[AIOKafkaConsumer]:
        reader = AIOKafkaConsumer(
            *self._back_s, bootstrap_servers=self._brokers.split(","), enable_auto_commit=False,
            auto_offset_reset="earliest", metadata_max_age_ms=NEW_PARTITIONS_WITHIN_MS, **self._options,
        )
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await reader.start()
                await self._begin(reader)
            yield reader
        finally:
            await reader.stop()

    async def _begin(self, reader: AIOKafkaConsumer) -> None:
        """Go where we were; in a partition not seen before, as far back as its topic is asked for."""
        tps = list(reader.assignment())
        begins, ends = await reader.beginning_offsets(tps), await reader.end_offsets(tps)
        # A topic that ends before where we were is another of the same name.
        new = [tp for tp in tps if self._next.get(tp, ends[tp] + 1) > ends[tp]]
        wanted = {tp: int((self._now_s() - self._back_s[tp.topic]) * 1000) for tp in new}
        found = await reader.offsets_for_times(wanted) if new else {}
        first = await reader.offsets_for_times(dict.fromkeys(new, 0)) if new else {}
        for tp in new:
            # Nothing is that young, unless the broker (the embedded one) knows of no times at all.
            last = begins[tp] if first[tp] is None else ends[tp]
            self._next[tp] = last if found[tp] is None else found[tp].offset
        for tp in tps:
            reader.seek(tp, self._next[tp])

    async def _follow(self, reader: AIOKafkaConsumer) -> None:
        assigned, look_s = reader.assignment(), self._mono_s()
        while True:
            polled = await reader.getmany(timeout_ms=POLL_MS)
            if reader.assignment() != assigned:  # a topic grew; what is assigned anew would begin at its beginning
                assigned = reader.assignment()
                await self._begin(reader)
                continue
            for tp, records in polled.items():
                fresh = [record for record in records if record.offset >= self._next[tp]]
                if fresh:
                    self._next[tp] = fresh[-1].offset + 1
                    await self._take(tp.topic, fresh)
            if self._mono_s() >= look_s or not self._caught_up.is_set():
                look_s = self._mono_s() + LOOK_EVERY_S
                await self._look(reader, progress=bool(polled))

    async def _look(self, reader: AIOKafkaConsumer, progress: bool) -> None:
        """How much is still to be read. A reader that neither reads nor is at the end is as bad as none."""
        async with asyncio.timeout(ANSWER_WITHIN_S):
            ends = await reader.end_offsets(list(reader.assignment()))
            # The position and not the last record: what compaction removed at the end counts as read.
            waiting = sum([max(0, end - await reader.position(tp)) for tp, end in ends.items()])
        self._lag(waiting)
        if waiting == 0:
            self._caught_up.set()
        if waiting == 0 or progress:
            self._good_s = self._mono_s()
        self._failure = f"{waiting} records wait"

    def _failed(self, error: Any) -> None:
        self._failure = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        log.warning("broadcast_reopens", reason=self._failure)
        self._lag(None)
