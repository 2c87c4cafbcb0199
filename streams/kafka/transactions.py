"""The producer of a shard: what one owner writes together is read together or not at all.

`FencedProducer` writes in Kafka transactions under an id that belongs to the shard. Who starts it fences the former
owner: nothing that the former owner had not committed is ever read by a reader of committed records, and each of its
further attempts raises `Fenced`. `PlainProducer` has the same face for a broker that does not fence (`fencing.py`). It
only waits for the acknowledgements: a former owner may write after a new one, and a failed transaction may leave some
of its records.

A reader sees a commit a few milliseconds after it returned. `start` returns when all that was committed under its id
can be read, so a new owner that reads the log after it misses nothing.

Guarantee on failure: `transaction` ends within its time limit. It rides out the loss of the broker while the limit
lasts. After `TransactionFailed` the outcome may be unknown. The producer then refuses to work until `start`, which
settles the outcome: what is not committed by then is aborted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]
from aiokafka.client import AIOKafkaClient, ConnectionGroup  # type: ignore[import-untyped]
from aiokafka.errors import (  # type: ignore[import-untyped]
    InvalidProducerEpoch,
    InvalidProducerIdMapping,
    KafkaError,
    ProducerFenced,
)

from streams.contracts.envelopes import Message
from streams.kafka.bounded_stop import stop_within

TIMEOUT_S = 90.0
"""Of a start, and of each step of a transaction: longer than the restart of a broker."""
BROKER_TIMEOUT_S = 300.0
"""The broker aborts a transaction that is open for so long. It must outlast `TIMEOUT_S`, and a reader may wait for it
when all workers have died."""
RETRY_BACKOFF_MS = 10
"""The coordinator refuses a transaction while it ends the one before: that takes much less than aiokafka's 100 ms."""
RECONNECT_S = 0.25
MAX_BATCH_BYTES = 256 << 10
MAX_MESSAGE_BYTES = 4 << 20
ABORT_S = 10.0
STOP_S = 5.0
END_S = 1.0
"""How long a stop waits for a transaction to end that its caller has left."""

FENCED = (ProducerFenced, InvalidProducerEpoch, InvalidProducerIdMapping)


class Fenced(RuntimeError):  # noqa: N818
    """A newer owner has started its producer with the same id. This one must give up what it owned."""


class TransactionFailed(RuntimeError):  # noqa: N818
    """The broker did not commit the transaction, or not within the time limit."""


