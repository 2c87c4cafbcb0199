"""Reading whole topics for the command line: the committed records up to the present end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]
from aiokafka.admin import AIOKafkaAdminClient  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from config.models import Config
from streams.cluster.topics import BrokerUnavailable, TopicError
from streams.kafka.settings import security_of

TIMEOUT_S = 15.0
"""A broker must answer within this time, and then must not pause for longer."""


@asynccontextmanager
async def open_reader(config: Config) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer of committed records, without a group; raises `BrokerUnavailable`, also for the block."""
    brokers = ",".join(config.kafka.brokers)
    reader = AIOKafkaConsumer(
        bootstrap_servers=config.kafka.brokers, enable_auto_commit=False, auto_offset_reset="earliest",
        isolation_level="read_committed", **security_of(config).options(),
    )
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await reader.start()
        yield reader
    except (KafkaError, OSError, TimeoutError) as error:
        raise BrokerUnavailable(brokers, TIMEOUT_S, error or "no complete answer") from error
    finally:
        await reader.stop()


async def partitions_of_topics(config: Config) -> dict[str, list[int]]:
    """The partitions of every topic. To ask for one topic by name could create it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=config.kafka.brokers, **security_of(config).options())
    try:
        await admin.start()
        described = await admin.describe_topics()
    finally:
        await admin.close()
    return {one["topic"]: sorted(part["partition"] for part in one["partitions"]) for one in described}


def places_of(known: Mapping[str, Sequence[int]], topic: str) -> list[TopicPartition]:
    """The partitions of a topic, of those of every topic; none where it is not there."""
    return [TopicPartition(topic, number) for number in known.get(topic, ())]


def existing_places(
    known: Mapping[str, Sequence[int]], topic: str, expected: str = "the topic a worker writes",
) -> list[TopicPartition]:
    """As `places_of`; raises `TopicError` where the topic is not there."""
    if topic not in known:
        raise TopicError(f"topic {topic!r}: not on this broker, expected {expected}")
    return places_of(known, topic)


async def read_to_end(
    reader: AIOKafkaConsumer, tps: Sequence[TopicPartition], since: Mapping[TopicPartition, int] | None = None,
) -> AsyncIterator[Any]:
    """The records of these partitions up to their current end. Compaction may have removed the last ones.

    since: the first offset to be read, by partition; without one, all are read.
    """
    if not tps:
        return
    reader.assign(tps)
    ends = await reader.end_offsets(tps)
    await reader.seek_to_beginning(*tps)
    for tp in tps:
        if since is not None and tp in since:
            reader.seek(tp, since[tp])
    for tp in tps:
        empty_polls = 0
        while (at := await reader.position(tp)) < ends[tp]:
            for record in (await reader.getmany(tp, timeout_ms=1000)).get(tp, ()):
                yield record
            empty_polls = empty_polls + 1 if await reader.position(tp) == at else 0
            if empty_polls >= TIMEOUT_S:
                raise TimeoutError(f"{tp.topic}[{tp.partition}] stopped at offset {at} of {ends[tp]}")


async def first_offset(reader: AIOKafkaConsumer, tp: TopicPartition, since_s: float) -> int:
    """The offset of the first record from a time on; the end where there is none. A broker that stores no times, as the
    embedded one, has its first record."""
    found = (await reader.offsets_for_times({tp: int(since_s * 1000)}))[tp]
    if found is not None:
        return int(found.offset)
    has_times = (await reader.offsets_for_times({tp: 0}))[tp] is not None
    edge = reader.end_offsets if has_times else reader.beginning_offsets
    return int((await edge([tp]))[tp])
