"""Incidents as they are published, from now on."""

from __future__ import annotations

from collections.abc import Callable

from aiokafka import TopicPartition  # type: ignore[import-untyped]

from classifiers.model import Incident
from config.models import Config
from streams.client.topic_reader import open_reader, partitions_of_topics
from streams.cluster.topics import TopicError
from streams.contracts.envelopes import WireError, read_incident


async def follow(config: Config, show: Callable[[Incident], None]) -> None:
    """Call `show` for each committed incident record until cancelled; a record that cannot be read is skipped.

    Raises `BrokerUnavailable`, and `TopicError` where there is no topic of incidents.
    """
    topic = config.topics.incidents
    async with open_reader(config) as reader:
        known = await partitions_of_topics(config)
        if topic not in known:
            raise TopicError(f"topic {topic!r}: not on this broker, expected the topic a worker writes")
        places = [TopicPartition(topic, number) for number in known[topic]]
        reader.assign(places)
        await reader.seek_to_end(*places)
        async for record in reader:
            try:
                one = read_incident(record.value)
            except WireError:
                continue
            show(one)
