"""The silences in the control topic of a running installation, as its workers accept them."""

from __future__ import annotations

from classifiers.directives import Expire, Silence
from config.models import Config
from streams.client.topic_reader import open_reader, partitions_of_topics, places_of, read_to_end
from streams.contracts.people.silences import StoredSilence, silences_of
from streams.trust.silence_records import SilenceRecords


async def read_silences(config: Config) -> list[StoredSilence]:
    """All that the topic still holds, by their beginning. A record that no accepted key signed does not count, nor does
    a second one with the same id, nor one of a person without the role. Raises `BrokerUnavailable`.
    """
    directives: list[Silence | Expire] = []
    records = SilenceRecords(config)
    async with open_reader(config) as reader:
        places = places_of(await partitions_of_topics(config), config.topics.control)
        async for record in read_to_end(reader, places):
            directive = records.read(record)
            if directive is not None:
                directives.append(directive)
    return silences_of(directives)
