"""What is in force at the targets of a running installation, and its storm brake, as the ledger says."""

from __future__ import annotations

from actions.ledger.log_value import follow_in_force
from actions.ledger.view import LedgerView
from config.models import Config
from streams.client.topic_reader import existing_places, open_reader, partitions_of_topics, read_to_end


async def read_in_force(config: Config) -> LedgerView:
    """A view with all remedies and the storm brake.

    Raises `BrokerUnavailable`, `TopicError` where there is no ledger, and `ValueError` for a record of another format.
    """
    view = LedgerView()
    async with open_reader(config) as reader:
        known = await partitions_of_topics(config)
        places = existing_places(known, config.topics.ledger, "the ledger of an executor")
        async for record in read_to_end(reader, places):
            if record.value is not None:
                follow_in_force(view, record.value)
    return view
