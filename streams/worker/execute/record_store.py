"""The records of an installation for the actions that need them: read by range, written to a topic, incident and audit.

Each call has clients of its own and is bounded in time. A broker that does not answer is a `TargetError` that a retry
may end; a topic that does not exist, or denied access, is one that no retry ends. Duplicate: reading changes nothing,
and what is written twice has the keys of the caller.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition  # type: ignore[import-untyped]
from aiokafka.admin import AIOKafkaAdminClient  # type: ignore[import-untyped]
from aiokafka.errors import (  # type: ignore[import-untyped]
    AuthenticationFailedError,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
)

from actions.base import TargetError
from actions.records import NewRecord, StoredRecord
from classifiers.model import Incident
from config.models import Config
from streams.contracts.envelopes import WireError, read_incident
from streams.kafka.bounded_stop import stop_within
from streams.kafka.settings import security_of
from streams.state.topic_store import read_range

STOP_S = 5.0
DENIED = (
    AuthenticationFailedError, ClusterAuthorizationFailedError, GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
)


class KafkaRecords:
    """A `RecordStore`. timeout_s: of one call."""

    def __init__(self, config: Config, timeout_s: float = 60.0) -> None:
        self._topics = config.topics
        self._brokers = list(config.kafka.brokers)
        self._options = {"bootstrap_servers": self._brokers, **security_of(config).options()}
        self._timeout_s = timeout_s

    async def incident(self, incident_id: str) -> Incident | None:
        """An incident as it was last published; None where the topic does not have it. Raises `TargetError`."""
        found: Incident | None = None
        key = incident_id.encode()
        async with self._reader() as reader:
            async for record in self._all(reader, self._topics.incidents):
                if record.key == key:
                    found = None if record.value is None else _incident(record)
        return found

    async def audit(self, incident_id: str, limit: int) -> tuple[list[StoredRecord], bool]:
        """The newest `limit` audit entries that name the incident in key, value or headers, oldest first; and whether
        that is all of them. Reads the whole topic. Raises `TargetError`.
        """
        name = incident_id.encode()
        found: list[StoredRecord] = []
        async with self._reader() as reader:
            async for record in self._all(reader, self._topics.audit):
                parts = (record.key, record.value, *(value for _, value in record.headers))
                if any(part is not None and name in part for part in parts):
                    found.append(record)
        found.sort(key=lambda record: record.timestamp_ms)
        return found[-limit:], len(found) <= limit

    async def read(self, topic: str, partition: int, start: int, end: int) -> list[StoredRecord]:
        """The records with start <= offset < end that are still kept. Raises `TargetError`."""
        tp = TopicPartition(topic, partition)
        async with self._reader() as reader:
            if partition not in await self.partitions(topic):
                raise TargetError(f"{topic}[{partition}]: no such partition", retryable=False)
            reader.assign([tp])
            first, last = (await reader.beginning_offsets([tp]))[tp], (await reader.end_offsets([tp]))[tp]
            low, high = max(start, first), min(end, last)
            return [_stored(one) for one in await read_range(reader, tp, low, high)] if low < high else []

    async def write(self, topic: str, records: Sequence[NewRecord]) -> None:
        """Write records; returns when all replicas have them. The topic must exist. Raises `TargetError`."""
        async with self._bounded():
            await self.partitions(topic)
            producer = AIOKafkaProducer(acks="all", enable_idempotence=True, **self._options)
            try:
                await producer.start()
                sent = [
                    await producer.send(topic, one.value, key=one.key, headers=list(one.headers)) for one in records
                ]
                await asyncio.gather(*sent)
            finally:
                await stop_within(producer.stop(), STOP_S)

    @asynccontextmanager
    async def _reader(self) -> AsyncIterator[AIOKafkaConsumer]:
        async with self._bounded():
            reader = AIOKafkaConsumer(
                enable_auto_commit=False, auto_offset_reset="earliest", isolation_level="read_committed",
                **self._options,
            )
            try:
                await reader.start()
                yield reader
            finally:
                await stop_within(reader.stop(), STOP_S)

    async def _all(self, reader: AIOKafkaConsumer, topic: str) -> AsyncIterator[StoredRecord]:
        """The records of a topic up to its present ends."""
        tps = [TopicPartition(topic, number) for number in await self.partitions(topic)]
        reader.assign(tps)
        first, ends = await reader.beginning_offsets(tps), await reader.end_offsets(tps)
        for tp in tps:
            reader.seek(tp, first[tp])
        left = {tp for tp in tps if first[tp] < ends[tp]}
        while left:
            for tp, records in (await reader.getmany(*left, timeout_ms=200)).items():
                for record in records:
                    if record.offset < ends[tp]:
                        yield _stored(record)
            left = {tp for tp in left if await reader.position(tp) < ends[tp]}

    async def partitions(self, topic: str) -> list[int]:
        """The partitions of a topic. To ask a consumer for it by name could create it."""
        admin = AIOKafkaAdminClient(**self._options)
        try:
            await admin.start()
            described = await admin.describe_topics()
        finally:
            await admin.close()
        for one in described:
            if one["topic"] == topic:
                return sorted(part["partition"] for part in one["partitions"])
        raise TargetError(f"topic {topic!r}: not on this broker, expected it to exist", retryable=False)

    @asynccontextmanager
    async def _bounded(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._timeout_s):
                yield
        except (KafkaError, OSError, TimeoutError) as error:
            text = str(error) or f"no complete answer within {self._timeout_s:g} s"
            message = f"Kafka at {','.join(self._brokers)}: {type(error).__name__}: {text}"
            raise TargetError(message, retryable=not isinstance(error, DENIED)) from error


def _stored(record: Any) -> StoredRecord:
    headers = tuple((str(name), bytes(value or b"")) for name, value in record.headers)
    return StoredRecord(
        record.topic, record.partition, record.offset, record.timestamp, record.key, record.value, headers,
    )


def _incident(record: StoredRecord) -> Incident:
    try:
        return read_incident(record.value)
    except WireError as error:
        place = f"{record.topic}[{record.partition}] offset {record.offset}"
        raise TargetError(f"{place}: {error}", retryable=False) from error
