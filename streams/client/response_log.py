"""The requests for approval as they stand on the response topic of a running installation."""

from __future__ import annotations

from collections.abc import Mapping

from actions.approvals.request import ApprovalRequest
from config.models import Config
from streams.client.topic_reader import existing_places, open_reader, partitions_of_topics, read_to_end
from streams.contracts.envelopes import read_approval

PREFIX = b"approval/"


async def read_requests(config: Config) -> Mapping[str, ApprovalRequest]:
    """The last state of each request, by key, the oldest first.

    Raises `BrokerUnavailable`, `TopicError` where there is no response topic, and `WireError`.
    """
    found: dict[str, ApprovalRequest] = {}
    async with open_reader(config) as reader:
        known = await partitions_of_topics(config)
        places = existing_places(known, config.topics.response, "the topic that `tocsin respond` writes")
        async for record in read_to_end(reader, places):
            if record.key is None or not record.key.startswith(PREFIX):
                continue
            key = record.key.removeprefix(PREFIX).decode(errors="replace")
            if record.value is None:
                found.pop(key, None)
                continue
            request = read_approval(record.value)
            if key not in found or found[key].version < request.version:
                found[key] = request
    return dict(sorted(found.items(), key=lambda item: item[1].intent.decided_at_s))
