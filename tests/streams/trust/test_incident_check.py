"""A copy of an old record of an incident does not count; one from a clock that is a little behind does."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from actions.trust.keys import FaultReason, KeyRing, PublicKey, SignatureError, Signer
from streams.contracts.envelopes import incident_message
from streams.contracts.signatures import sign_message
from streams.trust.authenticity import Authenticity
from streams.trust.incident_check import REPLAYED_AFTER_S, IncidentCheck
from tests.streams.fakes import T, incident, record_of

TOPIC, SOURCE = "tocsin.incidents", "/tocsin/test"
WORKER = Signer("w1", Ed25519PrivateKey.generate())
KEYS = Authenticity(KeyRing([PublicKey("w1", WORKER.private.public_key(), frozenset({"watch"}))]), SOURCE)


def fault(check: IncidentCheck, at_s: float, name: str = "inc-1") -> FaultReason | None:
    """Why a record of an incident that a worker wrote at this time does not count; None where it does."""
    message = sign_message(TOPIC, incident_message(incident(id=name), SOURCE, at_s), WORKER)
    try:
        check.check(TOPIC, record_of(message, TOPIC), name)
    except SignatureError as error:
        return error.reason
    return None


def test_what_is_much_older_than_what_was_read_of_the_same_incident_does_not_count() -> None:
    check = IncidentCheck(KEYS, lambda: T + 1e6)
    times_s = (T, T + 500.0, T + 500.0, T + 501.0 - REPLAYED_AFTER_S, T + 499.0 - REPLAYED_AFTER_S, T)
    assert [fault(check, at_s) for at_s in times_s] == [None, None, None, None, "replayed", "replayed"]
    assert fault(check, T, "inc-2") is None


def test_a_worker_whose_clock_was_ahead_for_a_while_is_believed_afterwards() -> None:
    check = IncidentCheck(KEYS, lambda: T)
    assert [fault(check, at_s) for at_s in (T + 86_400.0, T + 1.0)] == [None, None]


def test_without_keys_nothing_is_known_of_times_and_everything_counts() -> None:
    check = IncidentCheck(Authenticity(KeyRing(), SOURCE), lambda: T + 1e6)
    assert [fault(check, at_s) for at_s in (T + 5_000.0, T)] == [None, None]


def test_what_is_not_signed_does_not_count() -> None:
    message = incident_message(incident(id="inc-1"), SOURCE, T)
    with pytest.raises(SignatureError, match="no header"):
        IncidentCheck(KEYS, lambda: T).check(TOPIC, record_of(message, TOPIC), "inc-1")
