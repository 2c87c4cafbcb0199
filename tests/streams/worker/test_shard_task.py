from __future__ import annotations

import asyncio

import pytest

from streams.worker.shard_task import ShardTask, cancel


class Work:
    """Work that ends when the test says so, or fails. ended: how often it did."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.begun = self.ended = 0

    async def __call__(self) -> None:
        self.begun += 1
        await self.gate.wait()
        self.ended += 1


async def fail() -> None:
    raise ZeroDivisionError


async def test_work_is_not_started_a_second_time_before_it_has_ended() -> None:
    task, work = ShardTask(), Work()
    task.start(work)
    await task.wait(0.001)
    task.start(work)
    assert (work.begun, task.is_running) == (1, True)
    work.gate.set()
    await task.wait()
    task.start(work)
    await task.wait()
    assert (work.begun, work.ended, task.is_running) == (2, 2, False)


async def test_the_time_that_work_has_taken_already_is_not_waited_for_again() -> None:
    task, work = ShardTask(), Work()
    task.start(work)
    async with asyncio.timeout(10.0):
        for _ in range(1000):
            await task.wait(0.05)
    work.gate.set()
    await task.wait()


async def test_what_work_raises_is_raised_to_who_waits_and_to_who_starts_it_again() -> None:
    task = ShardTask()
    task.start(fail)
    with pytest.raises(ZeroDivisionError):
        await task.wait()
    with pytest.raises(ZeroDivisionError):
        task.start(fail)


async def test_work_goes_on_when_who_waits_for_it_is_cancelled() -> None:
    task, work = ShardTask(), Work()
    task.start(work)
    waiting = asyncio.ensure_future(task.wait())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    work.gate.set()
    await task.wait()
    assert work.ended == 1


async def test_work_that_is_cancelled_ends_and_raises_nothing() -> None:
    task, work = ShardTask(), Work()
    task.start(work)
    await task.wait(0.001)
    await cancel(task, ShardTask())
    await task.wait()
    assert (work.ended, task.is_running) == (0, False)


async def test_work_may_cancel_all_of_its_shard_and_goes_on_itself() -> None:
    task, other, work = ShardTask(), ShardTask(), Work()
    ended: list[bool] = []

    async def drop() -> None:
        await cancel(task, other)
        ended.append(True)

    other.start(work)
    task.start(drop)
    await task.wait()
    assert (ended, other.is_running) == ([True], False)
