"""A record by which a person acts counts if that person signed exactly it, lately, for this topic and deployment."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actions.trust.keys import KeyRing
from classifiers.by_hand import Resolve
from classifiers.directives import OfPerson
from streams.contracts.control_records import MAX_BYTES, ControlRecordError, RefusalReason, verify
from streams.contracts.people.records import is_by_hand, verify_by_hand
from tests.streams.contracts.people.signed_people import BY_HAND, RING, SOURCE, TOPIC, record
from tests.streams.contracts.signed import DIRECTIVES, T, control_settings, received, signed
from tests.streams.records import FakeRecord

RESOLVE = Resolve("inc-1", "ben", T)


def refusal(of: FakeRecord, ring: KeyRing = RING) -> RefusalReason:
    with pytest.raises(ControlRecordError) as raised:
        verify_by_hand(of, TOPIC, SOURCE, ring, 300.0)
    return raised.value.reason


@pytest.mark.parametrize("directive", BY_HAND, ids=lambda each: type(each).__name__)
def test_a_record_of_a_person_is_read_as_it_was_written(directive: OfPerson) -> None:
    written = record(directive)
    assert is_by_hand(written, RING)
    assert verify_by_hand(written, TOPIC, SOURCE, RING, 300.0) == directive


def test_what_came_over_http_is_signed_by_the_process_for_the_person() -> None:
    over_http = replace(RESOLVE, via="http")
    assert verify_by_hand(record(over_http, "respond"), TOPIC, SOURCE, RING, 300.0) == over_http


@pytest.mark.parametrize(("written", "reason"), [
    (record(RESOLVE, "mallory"), "not_allowed"), (record(RESOLVE, "respond"), "bad_signature"),
    (record(replace(RESOLVE, via="http")), "bad_signature"), (record(RESOLVE, topic="tocsin.other"), "bad_signature"),
    (record(RESOLVE, source="/tocsin/other"), "not_allowed"), (record(RESOLVE, dated_s=T + 400.0), "stale"),
    (record(replace(RESOLVE, at_s=T - 400.0)), "stale"),
    (record(RESOLVE, headers={"tocsin-signature": None}), "bad_signature"),
    (record(RESOLVE, headers={"tocsin-key": b"mallory-1"}), "bad_signature"),
    (record(RESOLVE, headers={"ce_id": b"another"}), "malformed"),
    (record(RESOLVE, headers={"ce_id": None}), "unsigned"),
    (record(RESOLVE, headers={"ce_time": b"2026-11-24T07:46:40.000Z"}), "bad_signature"),
], ids=["another person", "not by http", "not by key", "topic", "deployment", "late", "old", "unsigned", "other key",
        "other id", "no id", "other time"])
def test_any_other_record_is_refused(written: FakeRecord, reason: RefusalReason) -> None:
    assert refusal(written) == reason


def test_without_a_key_of_a_person_everything_is_refused() -> None:
    assert refusal(record(RESOLVE), KeyRing()) == "no_keys"


def test_a_record_that_is_too_long_is_refused_before_its_signature() -> None:
    assert refusal(replace(record(RESOLVE), value=b"x" * (MAX_BYTES + 1))) == "malformed"


def test_a_secret_that_several_know_signs_nothing_by_which_people_act() -> None:
    written = received(signed(RESOLVE))
    with pytest.raises(ControlRecordError) as raised:
        verify(written, control_settings())
    assert raised.value.reason == "not_allowed"
    assert is_by_hand(written, RING)
    assert refusal(written) == "bad_signature"


def test_an_acknowledgement_and_a_silence_with_a_secret_are_no_records_of_people() -> None:
    assert not is_by_hand(received(signed(DIRECTIVES[0])), RING)
    assert not is_by_hand(received(signed(DIRECTIVES[2])), RING)
