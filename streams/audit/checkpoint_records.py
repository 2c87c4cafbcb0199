"""Checkpoints on the wire: records of `tocsin.checkpoints`, signed by the role respond where it has a key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from pydantic import TypeAdapter, ValidationError

from classifiers.validation_errors import describe_first
from streams.audit.chain import Checkpoint
from streams.contracts.envelopes import Header, Message, WireError, written_time
from streams.contracts.signatures import SignedRecord

TYPE = b"tocsin.checkpoint.v1"
_CHECKPOINT = TypeAdapter(Checkpoint)


@dataclass(frozen=True, slots=True)
class CheckpointRecord:
    """A record of the topic as it was read or exported."""

    value: bytes | None
    headers: Sequence[Header]


def checkpoint_message(checkpoint: Checkpoint, source: str) -> Message:
    """The record of a checkpoint, unsigned; keyed by the partition, and in the partition of the same order."""
    subject = f"{checkpoint.partition}@{checkpoint.offset}".encode()
    headers = (
        ("ce_specversion", b"1.0"), ("ce_type", TYPE), ("ce_id", subject), ("ce_source", source.encode()),
        ("ce_time", written_time(checkpoint.at_s)), ("ce_subject", subject), ("content-type", b"application/json"),
    )
    return Message(str(checkpoint.partition).encode(), orjson.dumps(checkpoint), headers)


def read_checkpoint(record: SignedRecord) -> Checkpoint:
    """Raises `WireError` naming the field."""
    try:
        return _CHECKPOINT.validate_json(record.value or b"", strict=True)
    except ValidationError as error:
        raise WireError(describe_first(error)) from None

