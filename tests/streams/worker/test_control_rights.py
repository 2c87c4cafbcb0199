"""What a person wants counts only where the roles of the person count, whatever was read first."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from actions.trust.keys import KeyRing, PublicKey, Signer
from classifiers.by_hand import Assign, Resolve
from classifiers.directives import Acknowledge, Expire, Matcher, OfPerson, Silence
from streams.contracts.envelopes import incident_message, read_audit
from streams.contracts.signatures import sign_message
from streams.trust.authenticity import Authenticity
from streams.trust.silence_records import SilenceRecords
from tests.streams.contracts.people.signed_people import SOURCE, record
from tests.streams.contracts.signed import T, control_settings, received, signed
from tests.streams.fakes import incident, record_of
from tests.streams.records import FakeRecord
from tests.streams.worker.control_fixture import ControlFixture
from tests.streams.worker.fixtures import TOPICS

OTHERS = ("ann",)
"""Owners of the service of the incidents; ben is none of them."""


def silence_of(op: Literal["=", "=~"], service: str, by: str, lasts_s: float = 60.0) -> Silence:
    return Silence("sil-1", (Matcher("service", op, service),), T, T + lasts_s, by, "moving")


async def test_what_is_wanted_for_an_incident_waits_until_it_is_known_whose_roles_count() -> None:
    worker = ControlFixture(owners=OTHERS)
    asked: list[OfPerson] = [
        Resolve("inc-1", "ben", T), Assign("inc-1", "ben", "ben", T), Acknowledge("inc-1", "ben", T, T + 60.0),
    ]
    await worker.write_control(*(replace(record(each), offset=at) for at, each in enumerate(asked)))
    assert (worker.shards.directives, worker.audited()) == ([], [])
    await worker.write_incidents(incident(id="inc-1"))
    assert worker.shards.directives == []
    assert [event for _, event, _ in worker.audited()] == ["refused"] * 3
    assert worker.counted("not_allowed") == "3.0"


async def test_what_waited_counts_once_its_incident_is_told() -> None:
    worker, resolve = ControlFixture(owners=("ben",)), Resolve("inc-1", "ben", T)
    await worker.write_control(record(resolve))
    assert worker.shards.directives == []
    await worker.write_incidents(incident(id="inc-1"))
    await worker.write_incidents(incident(id="inc-1"))
    assert (worker.shards.directives, worker.audited()) == ([resolve], [(resolve.id, "accepted", "ben")])


async def test_who_may_nowhere_is_refused_without_waiting() -> None:
    worker = ControlFixture(owners=OTHERS)
    await worker.write_control(record(Resolve("inc-1", "mallory", T), "mallory"))
    assert [event for _, event, _ in worker.audited()] == ["refused"]


async def test_an_incident_that_has_ended_still_says_whose_roles_count() -> None:
    worker = ControlFixture(owners=OTHERS)
    await worker.write_incidents(incident(id="inc-1"), incident(id="inc-1", state="resolved", resolved_at_s=T))
    await worker.write_control(record(Resolve("inc-1", "ben", T)))
    assert (worker.shards.directives, worker.counted("not_allowed")) == ([], "1.0")


async def test_an_incident_that_the_role_worker_did_not_sign_opens_nothing_ends_nothing_and_gives_no_rights() -> None:
    made, mine = (Signer(name, Ed25519PrivateKey.generate()) for name in ("w1", "r1"))
    ring = KeyRing([
        PublicKey("w1", made.private.public_key(), frozenset({"watch"})),
        PublicKey("r1", mine.private.public_key(), frozenset({"respond"})),
    ])
    worker = ControlFixture(owners=OTHERS, authenticity=Authenticity(ring, SOURCE))
    true = incident(id="inc-1")
    await worker.write_told(true, made)
    forged = (
        replace(true, service="lab"), replace(true, state="resolved", resolved_at_s=T), incident(id="inc-2"),
    )
    for told in forged:
        await worker.write_told(told, None)
        await worker.write_told(told, mine)
    await worker.write_control(record(Resolve("inc-1", "ben", T)))
    assert (worker.shards.directives, [each.id for each in worker.shards.incidents]) == ([], ["inc-1"])
    worker.control.replay_to_shards()
    assert [(each.id, each.service, each.state) for each in worker.shards.incidents[1:]] == [("inc-1", "chat", "open")]
    assert worker.exposes('tocsin_records_unauthentic_total{reason="unsigned",record="incident"} 3.0')
    assert worker.exposes('tocsin_records_unauthentic_total{reason="wrong_use",record="incident"} 3.0')


@pytest.mark.parametrize(("silence", "reason"), [
    (Silence("sil-1", (Matcher("service", "=~", ".*"),), T, T + 60.0, "ana", ""), "fits several services"),
    (Silence("sil-1", (Matcher("service", "=", "chat"),), T, T + 60.0, "ana", ""), "ben may not silence"),
    (None, "unknown"),
])
async def test_who_does_not_own_all_that_is_silent_does_not_end_a_silence(
    silence: Silence | None, reason: str,
) -> None:
    worker = ControlFixture(owners=OTHERS)
    made = [] if silence is None else [received(signed(silence))]
    await worker.write_control(*made, record(Expire("sil-1", "ben", T)))
    assert worker.shards.directives == ([] if silence is None else [silence])
    assert reason in [read_audit(message.value) for message in worker.sent.on(TOPICS.audit)][-1].reason


async def test_where_no_service_has_owners_a_role_ends_a_silence_of_several_services() -> None:
    worker = ControlFixture(owners=())
    wide, ended = silence_of("=~", ".*", "ana"), Expire("sil-1", "ben", T)
    await worker.write_control(received(signed(wide)), record(ended))
    assert worker.shards.directives == [wide, ended]


@pytest.mark.parametrize("made", [
    received(signed(silence_of("=~", ".*", "ana"))), received(signed(silence_of("=", "chat", "ana"))),
    record(silence_of("=", "chat", "ben")), record(silence_of("=", "search", "ben")),
    record(silence_of("=", "search", "ben", control_settings().remember_s + 60.0)),
    record(silence_of("=~", "search", "ben")),
])
@pytest.mark.parametrize("owners", [OTHERS, ()])
@pytest.mark.parametrize("ended", [
    record(Expire("sil-1", "ben", T)), record(Expire("sil-2", "ben", T)), received(signed(Expire("sil-1", "ana", T))),
    record(Expire("sil-1", "mallory", T), "mallory"),
])
async def test_page_and_command_line_know_the_silences_and_ends_that_the_shards_apply(
    made: FakeRecord, owners: tuple[str, ...], ended: FakeRecord,
) -> None:
    worker = ControlFixture(owners=owners)
    await worker.write_control(made, ended)
    records = SilenceRecords(worker.config)
    found = [records.read(one) for one in (made, ended)]
    assert [one for one in found if one is not None] == worker.shards.directives


async def test_a_person_acknowledges_no_longer_than_the_configuration_allows() -> None:
    worker = ControlFixture()
    longest_s = control_settings().max_ack_s
    asked = [Acknowledge("inc-1", "ben", T, T + lasts_s) for lasts_s in (60.0, longest_s + 1.0, 1e300)]
    await worker.write_control(*(record(each) for each in asked))
    given = [each.until_s - T for each in worker.shards.directives if isinstance(each, Acknowledge)]
    assert given == [60.0, longest_s, longest_s]


async def test_a_copy_of_an_old_record_behind_a_newer_one_of_the_same_poll_does_not_count() -> None:
    made = Signer("w1", Ed25519PrivateKey.generate())
    ring = KeyRing([PublicKey("w1", made.private.public_key(), frozenset({"watch"}))])
    worker = ControlFixture(now_s=T + 500.0, authenticity=Authenticity(ring, SOURCE))
    told = incident(id="inc-1")
    old, new = (
        record_of(sign_message(TOPICS.incidents, incident_message(one, SOURCE, at_s), made), TOPICS.incidents)
        for one, at_s in ((told, T), (replace(told, severity="P0"), T + 400.0))
    )
    await worker.control.process(TOPICS.incidents, [old, new, old])
    assert [each.severity for each in worker.shards.incidents] == ["P0"]
    assert worker.exposes('tocsin_records_unauthentic_total{reason="replayed",record="incident"} 1.0')
