"""Records of one partition side by side, those of one target one after another, and offsets released in order.

A target that hangs delays its own records and no others. An offset is released when the records before it are done as
well. Crash: what was not released is delivered again. Memory: `MAX_WAITING` records.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from streams.intake.kafka_record import KafkaRecord
from streams.transport.batches import TP

CONCURRENT = 100
"""Targets at once: more than may have a remedy in force."""
MAX_WAITING = 1_000

Process = Callable[[TP, KafkaRecord], Awaitable[bool]]
"""Returns whether the record is done with; False leaves it to the next owner of the partition."""


class _Offsets:
    """The records of a partition that are not released yet, in order."""

    def __init__(self) -> None:
        self._is_done: dict[int, bool] = {}

    def begin(self, offset: int) -> None:
        self._is_done[offset] = False

    def done(self, offset: int) -> int | None:
        """The offset up to which all is done now; None where that is no further than before."""
        self._is_done[offset] = True
        last = None
        for each, is_done in list(self._is_done.items()):
            if not is_done:
                break
            last = each
            del self._is_done[each]
        return None if last is None else last + 1


@dataclass(frozen=True, slots=True)
class _Item:
    tp: TP
    record: KafkaRecord
    offsets: _Offsets


class TargetQueues:
    """process: does one record. release: called with a partition and the offset up to which all of it is done."""

    def __init__(self, process: Process, release: Callable[[TP, int], object]) -> None:
        self._process = process
        self._release = release
        self._queues: dict[tuple[TP, bytes], deque[_Item]] = {}
        self._offsets: dict[TP, _Offsets] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(CONCURRENT)
        self._room = asyncio.Semaphore(MAX_WAITING)
        self._failure: BaseException | None = None
        self._failed = asyncio.Event()

    async def put(self, tp: TP, record: KafkaRecord) -> None:
        """Queue a record behind those of its target; waits for room. Raises what the processing of another raised."""
        self.check()
        await self._room.acquire()
        item = _Item(tp, record, self._offsets.setdefault(tp, _Offsets()))
        item.offsets.begin(record.offset)
        key = (tp, record.key or b"")
        queue = self._queues.get(key)
        if queue is not None:
            queue.append(item)
            return
        self._queues[key] = deque([item])
        task = asyncio.create_task(self._run(key))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def forget(self, tps: Iterable[TP]) -> None:
        """These partitions were assigned anew or are gone: what is under way no longer releases their offsets."""
        for tp in tps:
            self._offsets.pop(tp, None)

    def check(self) -> None:
        """Raise what the processing of a record raised."""
        if self._failure is not None:
            raise self._failure

    async def failure(self) -> None:
        """Wait until the processing of a record raises, and raise it."""
        await self._failed.wait()
        self.check()

    async def idle(self) -> None:
        """Wait until everything that was queued is done; raises what the processing raised."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        self.check()

    async def close(self) -> None:
        """Cancel what is under way."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, key: tuple[TP, bytes]) -> None:
        queue = self._queues[key]
        try:
            while queue and self._failure is None:
                async with self._slots:
                    await self._do(queue[0])
                queue.popleft()
        except Exception as error:
            self._failure = self._failure or error
            self._failed.set()
        finally:
            del self._queues[key]

    async def _do(self, item: _Item) -> None:
        try:
            is_done = await self._process(item.tp, item.record)
        finally:
            self._room.release()
        is_current = self._offsets.get(item.tp) is item.offsets
        if not (is_done and is_current):
            return
        upto = item.offsets.done(item.record.offset)
        if upto is not None:
            self._release(item.tp, upto)
