"""Incidents as they are published, from now on."""

from __future__ import annotations

from collections.abc import Callable

from classifiers.model import Incident
from config.models import Config
from streams.client.topic_reader import existing_places, open_reader, partitions_of_topics
from streams.contracts.envelopes import WireError, read_incident


async def follow(config: Config, show: Callable[[Incident], None]) -> None:
    """Call `show` for each committed incident record until cancelled; a record that cannot be read is skipped.

    Raises `BrokerUnavailable`, and `TopicError` where there is no topic of incidents.
    """
    async with open_reader(config) as reader:
        places = existing_places(await partitions_of_topics(config), config.topics.incidents)
        reader.assign(places)
        await reader.seek_to_end(*places)
        async for record in reader:
            try:
                one = read_incident(record.value)
            except WireError:
                continue
            show(one)
