from __future__ import annotations

import asyncio

import pytest

from streams.kafka.bounded_stop import stop_within


async def succeeds() -> None:
    return


async def raises() -> None:
    raise OSError("gone")


async def awaits_a_task_that_it_cancelled() -> None:
    retrying = asyncio.ensure_future(asyncio.sleep(3600))
    await asyncio.sleep(0)
    retrying.cancel()
    await retrying


async def never_ends() -> None:
    await asyncio.Event().wait()


async def test_a_stop_in_time_succeeds() -> None:
    assert await stop_within(succeeds(), 1.0)


@pytest.mark.parametrize("stop", [raises, awaits_a_task_that_it_cancelled, never_ends])
async def test_a_stop_that_fails_or_hangs_cancels_nobody_else_and_ends_in_time(stop: object) -> None:
    assert callable(stop)
    assert not await stop_within(stop(), 0.05)
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()
