"""A control record is believed if a known key signed exactly this, lately, and for no longer than is allowed."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.directives import Acknowledge, Deployment, Directive, Expire, Feedback, Matcher, Silence
from config.models import Control
from streams.contracts.control_records import Refusal, Refused, canonical, parse, sign, verify
from streams.contracts.envelopes import Message
from tests.streams.records import FakeRecord

T = 1_795_420_000.0
SECRET = "correct horse battery"
SAID: list[Directive] = [
    Silence("s1", (Matcher("tenant", "=~", "batch-.*"),), T, T + 3600.0, "ana", "moving"),
    Expire("s1", "ana", T),
    Acknowledge("inc-1", "ana", T, T + 3600.0, "looking"),
    Feedback("f1", "inc-1", "ana", T, "availability", "P1", True, {"breadth": 0.5}, 120.0),
    Deployment("chat", "gpt", "v2", T),
]


OPS = {"secret": SECRET}


def trust(**keys: object) -> Control:
    """These keys; one that may sign everything where none is named."""
    return Control.model_validate({"keys": keys or {"ops": OPS}, "max_skew": "5m", "max_ack": "1d", "remember": "90d"})


def sealed(directive: Directive, key: str = "ops", secret: str = SECRET) -> Message:
    return sign(directive, key, secret.encode(), "/tocsin/test", T)


def record(
    message: Message, headers: Mapping[str, bytes | None] | None = None, dated_s: float = T + 0.05,
) -> FakeRecord:
    """What the broker hands over; headers replaced by name, None takes one out."""
    changed = {**dict(message.headers), **(headers or {})}
    kept = tuple((name, value) for name, value in changed.items() if value is not None)
    return FakeRecord(message.value, 0, "tocsin.control", 0, int(dated_s * 1000), message.key, kept)


def refusal(of: FakeRecord, trusting: Control) -> Refusal:
    with pytest.raises(Refused) as raised:
        verify(of, trusting)
    return raised.value.why


@pytest.mark.parametrize("directive", SAID, ids=lambda each: type(each).__name__)
def test_what_was_signed_is_read_as_it_was_said(directive: Directive) -> None:
    message = sealed(directive)
    said = verify(record(message), trust())
    assert (said.directive, said.key) == (directive, "ops")
    assert message.key == directive.subject.encode()


def test_the_signature_can_be_made_with_nothing_but_hmac() -> None:
    message = sealed(SAID[1])
    headers = dict(message.headers)
    signed = (
        b"24:tocsin.control.expire.v1,9:expire/s1,24:2026-11-23T07:46:40.000Z,2:s1,3:ops,"
        b'56:{"silence_id":"s1","by":"ana","at_s":1795420000.0},'
    ).replace(b"56:", b"%d:" % len(message.value or b""))
    assert canonical(headers, message.value or b"") == signed
    assert headers["tocsin-signature"].decode() == hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(("headers", "why"), [
    ({"tocsin-signature": None}, "unsigned"), ({"tocsin-key": None}, "unsigned"), ({"ce_time": None}, "unsigned"),
    ({"tocsin-key": b"other"}, "unknown_key"), ({"tocsin-signature": b"0" * 64}, "bad_signature"),
    ({"tocsin-signature": b"\xff\xfe"}, "bad_signature"), ({"ce_id": b"another"}, "bad_signature"),
    ({"ce_type": b"tocsin.control.expire.v1"}, "bad_signature"), ({"ce_subject": b"s2"}, "bad_signature"),
    ({"ce_time": b"2026-11-24T07:46:40.000Z"}, "bad_signature"),
])
def test_a_record_that_is_not_exactly_what_was_signed_is_refused(
    headers: dict[str, bytes | None], why: Refusal,
) -> None:
    assert refusal(record(sealed(SAID[0]), headers), trust()) == why


def test_other_data_under_the_same_signature_is_refused() -> None:
    message = sealed(SAID[0])
    assert message.value is not None
    other = replace(message, value=message.value.replace(b"batch-.*", b".*......"))
    assert len(other.value or b"") == len(message.value)
    assert refusal(record(other), trust()) == "bad_signature"


def test_without_a_key_everything_is_refused() -> None:
    assert refusal(record(sealed(SAID[0])), trust().model_copy(update={"keys": {}})) == "no_keys"


def test_a_key_is_replaced_without_a_gap() -> None:
    new = "another long enough secret"
    both = trust(ops=OPS, ops2={"secret": new})
    assert verify(record(sealed(SAID[0])), both).key == "ops"
    assert verify(record(sealed(SAID[0], "ops2", new)), both).key == "ops2"
    assert refusal(record(sealed(SAID[0], "ops2", SECRET)), both) == "bad_signature"


def test_a_key_signs_only_what_it_may() -> None:
    pipeline = trust(ops={**OPS, "may": ["deployment"]})
    assert verify(record(sealed(SAID[4])), pipeline).directive == SAID[4]
    assert refusal(record(sealed(SAID[0])), pipeline) == "not_allowed"


@pytest.mark.parametrize("dated_s", [T - 301.0, T + 301.0])
def test_a_record_that_the_broker_dates_otherwise_is_refused(dated_s: float) -> None:
    assert refusal(record(sealed(SAID[2]), dated_s=dated_s), trust()) == "stale"


def test_an_acknowledgement_from_the_future_is_refused() -> None:
    assert refusal(record(sealed(Acknowledge("inc-1", "ana", T + 301.0, T + 400.0))), trust()) == "stale"


@pytest.mark.parametrize("directive", [
    Acknowledge("inc-1", "ana", T, T + 86_401.0),
    Silence("s1", (Matcher("service", "=", "chat"),), T + 80 * 86_400.0, T + 91 * 86_400.0, "ana", ""),
])
def test_what_would_hold_longer_than_is_allowed_is_refused(directive: Directive) -> None:
    assert refusal(record(sealed(directive)), trust()) == "too_long"


def resigned(message: Message, value: bytes, **headers: bytes) -> FakeRecord:
    """Somebody with the key signs something else."""
    changed = {**dict(message.headers), **headers}
    signature = hmac.new(SECRET.encode(), canonical(changed, value), hashlib.sha256).hexdigest()
    changed["tocsin-signature"] = signature.encode()
    return FakeRecord(value, 0, "tocsin.control", 0, int(T * 1000), message.key, tuple(changed.items()))


@pytest.mark.parametrize(("value", "headers"), [
    (b"{", {}), (b'{"silence_id": "s1"}', {}), (b'{"silence_id": "s1", "by": "ana", "at_s": "now"}', {}),
    (b'{"silence_id": "", "by": "ana", "at_s": 1.0}', {}), (b'{"silence_id": "s2", "by": "ana", "at_s": 1.0}', {}),
    (b'{"silence_id": "s1", "by": "ana", "at_s": 1.0}', {"ce_type": b"tocsin.control.dance.v1"}),
    (b'{"silence_id": "s1", "by": "ana", "at_s": 1.0}', {"ce_time": b"yesterday"}),
    (b'{"silence_id": "s1", "by": "ana", "at_s": 1.0}', {"ce_time": b"2026-11-23T07:46:40"}),
    (b"x" * 65_537, {}),
])
def test_a_signature_does_not_make_sense_of_nonsense(value: bytes, headers: dict[str, bytes]) -> None:
    assert refusal(resigned(sealed(SAID[1]), value, **headers), trust()) == "malformed"


def test_a_refusal_names_the_field() -> None:
    with pytest.raises(Refused, match=r"silence: until_s 1\.0, expected a time after from_s 2\.0"):
        parse("tocsin.control.silence.v1", b'{"id": "s", "matchers": [{"name": "service", "op": "=", "value": "a"}], '
                                           b'"from_s": 2.0, "until_s": 1.0, "by": "ana", "comment": ""}')


NAMES = st.sampled_from(["ce_type", "ce_id", "ce_time", "ce_subject", "tocsin-key", "tocsin-signature", "other"])


@given(
    headers=st.lists(st.tuples(NAMES, st.none() | st.binary(max_size=40))), value=st.none() | st.binary(max_size=80),
    dated_ms=st.integers(-(2**63), 2**63 - 1), is_signed=st.booleans(),
)
def test_whatever_comes_is_believed_or_refused(
    headers: list[tuple[str, bytes | None]], value: bytes | None, dated_ms: int, is_signed: bool,
) -> None:
    """Who writes to the topic must not be able to stop the reader: one strange record would take others with it."""
    given_headers = dict(headers)
    if is_signed:
        known = {name: text or b"" for name, text in {**dict(sealed(SAID[1]).headers), **given_headers}.items()}
        known["tocsin-key"] = b"ops"
        signature = hmac.new(SECRET.encode(), canonical(known, value or b""), hashlib.sha256).hexdigest()
        given_headers = {**known, "tocsin-signature": signature.encode()}
    strange = FakeRecord(value, 0, "tocsin.control", 0, dated_ms, None, tuple(given_headers.items()))  # type: ignore[arg-type]
    with suppress(Refused):
        assert verify(strange, trust()).key == "ops"
