"""What stands on the response topic of a running installation: requests for approval, texts of audiences, reviews.

Each function raises `BrokerUnavailable`, `TopicError` where there is no response topic, and `WireError`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from actions.approvals.request import ApprovalRequest
from actions.channels.notification import Notification
from actions.reviews.records import ReviewRecords
from config.models import Config
from streams.client.topic_reader import existing_places, open_reader, partitions_of_topics, read_to_end
from streams.contracts.envelopes import read_approval, read_notification
from streams.contracts.people.reviews import read_item, read_review


class Versioned(Protocol):
    """Of two records with one key, the higher version counts."""

    @property
    def version(self) -> int: ...


V = TypeVar("V", bound=Versioned)


async def read_requests(config: Config) -> Mapping[str, ApprovalRequest]:
    """The last state of each request, by key, the oldest first."""
    found = await _read(config, b"approval/", read_approval)
    return dict(sorted(found.items(), key=lambda item: item[1].intent.decided_at_s))


async def read_texts(config: Config) -> Mapping[str, list[Notification]]:
    """The notifications of each text that a person must release, or had to, by its digest, the oldest first."""
    known = await _read(config, b"notification/", read_notification)
    found: dict[str, list[Notification]] = {}
    for one in sorted(known.values(), key=lambda each: each.changed_at_s):
        if one.draft is not None:
            found.setdefault(one.draft.digest, []).append(one)
    return found


async def read_reviews(config: Config) -> ReviewRecords:
    """The reviews and action items that are on record."""
    found = ReviewRecords()
    for review in (await _read(config, b"review/", read_review)).values():
        found.add_review(review)
    for item in (await _read(config, b"item/", read_item)).values():
        found.add_item(item)
    return found


async def _read(config: Config, prefix: bytes, read: Callable[[bytes | None], V]) -> dict[str, V]:
    """The last state of each record whose key begins so, by the rest of its key."""
    found: dict[str, V] = {}
    async with open_reader(config) as reader:
        known = await partitions_of_topics(config)
        places = existing_places(known, config.topics.response, "the topic that `tocsin respond` writes")
        async for record in read_to_end(reader, places):
            if record.key is None or not record.key.startswith(prefix):
                continue
            key = record.key.removeprefix(prefix).decode(errors="replace")
            if record.value is None:
                found.pop(key, None)
                continue
            one = read(record.value)
            if key not in found or found[key].version < one.version:
                found[key] = one
    return found
