"""Control records by which people act: signed with Ed25519 by the person, or by the role respond for the person.

What came by the command line (`via: cli`) has the signature of a personal key, and its author must be the person of
that key. What came over HTTP or Slack has the signature of a key of `respond`, which knows who it was. A record that is
signed with HMAC is refused here. An acknowledgement, a silence and its end may be signed either way. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast, get_args

import orjson

from actions.trust.keys import KeyRing, SignatureError, Signer, Use
from classifiers.directives import Acknowledge, Expire, OfPerson, Silence
from streams.contracts.catalogue import ACKNOWLEDGE, BY_HAND, EXPIRE, SILENCE
from streams.contracts.control_records import (
    KEY_HEADER,
    MAX_BYTES,
    ControlRecord,
    ControlRecordError,
    message_type_of,
    read_directive,
    written_s,
)
from streams.contracts.envelopes import Message, envelope
from streams.contracts.signatures import sign_message, verify_record

ACKNOWLEDGEMENT = ACKNOWLEDGE.event_type.encode()
REQUIRED = ("ce_type", "ce_id", "ce_time", "ce_source", "ce_subject")
EITHER_WAY = frozenset({ACKNOWLEDGEMENT, SILENCE.event_type.encode(), EXPIRE.event_type.encode()})
TYPES = frozenset(kind.event_type.encode() for kind in BY_HAND)


def is_by_hand(record: ControlRecord, ring: KeyRing) -> bool:
    """Whether a control record is to be verified here: by its type, or by its key where it may be signed either way."""
    headers = dict(record.headers)
    kind = headers.get("ce_type")
    if kind in EITHER_WAY:
        signed_by = (headers.get(KEY_HEADER) or b"").decode(errors="replace")
        return any(key.id == signed_by for key in ring.keys)
    return kind in TYPES


def sign_by_hand(
    directive: OfPerson, topic: str, source: str, written_at_s: float, signer: Signer,
) -> Message:
    """The signed record of a directive, for this control topic. written_at_s: now, seconds since the epoch."""
    kind = message_type_of(directive)
    headers = envelope(kind, directive.id, source, written_at_s, directive.subject, directive.subject)
    message = Message(directive.subject.encode(), orjson.dumps(directive), headers)
    return sign_message(topic, message, signer)


def verify_by_hand(
    record: ControlRecord, topic: str, source: str, ring: KeyRing, max_skew_s: float,
) -> OfPerson:
    """The directive of a record whose signature, signer, deployment and age are valid; raises `ControlRecordError`.

    source: of this deployment; a record that was made for another one is refused.
    """
    headers = {name: text for name, text in record.headers if text is not None}
    if not len(ring):
        raise ControlRecordError("no_keys", "no person has a key: every record by which people act is refused")
    missing = [name for name in REQUIRED if name not in headers]
    if missing:
        raise ControlRecordError("unsigned", f"no header {missing[0]}, expected a signed record")
    if len(record.value or b"") > MAX_BYTES:
        raise ControlRecordError("malformed", f"{len(record.value or b'')} bytes, expected at most {MAX_BYTES}")
    _, directive = read_directive(headers, record.value or b"")
    assert isinstance(directive, get_args(OfPerson))
    directive = cast(OfPerson, directive)
    dated_s = record.timestamp / 1000.0
    try:
        key = verify_record(topic, record, ring, _use(directive, headers, ring), dated_s)
    except SignatureError as error:
        raise ControlRecordError("bad_signature", str(error)) from None
    if "person" in key.uses and key.person != directive.by:
        raise ControlRecordError("not_allowed", f"by {directive.by!r}, signed by {key.person!r}, expected one person")
    if headers.get("ce_source") != source.encode():
        raise ControlRecordError("not_allowed", f"made for another deployment, expected {source}")
    off_s = dated_s - written_s(headers)
    if abs(off_s) > max_skew_s or abs(directive.at_s - written_s(headers)) > max_skew_s:
        raise ControlRecordError("stale", f"dated {off_s:+.0f} s from when it was written, expected {max_skew_s:g} s")
    return directive


def _use(directive: OfPerson, headers: Mapping[str, bytes], ring: KeyRing) -> Use:
    """For what the key must be: that of a person on the command line, else that of `respond`."""
    if isinstance(directive, Acknowledge | Silence | Expire):
        signed_by = headers.get(KEY_HEADER, b"").decode(errors="replace")
        is_personal = any(key.id == signed_by and key.person is not None for key in ring.keys)
    else:
        is_personal = directive.via == "cli"
    return "person" if is_personal else "respond"
