"""Reviews and action items as CloudEvents on the response topic: writing and reading, as in `envelopes.py`."""

from __future__ import annotations

import orjson
from pydantic import TypeAdapter

from actions.reviews.record import ActionItem, Review
from streams.contracts.catalogue import ITEM, REVIEW
from streams.contracts.envelopes import Message, envelope, read_value

_REVIEW = TypeAdapter(Review)
_ITEM = TypeAdapter(ActionItem)


def review_message(one: Review, source: str, partition: int) -> Message:
    """The review of an incident; compaction keeps the last one. partition: of the incident.

    The id of the event is its version, so a repeat after a crash is the same event.
    """
    headers = envelope(
        REVIEW, f"{one.subject}/{one.version}", source, one.changed_at_s, one.subject, one.incident_id,
    )
    return Message(one.subject.encode(), orjson.dumps(one), headers, partition)


def item_message(one: ActionItem, source: str, partition: int) -> Message:
    """The state of an action item; compaction keeps the last one of an id. partition: of its incident.

    The id of the event is its version, so a repeat after a crash is the same event.
    """
    headers = envelope(ITEM, f"{one.subject}/{one.version}", source, one.changed_at_s, one.subject, one.incident_id)
    return Message(one.subject.encode(), orjson.dumps(one), headers, partition)


def read_review(value: bytes | None) -> Review:
    """Raises `WireError` naming the field."""
    return read_value(_REVIEW, value)


def read_item(value: bytes | None) -> ActionItem:
    """Raises `WireError` naming the field."""
    return read_value(_ITEM, value)
