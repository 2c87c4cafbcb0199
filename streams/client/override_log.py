"""The overrides of schedules in the control topic of a running installation, as the role respond accepts them."""

from __future__ import annotations

import time

from classifiers.by_hand import OVERRIDE_AHEAD_S, ForSchedules, Override
from config.models import Config
from config.trust.build import directory_of, ring_of
from streams.client.topic_reader import open_reader, partitions_of_topics, places_of, read_to_end
from streams.contracts.catalogue import OVERRIDE
from streams.contracts.control_records import ControlRecordError
from streams.contracts.envelopes import source_of
from streams.contracts.people.records import verify_by_hand

TYPE = OVERRIDE.event_type.encode()


async def read_overrides(config: Config) -> tuple[Override, ...]:
    """Those that may still be in force, in the order of the topic; none where there is no control topic yet.

    Raises `BrokerUnavailable`.
    """
    ring, directory = ring_of(config.people, config.signing), directory_of(config.people, config.owners_of)
    topic, source = config.topics.control, source_of(config.kafka.group)
    oldest_s = time.time() - OVERRIDE_AHEAD_S
    found: dict[str, Override] = {}
    async with open_reader(config) as reader:
        async for record in read_to_end(reader, places_of(await partitions_of_topics(config), topic)):
            if record.timestamp / 1000.0 < oldest_s or dict(record.headers).get("ce_type") != TYPE:
                continue
            try:
                directive = verify_by_hand(record, topic, source, ring, config.control.max_skew_s)
            except ControlRecordError:
                continue
            if isinstance(directive, ForSchedules) and directory.may_anywhere(directive.by, "override"):
                found[directive.id] = directive
    return tuple(found.values())
