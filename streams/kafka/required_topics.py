"""The topics of a worker: the input topics and Tocsin's own, with the numbers of partitions that sharding needs."""

from __future__ import annotations

from config.models import Config
from streams.contracts.channels import CHANNELS
from streams.kafka.compression import require_codecs
from streams.kafka.settings import Security
from streams.kafka.topics import TopicError, TopicSpec, ensure_topics

NEW_PARTITIONS = 4
"""Partitions of an input topic that does not exist yet. Every topic of Tocsin's has as many as the input topics."""


async def prepare_topics(config: Config, security: Security) -> int:
    """Create the topics that are missing and return the number of shards.

    Raises `MissingCodec`: a topic may hold records of any codec. Raises `BrokerUnavailable`. Raises `TopicError` when
    the input topics differ in partitions: shard k is partition k of each of them, so the records of one service would
    be in different shards.
    """
    require_codecs()
    brokers = ",".join(config.kafka.brokers)
    inputs = [TopicSpec(source.topic, NEW_PARTITIONS, at_least=1) for source in config.inputs]
    counts = await ensure_topics(brokers, inputs, security=security)
    if len(set(counts.values())) > 1:
        found = ", ".join(f"{topic} has {count}" for topic, count in sorted(counts.items()))
        raise TopicError(f"inputs: {found} partitions, expected the same number in every input topic")
    shards = next(iter(counts.values()))
    topics = config.topics
    own = [
        TopicSpec(getattr(topics, channel.setting), shards, channel.config, at_least=channel.at_least)
        for channel in CHANNELS
    ]
    counts = await ensure_topics(brokers, own, security=security)
    if counts[topics.actions] != counts[topics.ledger]:
        # Partition k of the ledger holds the claims of the intents in partition k of the actions.
        found = f"{topics.actions} has {counts[topics.actions]}, {topics.ledger} has {counts[topics.ledger]}"
        raise TopicError(f"topics: {found} partitions, expected the same number in both")
    return shards
