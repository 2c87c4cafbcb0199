"""A task for each partition, so that a batch that hangs holds back its own partition and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection

import structlog

from streams.transport.batches import TP, RecordBatch

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.execution")

MAX_WAITING = 10_000
"""Batches that wait in one partition. Beyond that fetching waits, that of the shards of this process too."""

Process = Callable[[RecordBatch], Awaitable[None]]


class PartitionTasks:
    """Processes the batches of each partition in order, in a task of its own."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._queues: dict[TP, asyncio.Queue[RecordBatch]] = {}
        self._tasks: dict[TP, asyncio.Task[None]] = {}
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def put(self, batch: RecordBatch) -> None:
        """Hand a batch over; waits only when `MAX_WAITING` of its partition wait."""
        if batch.tp not in self._tasks:
            queue: asyncio.Queue[RecordBatch] = asyncio.Queue(MAX_WAITING)
            self._queues[batch.tp] = queue
            self._tasks[batch.tp] = asyncio.create_task(self._run(queue))
        await self._queues[batch.tp].put(batch)

    async def _run(self, queue: asyncio.Queue[RecordBatch]) -> None:
        try:
            while True:
                await self._process(await queue.get())
                queue.task_done()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.exception("intents_not_executed")
            if not self._failure.done():
                self._failure.set_exception(error)

    async def fail(self) -> None:
        """Until cancelled: wait until a task has failed, and raise what it raised."""
        await asyncio.shield(self._failure)

    async def drop(self, tps: Collection[TP], settle_s: float = 0.0) -> None:
        """Forget the batches of these partitions; what runs has `settle_s` to end, and is cancelled then."""
        ending = [self._tasks[tp] for tp in tps if tp in self._tasks]
        running = [self._queues[tp] for tp in tps if tp in self._queues]
        for queue in running:
            while not queue.empty():
                queue.get_nowait()
                queue.task_done()
        if settle_s > 0.0 and running:
            settled = [asyncio.ensure_future(queue.join()) for queue in running]
            _, late = await asyncio.wait(settled, timeout=settle_s)
            for each in late:
                each.cancel()
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        for tp in tps:
            self._tasks.pop(tp, None)
            self._queues.pop(tp, None)

    @property
    def partitions(self) -> frozenset[TP]:
        """Those that have a task."""
        return frozenset(self._tasks)
