"""Control records on the wire: CloudEvents of type `tocsin.control.*`, believed only if their signature holds.

The signature is HMAC-SHA256 over `canonical` (type, id, time, subject, key and data), in hexadecimal, in the header
`tocsin-signature`; `tocsin-key` names the key. Several keys may be valid at once, so that one can be replaced without a
gap, and a key may be limited to some types. Whatever is unsigned, wrongly signed, older or newer than the broker's date
allows, or too long in force is refused with the reason; with no keys configured, everything is. Pure.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, cast

import orjson
from pydantic import TypeAdapter, ValidationError

from classifiers.directives import Acknowledge, Directive, Silence
from config.models import Control
from streams.contracts.catalogue import CONTROL, MessageType
from streams.contracts.envelopes import Header, Message, envelope

Refusal = Literal[
    "no_keys", "unsigned", "unknown_key", "bad_signature", "not_allowed", "stale", "too_long", "malformed",
]
KEY_HEADER = "tocsin-key"
SIGNATURE_HEADER = "tocsin-signature"
SIGNED = ("ce_type", "ce_id", "ce_time", "ce_subject", KEY_HEADER)
"""The headers under the signature, in their order there; the value comes last."""
MAX_BYTES = 65_536

_KIND_OF = {kind.model: kind for kind in CONTROL}
_READERS = {
    kind.event_type.encode(): (kind.name.removeprefix("control."), TypeAdapter(cast("type[Directive]", kind.model)))
    for kind in CONTROL
}


class Refused(ValueError):  # noqa: N818
    """A control record that is not applied; `why` is its kind, for counting."""

    def __init__(self, why: Refusal, text: str) -> None:
        self.why = why
        super().__init__(text)


class ControlRecord(Protocol):
    """What is read of a Kafka record. timestamp: milliseconds since the epoch, as the broker or the writer dated it."""

    @property
    def timestamp(self) -> int: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[Header]: ...


@dataclass(frozen=True, slots=True)
class Said:
    """A directive that may be believed. key: the name of the one that signed it."""

    directive: Directive
    key: str


def kind_of(directive: Directive) -> MessageType:
    """The message type that carries a directive."""
    return _KIND_OF[type(directive)]


def name_of(directive: Directive) -> str:
    """The kind of a directive, as `keys.*.may` lists it: `silence`, `expire` and so on."""
    return kind_of(directive).name.removeprefix("control.")


def sign(directive: Directive, key: str, secret: bytes, source: str, written_s: float) -> Message:
    """The record that carries a directive, signed. written_s: now, seconds since the epoch."""
    value = orjson.dumps(directive)
    kind = kind_of(directive)
    headers = envelope(kind, directive.id, source, written_s, directive.subject, directive.subject)
    named = (*headers, (KEY_HEADER, key.encode()))
    signature = _signature(secret, canonical(dict(named), value))
    return Message(directive.subject.encode(), value, (*named, (SIGNATURE_HEADER, signature.encode())))


def verify(record: ControlRecord, trust: Control) -> Said:
    """The directive of a record; raises `Refused`. About 50 us."""
    headers = {name: text for name, text in record.headers if text is not None}
    value = record.value or b""
    key = _checked_signature(headers, value, trust)
    name, directive = _read(headers, value)
    if name not in trust.keys[key].may:
        raise Refused("not_allowed", f"signed by {key!r}, expected a key that may sign {name}")
    _check_age(record.timestamp / 1000.0, _written_s(headers), trust)
    _check_length(directive, _written_s(headers), trust)
    return Said(directive, key)


def canonical(headers: Mapping[str, bytes], value: bytes) -> bytes:
    """What is signed: the headers of `SIGNED` and the value, each as its length in bytes, a colon, itself and a comma.

    >>> canonical({"ce_type": b"t", "ce_id": b"i", "ce_time": b"now", "ce_subject": b"s", "tocsin-key": b"k"}, b"{}")
    b'1:t,1:i,3:now,1:s,1:k,2:{},'
    """
    parts = [*(headers[name] for name in SIGNED), value]
    return b"".join(b"%d:%s," % (len(part), part) for part in parts)


def parse(event_type: str, data: bytes) -> Directive:
    """A directive from the type and data of its event; raises `Refused`."""
    if event_type.encode() not in _READERS:
        expected = ", ".join(sorted(kind.decode() for kind in _READERS))
        raise Refused("malformed", f"type {event_type!r}, expected one of {expected}")
    try:
        return _READERS[event_type.encode()][1].validate_json(data, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "data"
        raise Refused("malformed", f"{place}: {first['msg'].removeprefix('Value error, ')}") from None


def _signature(secret: bytes, text: bytes) -> str:
    return hmac.new(secret, text, hashlib.sha256).hexdigest()


def _checked_signature(headers: Mapping[str, bytes], value: bytes, trust: Control) -> str:
    if not trust.keys:
        raise Refused("no_keys", "no key is configured under control.keys: nothing can be believed")
    missing = [name for name in (*SIGNED, SIGNATURE_HEADER) if name not in headers]
    if missing:
        raise Refused("unsigned", f"no header {missing[0]}, expected a signed record")
    if len(value) > MAX_BYTES:
        raise Refused("malformed", f"{len(value)} bytes, expected at most {MAX_BYTES}")
    name = headers[KEY_HEADER].decode(errors="replace")
    key = trust.keys.get(name)
    if key is None:
        raise Refused("unknown_key", f"signed by {name[:40]!r}, expected one of {', '.join(sorted(trust.keys))}")
    expected = _signature(key.secret.reveal().encode(), canonical(headers, value))
    if not hmac.compare_digest(expected.encode(), headers[SIGNATURE_HEADER]):
        raise Refused("bad_signature", f"the signature does not fit the record and the key {name!r}")
    return name


def _read(headers: Mapping[str, bytes], value: bytes) -> tuple[str, Directive]:
    directive = parse(headers["ce_type"].decode(errors="replace"), value)
    for name, expected in (("ce_id", directive.id), ("ce_subject", directive.subject)):
        if headers[name] != expected.encode():
            raise Refused("malformed", f"{name} {headers[name].decode(errors='replace')[:60]!r}, expected {expected!r}")
    return name_of(directive), directive


def _written_s(headers: Mapping[str, bytes]) -> float:
    text = headers["ce_time"].decode(errors="replace")
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise Refused("malformed", f"ce_time {text[:40]!r}, expected a time such as 2026-11-23T09:00:00Z") from None
    if when.tzinfo is None:
        raise Refused("malformed", f"ce_time {text!r}, expected a time with its zone")
    return when.timestamp()


def _check_age(dated_s: float, written_s: float, trust: Control) -> None:
    off_s = dated_s - written_s
    if abs(off_s) > trust.max_skew_s:
        raise Refused("stale", f"dated {off_s:+.0f} s from when it was written, expected within {trust.max_skew_s:g} s")


def _check_length(directive: Directive, written_s: float, trust: Control) -> None:
    """A repeated acknowledgement must be worthless soon, and a silence must not outlive what workers remember."""
    if isinstance(directive, Acknowledge):
        lasts_s, allowed_s = directive.until_s - directive.at_s, trust.max_ack_s
        if directive.at_s - written_s > trust.max_skew_s:
            raise Refused("stale", f"acknowledged {directive.at_s - written_s:.0f} s after it was written")
    elif isinstance(directive, Silence):
        lasts_s, allowed_s = directive.until_s - written_s, trust.remember_s
    else:
        return
    if lasts_s > allowed_s:
        raise Refused("too_long", f"in force for {lasts_s:.0f} s, expected at most {allowed_s:.0f} s")
