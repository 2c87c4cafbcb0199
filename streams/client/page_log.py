"""Who was paged by escalations and when, from the audit of a running installation, which is kept for a year."""

from __future__ import annotations

from actions.escalation.paged import PREFIX, page_of
from config.models import Config
from streams.client.topic_reader import open_reader, partitions_of_topics, places_of, read_to_end
from streams.cluster.topics import BrokerUnavailable
from streams.contracts.envelopes import WireError, read_audit


async def read_pages(config: Config) -> list[tuple[str, float]] | None:
    """Each page as person and time, in seconds since the epoch.

    None where the audit holds no page: nobody was paged then, or an older version did not record it. None also where
    the audit cannot be read, as a person may not be allowed to.
    """
    found: list[tuple[str, float]] = []
    try:
        async with open_reader(config) as reader:
            places = places_of(await partitions_of_topics(config), config.topics.audit)
            async for record in read_to_end(reader, places):
                if not (dict(record.headers).get("ce_subject") or b"").startswith(PREFIX.encode()):
                    continue
                try:
                    page = page_of(read_audit(record.value))
                except WireError:
                    continue
                if page is not None:
                    found.append(page)
    except BrokerUnavailable:
        return None
    return found or None
