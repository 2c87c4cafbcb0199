"""Signatures of records that act: Ed25519 over the topic, the attributes of the event, and the value.

The header `tocsin-key` names the key, and `tocsin-signature` holds the signature in hexadecimal. Because the topic and
the event's id and source are covered, a record that is copied to another topic, under another id or into another
deployment does not fit. A covered header must not stand there twice, since readers would differ in which one counts.
Not covered: the record's key and partition, which follow from the value, and the trace. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from actions.trust.keys import KeyRing, PublicKey, SignatureError, Signer, Use, framed
from streams.contracts.control_records import KEY_HEADER, SIGNATURE_HEADER
from streams.contracts.envelopes import SHARD_HEADER, Header, Message

COVERED = (
    "ce_type", "ce_id", "ce_time", "ce_source", "ce_subject", "ce_correlationid", "ce_expirytime", SHARD_HEADER,
    KEY_HEADER,
)
"""The covered headers, in order, between the topic and the value. One that is missing counts as empty."""


class SignedRecord(Protocol):
    """The part of a Kafka record that is read."""

    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[Header]: ...


def sign_message(topic: str, message: Message, signer: Signer) -> Message:
    """The message with a signature for this topic. About 30 us."""
    named = (*message.headers, (KEY_HEADER, signer.id.encode()))
    signature = signer.sign(signed_text(topic, dict(named), message.value or b""))
    return replace(message, headers=(*named, (SIGNATURE_HEADER, signature.encode())))


def verify_record(topic: str, record: SignedRecord, ring: KeyRing, use: Use, at_s: float) -> PublicKey:
    """The key that signed a record of this topic, if it may; raises `SignatureError`. About 100 us."""
    headers: dict[str, bytes] = {}
    for name, value in record.headers:
        if name in headers and (name in COVERED or name == SIGNATURE_HEADER):
            raise SignatureError("bad_signature", f"two headers {name}, expected one")
        headers[name] = value or b""
    for name in (KEY_HEADER, SIGNATURE_HEADER):
        if name not in headers:
            raise SignatureError("unsigned", f"no header {name}, expected a record signed by a key of {use}")
    key_id = headers[KEY_HEADER].decode(errors="replace")
    signature = headers[SIGNATURE_HEADER].decode(errors="replace")
    return ring.verify(key_id, use, signed_text(topic, headers, record.value or b""), signature, at_s)


def record_key(record: SignedRecord) -> str | None:
    """The id of the key that a record names; None where it names none."""
    found = next((value for name, value in record.headers if name == KEY_HEADER), None)
    return None if found is None else found.decode(errors="replace")


def signed_text(topic: str, headers: Mapping[str, bytes], value: bytes) -> bytes:
    """The signed bytes: topic, covered headers and value, framed as in control records."""
    return framed([topic.encode(), *(headers.get(name, b"") for name in COVERED), value])
