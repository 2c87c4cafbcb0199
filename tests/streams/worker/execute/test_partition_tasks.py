"""A batch that hangs holds back its own partition, and neither others nor who hands batches over."""

from __future__ import annotations

import asyncio

import pytest

from streams.transport.batches import TP, RecordBatch
from streams.worker.execute.partition_tasks import PartitionTasks
from tests.streams.records import FakeRecord


def batch(partition: int, offset: int) -> RecordBatch:
    return RecordBatch("actions", partition, [FakeRecord(b"", offset)], offset, offset)


class Target:
    """Processes batches; those of partition 0 hang until it is released."""

    def __init__(self) -> None:
        self.done: list[tuple[int, int]] = []
        self.cancelled = 0
        self.released = asyncio.Event()
        self.progress = asyncio.Event()

    async def process(self, given: RecordBatch) -> None:
        if given.partition == 0:
            try:
                await self.released.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        if given.partition == 9:
            raise RuntimeError("the ledger is gone")
        self.done.append((given.partition, given.first_offset))
        self.progress.set()


async def test_a_target_that_hangs_holds_back_its_own_partition_alone() -> None:
    target = Target()
    tasks = PartitionTasks(target.process)
    async with asyncio.timeout(5.0):
        for offset in range(200):
            await tasks.put(batch(0, offset))
        await tasks.put(batch(1, 7))
        await target.progress.wait()
    assert target.done == [(1, 7)]
    await tasks.drop(tasks.partitions)


async def test_batches_of_a_partition_are_processed_in_order() -> None:
    target = Target()
    tasks = PartitionTasks(target.process)
    for offset in range(3):
        await tasks.put(batch(0, offset))
    target.released.set()
    await tasks.put(batch(0, 3))
    async with asyncio.timeout(5.0):
        while len(target.done) < 4:
            target.progress.clear()
            await target.progress.wait()
    assert target.done == [(0, 0), (0, 1), (0, 2), (0, 3)]
    await tasks.drop(tasks.partitions)


async def test_partitions_that_go_wait_for_what_runs_and_drop_what_waits() -> None:
    target = Target()
    tasks = PartitionTasks(target.process)
    await tasks.put(batch(0, 0))
    await asyncio.sleep(0)
    await tasks.put(batch(0, 1))
    going = asyncio.create_task(tasks.drop({TP("actions", 0)}, 30.0))
    await asyncio.sleep(0)
    target.released.set()
    await going
    assert (target.done, target.cancelled, tasks.partitions) == ([(0, 0)], 0, frozenset())


async def test_what_runs_too_long_is_cancelled_when_its_partition_goes() -> None:
    target = Target()
    tasks = PartitionTasks(target.process)
    await tasks.put(batch(0, 0))
    await asyncio.sleep(0)
    await tasks.drop({TP("actions", 0)}, 0.01)
    assert (target.done, target.cancelled) == ([], 1)


async def test_a_failure_of_the_ledger_ends_the_process() -> None:
    tasks = PartitionTasks(Target().process)
    await tasks.put(batch(9, 0))
    with pytest.raises(RuntimeError, match="the ledger is gone"):
        async with asyncio.timeout(5.0):
            await tasks.fail()
    await tasks.drop(tasks.partitions)
