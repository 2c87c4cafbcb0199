"""The audit and its checkpoints, as the topics have them now. For the command line."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from aiokafka import TopicPartition  # type: ignore[import-untyped]

from config.models import Config
from streams.audit.checkpoint_records import CheckpointRecord
from streams.audit.export import KeptAudit, KeptRecord
from streams.client.topic_reader import existing_places, open_reader, partitions_of_topics, places_of, read_to_end
from streams.cluster.topics import BrokerUnavailable
from streams.contracts.envelopes import WireError, read_audit


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


async def read_audit_ends(config: Config) -> dict[TopicPartition, int]:
    """The end of each partition of the audit; empty where it cannot be read, as a person may not be allowed to."""
    try:
        async with open_reader(config) as reader:
            places = places_of(await partitions_of_topics(config), config.topics.audit)
            return dict(await reader.end_offsets(places)) if places else {}
    except BrokerUnavailable:
        return {}


async def read_refusal(config: Config, subjects: Collection[str], since: Mapping[TopicPartition, int]) -> str | None:
    """Why a control record was refused, by the audit; None while the audit does not say so.

    subjects: the id of the record, and its place for a record that was not believed. since: see `read_audit_ends`, of
    before it was written. Raises `BrokerUnavailable`.
    """
    if not since:
        return None
    async with open_reader(config) as reader:
        async for record in read_to_end(reader, list(since), since):
            try:
                entry = read_audit(record.value)
            except WireError:
                continue
            if entry.event == "refused" and entry.subject in subjects:
                return entry.reason
    return None
