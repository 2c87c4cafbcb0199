"""What Tocsin writes: incidents, intents and outcomes as CloudEvents 1.0 in Kafka binary mode, and how they are read.

The value is JSON of the dataclass, the envelope is in the headers, the key keeps one thing in order: an incident by its
id (the topic is compacted), an intent and its outcome by target. Unknown fields are ignored on reading, so that a newer
writer does not stop an older reader; missing or mistyped ones raise `WireError`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError

from actions.model import Intent, Outcome
from classifiers.model import Incident

Header = tuple[str, bytes]
EventType = Literal["tocsin.incident.v1", "tocsin.action.v1", "tocsin.outcome.v1"]
SHARD_HEADER = "tocsin-shard"
"""Names the partition whose state decided an intent; the executor sends the outcome back to it."""

T = TypeVar("T", Incident, Intent, Outcome)
_INTENT = TypeAdapter(Intent)
_OUTCOME = TypeAdapter(Outcome)
_INCIDENT = TypeAdapter(Incident)


class WireError(ValueError):
    """A record on one of our own topics that is not what its contract says."""


@dataclass(frozen=True, slots=True)
class Message:
    """One record to be produced. `partition` None leaves the choice to the key."""

    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...]
    partition: int | None = None


def incident_message(incident: Incident, source: str, at_s: float, trace: Sequence[Header] = ()) -> Message:
    """The final word on an incident so far; compaction keeps the last one per id.

    The event's id follows from the content: what is said again after a crash is the same event, what differs is not.
    """
    value = orjson.dumps(incident)
    event_id = f"{incident.id}/{hashlib.sha256(value).hexdigest()[:12]}"
    headers = _envelope("tocsin.incident.v1", event_id, source, at_s, incident.id)
    return Message(incident.id.encode(), value, (*headers, *trace))


def intent_message(intent: Intent, source: str, shard: int, trace: Sequence[Header] = ()) -> Message:
    """A decision, keyed by target so that one target's intents run in order."""
    headers = _envelope("tocsin.action.v1", intent.key, source, intent.decided_at_s, intent.target)
    return Message(intent.target.encode(), orjson.dumps(intent), (*headers, _shard(shard), *trace))


def outcome_message(outcome: Outcome, source: str, shard: int | None, trace: Sequence[Header] = ()) -> Message:
    """What came of an intent, sent to the partition whose shard decided it."""
    event_id = f"{outcome.key}/{outcome.status}"
    headers = _envelope("tocsin.outcome.v1", event_id, source, outcome.done_at_s, outcome.target)
    if shard is None:
        return Message(outcome.target.encode(), orjson.dumps(outcome), (*headers, *trace))
    return Message(outcome.target.encode(), orjson.dumps(outcome), (*headers, _shard(shard), *trace), shard)


def read_incident(value: bytes | None) -> Incident:
    """Raises `WireError` naming the field."""
    return _read(_INCIDENT, value)


def read_intent(value: bytes | None) -> Intent:
    """Raises `WireError` naming the field."""
    return _read(_INTENT, value)


def read_outcome(value: bytes | None) -> Outcome:
    """Raises `WireError` naming the field."""
    return _read(_OUTCOME, value)


def shard_of(headers: Sequence[Header]) -> int | None:
    """The shard named in the headers, None when it is missing or not a number."""
    for name, value in headers:
        if name == SHARD_HEADER and value is not None and value.isdigit():
            return int(value)
    return None


def _read(adapter: TypeAdapter[T], value: bytes | None) -> T:
    if value is None:
        raise WireError("empty value (tombstone), expected a JSON object")
    try:
        return adapter.validate_json(value, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "value"
        raise WireError(f"{place}: {first['msg']}") from None


def _envelope(kind: EventType, event_id: str, source: str, at_s: float, subject: str) -> tuple[Header, ...]:
    when = datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return (
        ("ce_specversion", b"1.0"), ("ce_type", kind.encode()), ("ce_id", event_id.encode()),
        ("ce_source", source.encode()), ("ce_time", when.encode()), ("ce_subject", subject.encode()),
        ("content-type", b"application/json"),
    )


def _shard(shard: int) -> Header:
    return SHARD_HEADER, str(shard).encode()
