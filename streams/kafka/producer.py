"""The way out: one producer a worker, and the account of which shard still waits for which acknowledgement.

A shard's offsets may be committed only after everything it decided is acknowledged by the broker. So every send is
booked on its owner, and `flush` returns only when the owner has nothing left in flight. A send that failed for good
raises there, now and at every later call until `forget`: the shard then keeps its old offsets and the records are
processed again, to the same ids.
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

Owner = int | str


class Unacknowledged(RuntimeError):  # noqa: N818
    """A message was given up before the broker acknowledged it, for instance because the producer was closed."""


class Publisher:
    """Sends messages and keeps books. `client` are keyword arguments of the Kafka client (brokers, security)."""

    def __init__(self, client: dict[str, Any]) -> None:
        self._client = client
        self._producer: AIOKafkaProducer | None = None
        self._pending: defaultdict[Owner, set[asyncio.Future[Any]]] = defaultdict(set)

    async def __aenter__(self) -> Publisher:
        self._producer = AIOKafkaProducer(**self._client, acks="all", linger_ms=2, max_request_size=4 << 20)
        await self._producer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None,
    ) -> None:
        if self._producer is not None:
            producer, self._producer = self._producer, None
            await producer.stop()

    async def send(
        self, owner: Owner, topic: str, messages: Iterable[Message], acknowledged: Callable[[], None] | None = None,
    ) -> None:
        """Hand messages to the producer in order; waits only for room in its buffer.

        acknowledged: called once for each message that the broker has taken.
        """
        assert self._producer is not None, "the publisher is not started"
        for message in messages:
            future = await self._producer.send(
                topic, message.value, key=message.key, headers=list(message.headers), partition=message.partition,
            )
            self._pending[owner].add(future)
            future.add_done_callback(partial(self._book_out, owner))
            if acknowledged is not None:
                future.add_done_callback(_if_taken(acknowledged))

    async def flush(self, owner: Owner) -> None:
        """Wait until the broker has acknowledged all that this owner sent so far; raises the first failure."""
        waiting = tuple(self._pending.get(owner, ()))
        if waiting:
            # Not `gather`: a caller that is cancelled here must take neither the sends nor their account with it.
            await asyncio.wait(waiting)
        for future in waiting:
            if future.cancelled():
                raise Unacknowledged(f"a message of {owner!r} was given up before the broker acknowledged it")
            future.result()

    def forget(self, owner: Owner) -> None:
        """Stop accounting for an owner that this worker no longer holds."""
        self._pending.pop(owner, None)

    def _book_out(self, owner: Owner, future: asyncio.Future[Any]) -> None:
        """Only what the broker has taken leaves the account; a failure stays until the owner is forgotten."""
        if not future.cancelled() and future.exception() is None:
            self._pending[owner].discard(future)


def _if_taken(acknowledged: Callable[[], None]) -> Callable[[asyncio.Future[Any]], None]:
    def done(future: asyncio.Future[Any]) -> None:
        if not future.cancelled() and future.exception() is None:
            acknowledged()

    return done
