"""Control records on the wire: CloudEvents of type `tocsin.control.*`, applied only with a valid signature.

The signature is HMAC-SHA256 over `canonical` (type, id, time, subject, key and data), in hexadecimal, in the header
`tocsin-signature`; `tocsin-key` names the key. Several keys may be valid at once, so that a key can be replaced without
a gap. A key may be limited to some types. A record is refused, with a reason, when it is unsigned or wrongly signed,
when its time differs too much from the broker's, or when it is in force for too long. Without configured keys every
record is refused. Pure.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, Protocol, cast

import orjson
from pydantic import TypeAdapter, ValidationError

from classifiers.directives import Acknowledge, Directive, Silence
from classifiers.validation_errors import describe_first
from config.models import ControlSection
from streams.contracts.catalogue import CONTROL, MessageType
from streams.contracts.envelopes import Header, Message, envelope

RefusalReason = Literal[
    "no_keys", "unsigned", "unknown_key", "bad_signature", "not_allowed", "stale", "too_long", "malformed",
]
KEY_HEADER = "tocsin-key"
SIGNATURE_HEADER = "tocsin-signature"
SIGNED = ("ce_type", "ce_id", "ce_time", "ce_subject", KEY_HEADER)
"""The signed headers, in order; the value comes last."""
MAX_BYTES = 65_536

_KIND_OF = {kind.model: kind for kind in CONTROL}
_READERS = {
    kind.event_type.encode(): (kind.name.removeprefix("control."), TypeAdapter(cast("type[Directive]", kind.model)))
    for kind in CONTROL
}


class ControlRecordError(ValueError):
    """A control record that is refused. reason: for counting."""

    def __init__(self, reason: RefusalReason, text: str) -> None:
        self.reason = reason
        super().__init__(text)


class ControlRecord(Protocol):
    """The part of a Kafka record that is read. timestamp: of the broker or the writer, milliseconds since the epoch."""

    @property
    def timestamp(self) -> int: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[Header]: ...


@dataclass(frozen=True, slots=True)
class VerifiedDirective:
    """A directive with a valid signature. key: the name of the key that signed it."""

    directive: Directive
    key: str


def message_type_of(directive: Directive) -> MessageType:
    """The message type that carries a directive."""
    return _KIND_OF[type(directive)]


def kind_name(directive: Directive) -> str:
    """The kind of a directive, as `keys.*.may` lists it: `silence`, `expire` and so on."""
    return message_type_of(directive).name.removeprefix("control.")


def sign(directive: Directive, key: str, secret: bytes, source: str, written_s: float) -> Message:
    """The signed record of a directive. written_s: now, seconds since the epoch."""
    value = orjson.dumps(directive)
    kind = message_type_of(directive)
    headers = envelope(kind, directive.id, source, written_s, directive.subject, directive.subject)
    named = (*headers, (KEY_HEADER, key.encode()))
    signature = _signature(secret, canonical(dict(named), value))
    return Message(directive.subject.encode(), value, (*named, (SIGNATURE_HEADER, signature.encode())))


def verify(record: ControlRecord, control: ControlSection) -> VerifiedDirective:
    """The directive of a record whose signature, age and duration are valid; raises `ControlRecordError`. About 50
    us."""
    headers = {name: text for name, text in record.headers if text is not None}
    value = record.value or b""
    key = _checked_signature(headers, value, control)
    name, directive = read_directive(headers, value)
    if name not in control.keys[key].may:
        raise ControlRecordError("not_allowed", f"signed by {key!r}, expected a key that may sign {name}")
    _check_age(record.timestamp / 1000.0, written_s(headers), control)
    check_length(directive, written_s(headers), control)
    return VerifiedDirective(directive, key)


def canonical(headers: Mapping[str, bytes], value: bytes) -> bytes:
    """The signed text: the headers of `SIGNED` and the value, each as its length in bytes, a colon, itself and a comma.

    >>> canonical({"ce_type": b"t", "ce_id": b"i", "ce_time": b"now", "ce_subject": b"s", "tocsin-key": b"k"}, b"{}")
    b'1:t,1:i,3:now,1:s,1:k,2:{},'
    """
    parts = [*(headers[name] for name in SIGNED), value]
    return b"".join(b"%d:%s," % (len(part), part) for part in parts)


def parse(event_type: str, data: bytes) -> Directive:
    """A directive from the type and data of its event; raises `ControlRecordError`."""
    if event_type.encode() not in _READERS:
        expected = ", ".join(sorted(kind.decode() for kind in _READERS))
        raise ControlRecordError("malformed", f"type {event_type!r}, expected one of {expected}")
    try:
        return _READERS[event_type.encode()][1].validate_json(data, strict=True)
    except ValidationError as error:
        raise ControlRecordError("malformed", describe_first(error)) from None


def read_directive(headers: Mapping[str, bytes], value: bytes) -> tuple[str, Directive]:
    """The kind and the directive of a record that has all headers; raises `ControlRecordError`."""
    directive = parse(headers["ce_type"].decode(errors="replace"), value)
    for name, expected in (("ce_id", directive.id), ("ce_subject", directive.subject)):
        if headers[name] != expected.encode():
            found = headers[name].decode(errors="replace")[:60]
            raise ControlRecordError("malformed", f"{name} {found!r}, expected {expected!r}")
    return kind_name(directive), directive


def written_s(headers: Mapping[str, bytes]) -> float:
    """When a record was written, by its own time; raises `ControlRecordError`."""
    text = headers["ce_time"].decode(errors="replace")
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        example = "2026-11-23T09:00:00Z"
        raise ControlRecordError("malformed", f"ce_time {text[:40]!r}, expected a time such as {example}") from None
    if when.tzinfo is None:
        raise ControlRecordError("malformed", f"ce_time {text!r}, expected a time with its zone")
    return when.timestamp()


def at_most(given: Acknowledge, control: ControlSection) -> Acknowledge:
    """The acknowledgement of a person, cut to the longest that may be: buttons and vendors do not know that limit."""
    return replace(given, until_s=min(given.until_s, given.at_s + control.max_ack_s))


def _signature(secret: bytes, text: bytes) -> str:
    return hmac.new(secret, text, hashlib.sha256).hexdigest()


def _checked_signature(headers: Mapping[str, bytes], value: bytes, control: ControlSection) -> str:
    if not control.keys:
        raise ControlRecordError("no_keys", "no key is configured under control.keys: every record is refused")
    missing = [name for name in (*SIGNED, SIGNATURE_HEADER) if name not in headers]
    if missing:
        raise ControlRecordError("unsigned", f"no header {missing[0]}, expected a signed record")
    if len(value) > MAX_BYTES:
        raise ControlRecordError("malformed", f"{len(value)} bytes, expected at most {MAX_BYTES}")
    name = headers[KEY_HEADER].decode(errors="replace")
    key = control.keys.get(name)
    if key is None:
        known = ", ".join(sorted(control.keys))
        raise ControlRecordError("unknown_key", f"signed by {name[:40]!r}, expected one of {known}")
    expected = _signature(key.secret.reveal().encode(), canonical(headers, value))
    if not hmac.compare_digest(expected.encode(), headers[SIGNATURE_HEADER]):
        raise ControlRecordError("bad_signature", f"the signature does not fit the record and the key {name!r}")
    return name


def _check_age(dated_s: float, at_s: float, control: ControlSection) -> None:
    off_s = dated_s - at_s
    if abs(off_s) > control.max_skew_s:
        allowed = f"{control.max_skew_s:g} s"
        raise ControlRecordError("stale", f"dated {off_s:+.0f} s from when it was written, expected within {allowed}")


def check_length(directive: Directive, at_s: float, control: ControlSection) -> None:
    """Limit how long a directive is in force; raises `ControlRecordError`. at_s: when it was written.

    An acknowledgement that is replayed must have expired soon, and a silence must end while workers still remember it.
    """
    if isinstance(directive, Acknowledge):
        lasts_s, allowed_s = directive.until_s - directive.at_s, control.max_ack_s
        if directive.at_s - at_s > control.max_skew_s:
            raise ControlRecordError("stale", f"acknowledged {directive.at_s - at_s:.0f} s after it was written")
    elif isinstance(directive, Silence):
        lasts_s, allowed_s = directive.until_s - at_s, control.remember_s
    else:
        return
    if lasts_s > allowed_s:
        raise ControlRecordError("too_long", f"in force for {lasts_s:.0f} s, expected at most {allowed_s:.0f} s")
