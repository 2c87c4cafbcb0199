"""The audit and its checkpoints, as the topics have them now. For the command line."""

from __future__ import annotations

from config.models import Config
from streams.audit.checkpoint_records import CheckpointRecord
from streams.audit.export import KeptAudit, KeptRecord
from streams.client.topic_reader import existing_places, open_reader, partitions_of_topics, places_of, read_to_end


async def read_audit_topics(config: Config) -> KeptAudit:
    """Everything committed up to the present end; raises `BrokerUnavailable`, and `TopicError` without an audit.

    The checkpoints are read first, so that none covers records that were not read.
    """
    topics, audit = config.topics, KeptAudit()
    async with open_reader(config) as reader:
        known = await partitions_of_topics(config)
        places = existing_places(known, topics.audit)
        async for record in read_to_end(reader, places_of(known, topics.checkpoints)):
            audit.checkpoints.append(CheckpointRecord(record.value, tuple(record.headers)))
        async for record in read_to_end(reader, places):
            audit.records.setdefault(record.partition, []).append(KeptRecord(
                record.partition, record.offset, record.timestamp, record.key, record.value, tuple(record.headers),
            ))
    return audit
