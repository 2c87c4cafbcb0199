"""The producer of a shard: what belongs together is published together, and only by the shard's present owner.

A shard has one transactional id. Who takes the shard over starts a producer with it, and from then on the broker
refuses the producer of the former owner: nothing of it becomes visible any more, committed or not. A broker that has
no transactions (the embedded one) gets a plain producer behind the same interface, which says that it does not fence.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from streams.contracts.envelopes import Message
from streams.kafka.settings import Security

START_TIMEOUT_S = 30.0
COMMIT_TIMEOUT_S = 60.0
"""How long one transaction may take: the same producer goes on after a broker was away for so long."""
ABORT_TIMEOUT_S = 2.0
RETRY_BACKOFF_MS = 10
"""Between the requests of a commit. With aiokafka's 100 ms the slowest of a hundred transactions takes 130 ms."""
MAX_REQUEST_BYTES = 4 << 20


class ProducerLost(RuntimeError):  # noqa: N818
    """The producer can publish nothing more: another owner fenced it, or the broker did not take a transaction."""


class Transaction(Protocol):
    """Messages that become visible together; an `Output`."""

    async def send(
        self, topic: str, messages: Iterable[Message], acknowledged: Callable[[], None] | None = None,
    ) -> None:
        """Hand messages on, in order. acknowledged: called once for each, after the commit."""

    async def send_tick(self, topic: str, message: Message) -> Callable[[], int]:
        """Hand on one message; the returned function gives its offset after the commit."""


class ShardProducer(Protocol):
    """fences: whether a former owner's messages are kept out."""

    @property
    def fences(self) -> bool: ...

    async def start(self) -> None:
        """Connect, and fence the producer of the former owner. Raises `ProducerLost`."""

    async def stop(self) -> None:
        """Close; an open transaction is never committed."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Commits at the end of the block. Raises `ProducerLost` when it is not certain that it did; nothing of the
        block is visible after an error in it. Not for concurrent use."""


def shard_producer(
    brokers: str, transactional_id: str, *, fences: bool, security: Security | None = None,
) -> ShardProducer:
    """The producer of a shard, not started. fences: what `can_fence` said of the broker."""
    options = {
        "bootstrap_servers": brokers.split(","), "acks": "all", "linger_ms": 0, "retry_backoff_ms": RETRY_BACKOFF_MS,
        "max_request_size": MAX_REQUEST_BYTES, **(security or Security()).options(),
    }
    return FencedProducer(transactional_id, options) if fences else PlainProducer(options)


async def can_fence(brokers: str, security: Security | None = None) -> bool:
    """Whether the broker keeps transactions. Raises KafkaError or OSError when it does not answer.

    librdkafka's mock cluster answers all transaction requests and fences nobody. It is told by its name.
    """
    from aiokafka.admin import AIOKafkaAdminClient  # type: ignore[import-untyped]

    admin = AIOKafkaAdminClient(bootstrap_servers=brokers.split(","), **(security or Security()).options())
    await admin.start()
    try:
        cluster = await admin.describe_cluster()
    finally:
        await admin.close()
    return not str(cluster.get("cluster_id") or "").startswith("mockCluster")


class FencedProducer:
    """A `ShardProducer` with Kafka transactions."""

    fences = True

    def __init__(self, transactional_id: str, options: dict[str, Any]) -> None:
        self._transactional_id = transactional_id
        self._options = options
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """See `ShardProducer.start`."""
        self._producer = AIOKafkaProducer(transactional_id=self._transactional_id, **self._options)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await self._producer.start()
        except (KafkaError, OSError, TimeoutError) as error:
            await self.stop()
            raise ProducerLost(f"{self._transactional_id}: not started: {error!r}") from error

    async def stop(self) -> None:
        """See `ShardProducer.stop`."""
        await _stop(self._producer)
        self._producer = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """See `ShardProducer.transaction`."""
        producer = self._producer
        if producer is None:
            raise ProducerLost(f"{self._transactional_id}: closed")
        sent = _Sent(producer)
        try:
            async with asyncio.timeout(COMMIT_TIMEOUT_S):
                await producer.begin_transaction()
                yield sent
                await producer.commit_transaction()
        except BaseException as error:
            sent.forget()
            with contextlib.suppress(Exception, asyncio.CancelledError):
                async with asyncio.timeout(ABORT_TIMEOUT_S):
                    await producer.abort_transaction()
            if isinstance(error, KafkaError | TimeoutError):
                raise ProducerLost(f"{self._transactional_id}: {error!r}") from error
            raise
        sent.acknowledge()


class PlainProducer:
    """A `ShardProducer` for a broker without transactions: what is sent in a block may be visible after an error."""

    fences = False

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """See `ShardProducer.start`."""
        self._producer = AIOKafkaProducer(**self._options)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await self._producer.start()
        except (KafkaError, OSError, TimeoutError) as error:
            await self.stop()
            raise ProducerLost(f"not started: {error!r}") from error

    async def stop(self) -> None:
        """See `ShardProducer.stop`."""
        await _stop(self._producer)
        self._producer = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """See `ShardProducer.transaction`."""
        if self._producer is None:
            raise ProducerLost("closed")
        sent = _Sent(self._producer)
        try:
            async with asyncio.timeout(COMMIT_TIMEOUT_S):
                yield sent
                await sent.wait()
        except (KafkaError, TimeoutError) as error:
            raise ProducerLost(repr(error)) from error
        sent.acknowledge()


class _Sent:
    """What was sent in one block."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._futures: list[asyncio.Future[Any]] = []
        self._callbacks: list[Callable[[], None]] = []

    async def send(
        self, topic: str, messages: Iterable[Message], acknowledged: Callable[[], None] | None = None,
    ) -> None:
        for message in messages:
            await self._send(topic, message)
            if acknowledged is not None:
                self._callbacks.append(acknowledged)

    async def send_tick(self, topic: str, message: Message) -> Callable[[], int]:
        future = await self._send(topic, message)
        return lambda: int(future.result().offset)

    async def wait(self) -> None:
        await asyncio.gather(*self._futures)

    def acknowledge(self) -> None:
        for callback in self._callbacks:
            callback()

    def forget(self) -> None:
        """Nobody waits for these sends any more; their errors were reported as that of the block."""
        for future in self._futures:
            future.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _send(self, topic: str, message: Message) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = await self._producer.send(
            topic, message.value, key=message.key, headers=list(message.headers), partition=message.partition,
        )
        self._futures.append(future)
        return future


async def _stop(producer: AIOKafkaProducer | None) -> None:
    """Close within a bound: a producer that was fenced or lost its broker may not end by itself."""
    if producer is None:
        return
    stopping = asyncio.ensure_future(producer.stop())
    done, _ = await asyncio.wait([stopping], timeout=ABORT_TIMEOUT_S)
    if not done:
        stopping.cancel()
    elif not stopping.cancelled():
        stopping.exception()
