"""A control record is applied if a known key signed exactly it, lately, and for no longer than is allowed."""

from __future__ import annotations

import hashlib
import hmac
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.directives import Acknowledge, Directive, Matcher, Silence
from config.models import ControlSection
from streams.contracts.control_records import ControlRecordError, RefusalReason, canonical, parse, verify
from streams.contracts.envelopes import Message
from tests.streams.contracts.signed import DIRECTIVES, OPS, SECRET, T, control_settings, received, signed
from tests.streams.records import FakeRecord


def refusal(of: FakeRecord, settings: ControlSection) -> RefusalReason:
    with pytest.raises(ControlRecordError) as raised:
        verify(of, settings)
    return raised.value.reason


@pytest.mark.parametrize("directive", DIRECTIVES, ids=lambda each: type(each).__name__)
def test_a_signed_directive_is_read_as_it_was_written(directive: Directive) -> None:
    message = signed(directive)
    verified = verify(received(message), control_settings())
    assert (verified.directive, verified.key) == (directive, "ops")
    assert message.key == directive.subject.encode()


def test_the_signature_can_be_made_with_nothing_but_hmac() -> None:
    message = signed(DIRECTIVES[1])
    headers = dict(message.headers)
    text = (
        b"24:tocsin.control.expire.v1,9:expire/s1,24:2026-11-23T07:46:40.000Z,2:s1,3:ops,"
        b'56:{"silence_id":"s1","by":"ana","at_s":1795420000.0,"comment":""},'
    ).replace(b"56:", b"%d:" % len(message.value or b""))
    assert canonical(headers, message.value or b"") == text
    assert headers["tocsin-signature"].decode() == hmac.new(SECRET.encode(), text, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(("headers", "reason"), [
    ({"tocsin-signature": None}, "unsigned"), ({"tocsin-key": None}, "unsigned"), ({"ce_time": None}, "unsigned"),
    ({"tocsin-key": b"other"}, "unknown_key"), ({"tocsin-signature": b"0" * 64}, "bad_signature"),
    ({"tocsin-signature": b"\xff\xfe"}, "bad_signature"), ({"ce_id": b"another"}, "bad_signature"),
    ({"ce_type": b"tocsin.control.expire.v1"}, "bad_signature"), ({"ce_subject": b"s2"}, "bad_signature"),
    ({"ce_time": b"2026-11-24T07:46:40.000Z"}, "bad_signature"),
])
def test_a_record_that_is_not_exactly_what_was_signed_is_refused(
    headers: dict[str, bytes | None], reason: RefusalReason,
) -> None:
    assert refusal(received(signed(DIRECTIVES[0]), headers), control_settings()) == reason


def test_other_data_under_the_same_signature_is_refused() -> None:
    message = signed(DIRECTIVES[0])
    assert message.value is not None
    other = replace(message, value=message.value.replace(b"batch-.*", b".*......"))
    assert len(other.value or b"") == len(message.value)
    assert refusal(received(other), control_settings()) == "bad_signature"


def test_without_a_key_everything_is_refused() -> None:
    assert refusal(received(signed(DIRECTIVES[0])), control_settings().model_copy(update={"keys": {}})) == "no_keys"


def test_a_key_is_replaced_without_a_gap() -> None:
    new = "another long enough secret"
    both = control_settings(ops=OPS, ops2={"secret": new})
    assert verify(received(signed(DIRECTIVES[0])), both).key == "ops"
    assert verify(received(signed(DIRECTIVES[0], "ops2", new)), both).key == "ops2"
    assert refusal(received(signed(DIRECTIVES[0], "ops2", SECRET)), both) == "bad_signature"


def test_a_key_signs_only_what_it_may() -> None:
    pipeline = control_settings(ops={**OPS, "may": ["deployment"]})
    assert verify(received(signed(DIRECTIVES[4])), pipeline).directive == DIRECTIVES[4]
    assert refusal(received(signed(DIRECTIVES[0])), pipeline) == "not_allowed"


@pytest.mark.parametrize("dated_s", [T - 301.0, T + 301.0])
def test_a_record_that_the_broker_dates_otherwise_is_refused(dated_s: float) -> None:
    assert refusal(received(signed(DIRECTIVES[2]), dated_s=dated_s), control_settings()) == "stale"


def test_an_acknowledgement_from_the_future_is_refused() -> None:
    assert refusal(received(signed(Acknowledge("inc-1", "ana", T + 301.0, T + 400.0))), control_settings()) == "stale"


@pytest.mark.parametrize("directive", [
    Acknowledge("inc-1", "ana", T, T + 86_401.0),
    Silence("s1", (Matcher("service", "=", "chat"),), T + 80 * 86_400.0, T + 91 * 86_400.0, "ana", ""),
])
def test_a_directive_that_is_in_force_for_too_long_is_refused(directive: Directive) -> None:
    assert refusal(received(signed(directive)), control_settings()) == "too_long"


def resigned(message: Message, value: bytes, **headers: bytes) -> FakeRecord:
    """The message with another value and headers, signed with the right key."""
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
def test_a_malformed_record_is_refused_although_it_is_signed(value: bytes, headers: dict[str, bytes]) -> None:
    assert refusal(resigned(signed(DIRECTIVES[1]), value, **headers), control_settings()) == "malformed"


def test_a_refusal_names_the_field() -> None:
    with pytest.raises(ControlRecordError, match=r"silence: until_s 1\.0, expected a time after from_s 2\.0"):
        parse("tocsin.control.silence.v1", b'{"id": "s", "matchers": [{"name": "service", "op": "=", "value": "a"}], '
                                           b'"from_s": 2.0, "until_s": 1.0, "by": "ana", "comment": ""}')


NAMES = st.sampled_from(["ce_type", "ce_id", "ce_time", "ce_subject", "tocsin-key", "tocsin-signature", "other"])


@given(
    headers=st.lists(st.tuples(NAMES, st.none() | st.binary(max_size=40))), value=st.none() | st.binary(max_size=80),
    dated_ms=st.integers(-(2**63), 2**63 - 1), is_signed=st.booleans(),
)
def test_any_record_is_verified_or_refused(
    headers: list[tuple[str, bytes | None]], value: bytes | None, dated_ms: int, is_signed: bool,
) -> None:
    """No record may stop the consumer: an exception would cost the other records of its batch."""
    given_headers = dict(headers)
    if is_signed:
        known = {name: text or b"" for name, text in {**dict(signed(DIRECTIVES[1]).headers), **given_headers}.items()}
        known["tocsin-key"] = b"ops"
        signature = hmac.new(SECRET.encode(), canonical(known, value or b""), hashlib.sha256).hexdigest()
        given_headers = {**known, "tocsin-signature": signature.encode()}
    strange = FakeRecord(value, 0, "tocsin.control", 0, dated_ms, None, tuple(given_headers.items()))  # type: ignore[arg-type]
    with suppress(ControlRecordError):
        assert verify(strange, control_settings()).key == "ops"
