"""The publisher: one Kafka producer per worker, with an account of unacknowledged messages per flush scope.

A shard's offsets may be committed only after the broker acknowledged everything the shard decided. So every message is
sent in a scope (the number of a shard, or a name), and `flush` returns only when no message of the scope is in flight.
A message that failed for good raises there, at this and every later call, until `forget`. The shard then keeps its old
offsets, and its records are processed again, with the same ids.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial
from types import TracebackType
from typing import Any

from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]

from streams.contracts.envelopes import Message
from streams.kafka.bounded_stop import stop_within
from streams.kafka.output import Output

METADATA_TIMEOUT_S = 15.0
STOP_S = 5.0
METADATA_RETRY_S = 0.25
FlushScope = int | str
"""What is flushed together: the messages of the shard of this number, or of a part of the worker with this name."""


class Unacknowledged(RuntimeError):  # noqa: N818
    """A message was cancelled before the broker acknowledged it, for instance because the producer was closed."""


class Publisher:
    """Sends messages and keeps the account. `client`: keyword arguments of the Kafka client (brokers, security)."""

    def __init__(self, client: dict[str, Any]) -> None:
        self._client = client
        self._producer: AIOKafkaProducer | None = None
        self._pending: defaultdict[FlushScope, set[asyncio.Future[Any]]] = defaultdict(set)

    async def __aenter__(self) -> Publisher:
        producer = AIOKafkaProducer(**self._client, acks="all", linger_ms=2, max_request_size=4 << 20)
        try:
            await producer.start()
            self._producer = producer
        finally:
            if self._producer is None:
                await stop_within(producer.stop(), STOP_S)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None,
    ) -> None:
        if self._producer is not None:
            producer, self._producer = self._producer, None
            await producer.stop()

    async def send(
        self, scope: FlushScope, topic: str, messages: Iterable[Message],
        acknowledged: Callable[[], None] | None = None,
    ) -> None:
        """Hand messages to the producer in order; waits only for room in its buffer.

        acknowledged: called once for each message that the broker acknowledged.
        """
        assert self._producer is not None, "the publisher is not started"
        for message in messages:
            future = await self._producer.send(
                topic, message.value, key=message.key, headers=list(message.headers), partition=message.partition,
            )
            self._pending[scope].add(future)
            future.add_done_callback(partial(self._remove_acknowledged, scope))
            if acknowledged is not None:
                future.add_done_callback(_if_acknowledged(acknowledged))

    async def learn_partitions(self, topic: str, partitions: int) -> None:
        """Return when the producer knows so many partitions of a topic that was grown.

        Without this it refuses to send to a new partition until it asks for the metadata by itself, after up to five
        minutes. Raises TimeoutError.
        """
        assert self._producer is not None, "the publisher is not started"
        async with asyncio.timeout(METADATA_TIMEOUT_S):
            while len(await self._producer.partitions_for(topic)) < partitions:
                if not await self._producer.client.force_metadata_update():
                    await asyncio.sleep(METADATA_RETRY_S)

    def output(self, scope: FlushScope) -> Output:
        """Where to send the messages of one scope."""
        return _ScopedOutput(self, scope)

    async def flush(self, scope: FlushScope) -> None:
        """Wait until the broker has acknowledged all that this scope sent so far; raises the first failure."""
        pending = tuple(self._pending.get(scope, ()))
        if pending:
            # Not `gather`: when the caller is cancelled here, neither the sends nor their account may be cancelled.
            await asyncio.wait(pending)
        for future in pending:
            if future.cancelled():
                raise Unacknowledged(f"a message of {scope!r} was cancelled before the broker acknowledged it")
            future.result()

    def forget(self, scope: FlushScope) -> None:
        """Drop the account of a scope, for instance of a shard that this worker no longer owns."""
        self._pending.pop(scope, None)

    def _remove_acknowledged(self, scope: FlushScope, future: asyncio.Future[Any]) -> None:
        """Only an acknowledged message leaves the account; a failure stays until `forget`."""
        if _is_acknowledged(future):
            self._pending[scope].discard(future)


class _ScopedOutput:
    """One scope of a publisher."""

    def __init__(self, publisher: Publisher, scope: FlushScope) -> None:
        self._publisher = publisher
        self._scope = scope

    async def send(
        self, topic: str, messages: Iterable[Message], acknowledged: Callable[[], None] | None = None,
    ) -> None:
        await self._publisher.send(self._scope, topic, messages, acknowledged)


def _if_acknowledged(callback: Callable[[], None]) -> Callable[[asyncio.Future[Any]], None]:
    def done(future: asyncio.Future[Any]) -> None:
        if _is_acknowledged(future):
            callback()

    return done


def _is_acknowledged(future: asyncio.Future[Any]) -> bool:
    return not future.cancelled() and future.exception() is None
