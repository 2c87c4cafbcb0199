"""The audit and its checkpoints, as the topics have them now. For the command line."""

from __future__ import annotations

from aiokafka import TopicPartition  # type: ignore[import-untyped]

from config.models import Config
from streams.audit.checkpoint_records import CheckpointRecord
from streams.audit.export import KeptAudit, KeptRecord
from streams.client.topic_reader import open_reader, partitions_of_topics, read_to_end
from streams.cluster.topics import TopicError


async def read_audit_topics(config: Config) -> KeptAudit:
    """Everything committed up to the present end; raises `BrokerUnavailable`, and `TopicError` without an audit.

    The checkpoints are read first, so that none covers records that were not read.
    """
    topics, audit = config.topics, KeptAudit()
    async with open_reader(config) as reader:
        known = await partitions_of_topics(config)
        if topics.audit not in known:
            raise TopicError(f"topic {topics.audit!r}: not on this broker, expected the topic a worker writes")
        if topics.checkpoints in known:
            places = [TopicPartition(topics.checkpoints, number) for number in known[topics.checkpoints]]
            async for record in read_to_end(reader, places):
                audit.checkpoints.append(CheckpointRecord(record.value, tuple(record.headers)))
        places = [TopicPartition(topics.audit, number) for number in known[topics.audit]]
        async for record in read_to_end(reader, places):
            audit.records.setdefault(record.partition, []).append(KeptRecord(
                record.partition, record.offset, record.timestamp, record.key, record.value, tuple(record.headers),
            ))
    return audit