class Transaction:
    """An open transaction. Call `send` in the order in which the records are to be in their partitions."""

    def __init__(self, producer: AIOKafkaProducer, timeout_s: float) -> None:
        self._producer = producer
        self._timeout_s = timeout_s
        self._sent: list[asyncio.Future[Any]] = []

    async def send(self, topic: str, message: Message) -> asyncio.Future[Any]:
        """Hand a message to the producer; waits only for room in its buffer.

        The future ends with the record's `partition` and `offset`. Raises Fenced or TransactionFailed.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                future: asyncio.Future[Any] = await self._producer.send(
                    topic, message.value, key=message.key, headers=list(message.headers), partition=message.partition,
                )
        except (KafkaError, TimeoutError) as error:
            raise _failure(self._producer, error) from error
        self._sent.append(future)
        return future

    async def acknowledged(self) -> None:
        """Wait until the broker has acknowledged all messages. Raises Fenced or TransactionFailed."""
        if self._sent:
            _, pending = await asyncio.wait(self._sent, timeout=self._timeout_s)
            if pending:
                raise TransactionFailed(f"{len(pending)} messages not acknowledged within {self._timeout_s:g} s")
        for future in self._sent:
            if future.cancelled():
                raise TransactionFailed("a message was cancelled before the broker acknowledged it")
            if (error := future.exception()) is not None:
                raise _failure(self._producer, error) from error


class ShardProducer(Protocol):
    """What writes for one shard. Not to be used from several event loops."""

    fences: bool

    async def start(self) -> None:
        """Become the one producer of the shard. Only its certain owner may call it: it fences the one before.

        Raises TransactionFailed. It may be called again, and must be after Fenced or TransactionFailed.
        """

    async def stop(self) -> None:
        """Close the client within a few seconds; the caller of an open transaction is cancelled before that.

        What is not committed is aborted, at the latest by the next start.
        """

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """One transaction at a time: committed at the end of the block, aborted when the block raises.

        Raises Fenced, and TransactionFailed.
        """


class FencedProducer:
    """The producer of `transactional_id`. `client`: keyword arguments of the Kafka client (brokers, security)."""

    fences = True

    def __init__(self, client: Mapping[str, Any], transactional_id: str, timeout_s: float = TIMEOUT_S) -> None:
        self._client = client
        self._id = transactional_id
        self._timeout_s = timeout_s
        self._producer: AIOKafkaProducer | None = None
        self._lock = asyncio.Lock()
        self._ending: asyncio.Task[None] | None = None
        self._failure: Fenced | TransactionFailed | None = TransactionFailed("the producer was not started")

    async def start(self) -> None:
        """See `ShardProducer`."""
        async with self._lock:
            await self._close()
            self._failure = TransactionFailed("the producer could not be started")
            self._producer = AIOKafkaProducer(
                **self._client, transactional_id=self._id, transaction_timeout_ms=int(BROKER_TIMEOUT_S * 1000),
                acks="all", retry_backoff_ms=RETRY_BACKOFF_MS, max_batch_size=MAX_BATCH_BYTES,
                max_request_size=MAX_MESSAGE_BYTES,
            )
            _pace_connections(self._producer.client)
            try:
                await _within(self._timeout_s, self._producer.start(), self._producer)
                self._failure = None
            finally:
                if self._failure is not None:
                    await self._close()

    async def stop(self) -> None:
        """See `ShardProducer`."""
        if self._ending is not None:
            await asyncio.wait([self._ending], timeout=END_S)
            self._ending.cancel()
        async with self._lock:
            await self._close()
            self._failure = TransactionFailed("the producer was stopped")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """See `ShardProducer`."""
        async with self._lock:
            if self._ending is not None:  # the caller of the transaction before was cancelled
                await asyncio.wait([self._ending])
            producer = self._usable()
            await producer.begin_transaction()
            out = Transaction(producer, self._timeout_s)
            try:
                yield out
                await out.acknowledged()
            except BaseException as error:
                if isinstance(error, Fenced | TransactionFailed):
                    self._failure = error
                await self._end(self._abort(producer))
                raise
            await self._end(_within(self._timeout_s, producer.commit_transaction(), producer))
            self._usable()

    def _usable(self) -> AIOKafkaProducer:
        if self._failure is not None:
            raise type(self._failure)(*self._failure.args)
        assert self._producer is not None
        return self._producer

    async def _end(self, ending: Coroutine[Any, Any, None]) -> None:
        """Commit or abort in a task of its own, which goes on when the caller is cancelled. Its failure is kept."""
        self._ending = asyncio.ensure_future(self._finish(ending))
        await asyncio.shield(self._ending)

    async def _finish(self, ending: Coroutine[Any, Any, None]) -> None:
        try:
            await ending
        except (Fenced, TransactionFailed) as error:
            if self._failure is None or isinstance(error, Fenced):
                self._failure = error

    async def _abort(self, producer: AIOKafkaProducer) -> None:
        if producer._txn_manager.is_fatal_error():  # the client's sender has ended, and `start` settles the rest
            raise _failure(producer, TransactionFailed("the client gave the transaction up"))
        await _within(ABORT_S, producer.abort_transaction(), producer)

    async def _close(self) -> None:
        if self._producer is not None:
            producer, self._producer = self._producer, None
            await stop_within(producer.stop(), STOP_S)


class PlainProducer:
    """The same face over a producer that cannot fence: a transaction only waits for its acknowledgements."""

    fences = False

    def __init__(self, client: Mapping[str, Any], timeout_s: float = TIMEOUT_S) -> None:
        self._client = client
        self._timeout_s = timeout_s
        self._producer: AIOKafkaProducer | None = None
        self._lock = asyncio.Lock()

    async def start(self) -> None:
        """See `ShardProducer`; it fences nobody."""
        async with self._lock:
            await self._close()
            producer = AIOKafkaProducer(
                **self._client, acks="all", max_batch_size=MAX_BATCH_BYTES, max_request_size=MAX_MESSAGE_BYTES,
            )
            try:
                await _within(self._timeout_s, producer.start(), producer)
                self._producer = producer
            finally:
                if self._producer is None:
                    await stop_within(producer.stop(), STOP_S)

    async def stop(self) -> None:
        """See `ShardProducer`; what was sent is sent."""
        async with self._lock:
            await self._close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """See `ShardProducer`. When the block raises, what was sent before stays."""
        async with self._lock:
            if self._producer is None:
                raise TransactionFailed("the producer is not started")
            out = Transaction(self._producer, self._timeout_s)
            yield out
            await out.acknowledged()

    async def _close(self) -> None:
        if self._producer is not None:
            producer, self._producer = self._producer, None
            await stop_within(producer.stop(), STOP_S)


async def _within(timeout_s: float, work: Coroutine[Any, Any, None], producer: AIOKafkaProducer) -> None:
    """Await work of the client. Raises Fenced or TransactionFailed."""
    try:
        async with asyncio.timeout(timeout_s):
            await work
    except TimeoutError as error:
        raise TransactionFailed(f"no answer of the broker within {timeout_s:g} s") from error
    except (KafkaError, OSError) as error:
        raise _failure(producer, error) from error


def _pace_connections(client: AIOKafkaClient) -> None:
    """Wait after each connection that failed: the short back-off is meant for a broker that answers."""
    ready = client.ready

    async def paced_ready(node_id: int, *, group: int = ConnectionGroup.DEFAULT) -> bool:
        if await ready(node_id, group=group):
            return True
        await asyncio.sleep(RECONNECT_S)
        return False

    client.ready = paced_ready


def _failure(producer: AIOKafkaProducer, error: BaseException) -> Fenced | TransactionFailed:
    """What an error of the client means. Its sender ends with the first fatal error; later ones only follow from it."""
    sender = producer._sender.sender_task
    ended = sender.exception() if sender is not None and sender.done() and not sender.cancelled() else None
    for cause in (*_causes(error), *_causes(ended)):
        if isinstance(cause, FENCED):
            return Fenced(f"a newer owner has the producer: {cause!r}")
    return TransactionFailed(f"the broker did not commit: {ended or error!r}")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
