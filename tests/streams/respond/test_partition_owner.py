"""A bug in the owner of a partition is seen, and the partition is served again."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import cast

import pytest
import structlog

from streams.kafka.transactions import ShardProducer
from streams.respond import partition_owner
from streams.respond.partition_owner import PartitionOwner


class NoProducer:
    """Nothing is written in these tests."""

    async def stop(self) -> None:
        """See `ShardProducer`."""


class Faulty(PartitionOwner):
    """Has a bug at first."""

    def __init__(self) -> None:
        super().__init__(3, cast(ShardProducer, NoProducer()), structlog.get_logger("test"))
        self.begun = 0
        self.seen: list[str | None] = []
        self.serves = asyncio.Event()

    async def _own(self) -> None:
        self.begun += 1
        self.seen.append(self.failure)
        if self.begun == 1:
            raise KeyError("a bug")
        self.failure = None
        self.serves.set()
        await asyncio.Event().wait()


async def test_a_bug_is_told_and_the_partition_is_owned_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition_owner, "FENCED_RETRY_S", 0.0)
    owner = Faulty()
    with structlog.testing.capture_logs() as logs:
        task = asyncio.create_task(owner.run())
        async with asyncio.timeout(30.0):
            await owner.serves.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert (owner.begun, owner.seen[1], owner.failure) == (2, "'a bug'", None)
    assert [one["log_level"] for one in logs if one["event"] == "owner_failed"] == ["error", "warning"]
