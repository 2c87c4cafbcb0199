"""What the owners of partitions of the response topic have in common: retries, waking, start and stop by partition."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import Generic, TypeVar

import structlog

from streams.kafka.transactions import Fenced, ShardProducer, TransactionFailed

RETRY_S = 1.0
FENCED_RETRY_S = 10.0
"""Longer than a session: the group has taken the partition from a zombie by then, which cancels this."""


class PartitionOwner(ABC):
    """Serves one partition with a producer of its own until cancelled. failure: why it does not, None while it does."""

    def __init__(self, partition: int, producer: ShardProducer, log: structlog.stdlib.BoundLogger) -> None:
        self._partition = partition
        self._producer = producer
        self._log = log
        self._woken = asyncio.Event()
        self.failure: str | None = "it has not started"

    def wake(self) -> None:
        """Something was read."""
        self._woken.set()

    async def run(self) -> None:
        """Own the partition until cancelled, however often the broker fails."""
        try:
            while True:
                try:
                    await self._own()
                except Fenced as error:
                    await self._failed("fenced", error, FENCED_RETRY_S)
                except TransactionFailed as error:
                    await self._failed("transaction_failed", error, RETRY_S)
                except Exception as error:  # a bug: say so, and begin anew rather than leave the partition alone
                    self._log.exception("owner_failed", partition=self._partition)
                    await self._failed("owner_failed", error, FENCED_RETRY_S)
        finally:
            await self._interrupt()
            await self._producer.stop()

    @abstractmethod
    async def _own(self) -> None:
        """Fence the former owner, read what it wrote, then do what is due for as long as it can."""

    async def _interrupt(self) -> None:  # noqa: B027  an owner may have nothing in flight
        """Drop what was begun and is not written."""

    async def _failed(self, event: str, error: Exception, wait_s: float) -> None:
        self.failure = str(error)
        self._log.warning(event, partition=self._partition, reason=self.failure)
        await self._interrupt()
        await asyncio.sleep(wait_s)

    async def _wait(self, longest_s: float) -> None:
        """Until something was read, at the longest for so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(longest_s):
                await self._woken.wait()


Owner = TypeVar("Owner", bound=PartitionOwner)


class PartitionOwners(Generic[Owner]):
    """The owners that run in this process, by partition."""

    def __init__(self) -> None:
        self._running: dict[int, tuple[Owner, asyncio.Task[None]]] = {}

    @property
    def partitions(self) -> frozenset[int]:
        """The partitions that they own."""
        return frozenset(self._running)

    def start(self, number: int, owner: Owner) -> None:
        """Run the owner of a partition."""
        self._running[number] = owner, asyncio.create_task(owner.run())

    async def stop(self, partitions: Collection[int]) -> None:
        """Stop the owners of these partitions, and return when they have stopped."""
        tasks = [self._running.pop(number)[1] for number in partitions if number in self._running]
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task

    def wake(self) -> None:
        """Something was read."""
        for owner, _ in self._running.values():
            owner.wake()

    def failures(self) -> Iterator[tuple[int, str]]:
        """The partitions that are not served, each with the reason."""
        for number, (owner, _) in sorted(self._running.items()):
            if owner.failure is not None:
                yield number, owner.failure
