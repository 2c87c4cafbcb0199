"""The base of a store in a Kafka topic: its clients, their start and stop, and one error when no broker answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from streams.cluster.topics import BrokerUnavailable
from streams.kafka.bounded_stop import stop_within
from streams.kafka.settings import Security

STOP_S = 5.0
"""Of each client."""


class TopicStore:
    """A store in one topic. Use as an async context manager, or `start` and `stop`.

    producer_options: keyword arguments of the producer, which waits for the acknowledgement of all replicas.
    """

    def __init__(
        self, brokers: str, topic: str, *, security: Security | None, timeout_s: float, **producer_options: Any,
    ) -> None:
        self._brokers, self._topic, self._timeout_s = brokers, topic, timeout_s
        self._options = {"bootstrap_servers": brokers.split(","), **(security or Security()).options()}
        self._producer_options = producer_options
        self._started_producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connect. Raises BrokerUnavailable."""
        self._started_producer = AIOKafkaProducer(acks="all", **self._producer_options, **self._options)
        try:
            async with self._request():
                await self._producer.start()
                await self._connected()
        except BrokerUnavailable:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Close the clients."""
        if self._started_producer is not None:
            await stop_within(self._started_producer.stop(), STOP_S)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _connected(self) -> None:
        """What a store does at the end of its start, within the same time limit."""

    @property
    def _producer(self) -> AIOKafkaProducer:
        if self._started_producer is None:
            raise RuntimeError(f"{type(self).__name__}: not started")
        return self._started_producer

    def _consumer(self, **options: Any) -> AIOKafkaConsumer:
        """A consumer of committed records without a group, not started."""
        return AIOKafkaConsumer(
            enable_auto_commit=False, auto_offset_reset="earliest", isolation_level="read_committed", **options,
            **self._options,
        )

    @asynccontextmanager
    async def _request(self) -> AsyncIterator[None]:
        """Requests that a broker must answer within the time limit, or BrokerUnavailable is raised."""
        try:
            async with asyncio.timeout(self._timeout_s):
                yield
        except (KafkaError, OSError, TimeoutError) as error:
            raise BrokerUnavailable(self._brokers, self._timeout_s, str(error) or "no complete answer") from error


async def read_range(reader: AIOKafkaConsumer, tp: TopicPartition, low: int, high: int) -> list[Any]:
    """Records with low <= offset < high; compaction may have left gaps, also at the end."""
    records: list[Any] = []
    reader.seek(tp, low)
    while await reader.position(tp) < high:
        for polled in (await reader.getmany(tp, timeout_ms=200)).values():
            records += [record for record in polled if low <= record.offset < high]
    return records
