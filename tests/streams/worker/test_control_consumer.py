"""A verified control record reaches every shard, also one that is assigned later; a rejected one reaches none."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace

import pytest

from actions.trust.keys import public_text
from classifiers.by_hand import ForTargets, Resolve, SetBreaker, Undo, Withdraw
from classifiers.directives import Directive, Expire, Matcher, Silence
from classifiers.incidents.dependencies import Dependency
from classifiers.model import Incident
from classifiers.viewing_by_hand import Watch
from config import load
from config.trust.sections import Person
from streams.contracts.envelopes import incident_message, read_audit
from streams.intake.kafka_record import ConsumerRecord
from streams.worker import control_consumer
from streams.worker.control_consumer import MAX_AUDITED, MAX_DIRECTIVES, MAX_OPEN_INCIDENTS, ControlConsumer
from tests.streams.contracts.people.signed_people import BEN, MALLORY, record
from tests.streams.contracts.signed import DIRECTIVES, T, control_settings, received, signed
from tests.streams.fakes import incident
from tests.streams.records import FakeRecord
from tests.streams.worker.fixtures import TOPICS, WorkerFixture


class RecordingShards:
    """Shards that keep what they were given."""

    def __init__(self) -> None:
        self.directives: list[Directive] = []
        self.incidents: list[Incident] = []
        self.watches: list[Watch] = []

    def add_directives(self, directives: Collection[Directive]) -> None:
        self.directives += directives

    def add_incidents(self, incidents: Sequence[Incident]) -> None:
        self.incidents += incidents

    def watch(self, asked: Collection[Watch]) -> None:
        self.watches += asked


PEOPLE = {
    name: {"roles": [role], "keys": [{"id": f"{name}-1", "public": public_text(key.public_key())}]}
    for name, role, key in (("ben", "responder", BEN), ("mallory", "viewer", MALLORY))
}


class ControlFixture(WorkerFixture):
    """A control consumer over recording shards and targets."""

    def __init__(
        self, now_s: float = T + 1.0, failing: Exception | None = None, explains: bool = True,
    ) -> None:
        super().__init__(now_s=now_s, failing=failing)
        self.shards = RecordingShards()
        self.asked: list[ForTargets] = []
        config = load(None, {})
        people = {name: Person.model_validate(one) for name, one in PEOPLE.items()}
        triage = replace(config.triage, dependencies=(Dependency("chat", ("db",)),) if explains else ())
        self.control = ControlConsumer(
            self.shards, self.effects,
            config.model_copy(update={"control": control_settings(), "triage": triage, "people": people}), self.ask,
        )

    async def ask(self, directive: ForTargets) -> None:
        self.asked.append(directive)

    async def write_control(self, *records: ConsumerRecord) -> None:
        await self.control.process(TOPICS.control, records)

    async def write_incidents(self, *incidents: Incident) -> None:
        await self.control.process(TOPICS.incidents, [
            FakeRecord(incident_message(each, "/tocsin/test", T).value, at) for at, each in enumerate(incidents)
        ])

    def audited(self) -> list[tuple[str, str, str | None]]:
        entries = [read_audit(message.value) for message in self.sent.on(TOPICS.audit)]
        return [(entry.subject, entry.event, entry.actor) for entry in entries]

    def counted(self, answer: str) -> str:
        text = self.telemetry.render().decode()
        (line,) = [each for each in text.splitlines() if f'tocsin_control_records_total{{answer="{answer}"}}' in each]
        return line.split()[-1]


async def test_an_accepted_record_reaches_the_shards_and_is_audited_under_one_id_by_all_workers() -> None:
    worker = ControlFixture()
    await worker.write_control(received(signed(DIRECTIVES[0])), received(signed(DIRECTIVES[4])))
    assert worker.shards.directives == [DIRECTIVES[0], DIRECTIVES[4]]
    assert worker.audited() == [(DIRECTIVES[0].id, "accepted", "ana"), (DIRECTIVES[4].id, "accepted", None)]
    ids = {dict(message.headers)["ce_id"] for message in worker.sent.on(TOPICS.audit)}
    other = ControlFixture(now_s=T + 50.0)
    await other.write_control(received(signed(DIRECTIVES[4])), received(signed(DIRECTIVES[0])))
    assert {dict(message.headers)["ce_id"] for message in other.sent.on(TOPICS.audit)} == ids


async def test_a_forged_record_is_counted_and_audited_and_reaches_no_shard() -> None:
    worker = ControlFixture()
    forged = signed(DIRECTIVES[0], secret="somebody else's secret")
    await worker.write_control(received(forged), received(signed(DIRECTIVES[2])))
    assert worker.shards.directives == [DIRECTIVES[2]]
    assert worker.audited() == [("tocsin.control[0]@0", "refused", None), (DIRECTIVES[2].id, "accepted", "ana")]
    counts = [worker.counted(answer) for answer in ("bad_signature", "accepted", "unsigned")]
    assert counts == ["1.0", "1.0", "0.0"]
    worker.control.replay_to_shards()
    assert worker.shards.directives == [DIRECTIVES[2], DIRECTIVES[2]]


async def test_a_flood_of_forgeries_does_not_flood_the_audit() -> None:
    worker = ControlFixture()
    await worker.write_control(*[received(signed(DIRECTIVES[0], secret="somebody else's secret"))] * (MAX_AUDITED + 5))
    assert len(worker.audited()) == MAX_AUDITED
    assert worker.counted("bad_signature") == f"{MAX_AUDITED + 5}.0"


async def test_a_record_that_is_read_again_long_after_reaches_the_shards_and_is_not_audited_again() -> None:
    worker = ControlFixture(now_s=T + 3601.0)
    await worker.write_control(received(signed(DIRECTIVES[0])))
    assert (worker.shards.directives, worker.audited()) == ([DIRECTIVES[0]], [])


async def test_a_broker_that_does_not_acknowledge_the_audit_delays_no_later_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(control_consumer, "AUDIT_WAIT_S", 0.01)
    worker = ControlFixture()
    worker.sent.answers.clear()
    async with asyncio.timeout(10.0):
        await worker.write_control(received(signed(DIRECTIVES[0])))
        await worker.write_control(received(signed(DIRECTIVES[4])))
    assert worker.shards.directives == [DIRECTIVES[0], DIRECTIVES[4]]


async def test_a_record_that_cannot_be_audited_is_in_force_all_the_same() -> None:
    worker = ControlFixture(failing=ConnectionError("gone"))
    await worker.write_control(received(signed(DIRECTIVES[0])))
    assert worker.shards.directives == [DIRECTIVES[0]]
    assert worker.sent.events[-1] == "forgot control"


async def test_incidents_reach_the_shards_and_the_open_ones_reach_shards_assigned_later() -> None:
    worker = ControlFixture()
    one, other = incident(id="inc-1"), incident(id="inc-2", severity="P1")
    over = replace(one, state="resolved", resolved_at_s=T + 9.0)
    await worker.write_incidents(one, other, over)
    assert [(each.id, each.state) for each in worker.shards.incidents] == [("inc-1", "resolved"), ("inc-2", "open")]
    worker.control.replay_to_shards()
    assert [each.id for each in worker.shards.incidents[2:]] == ["inc-2"]


@pytest.mark.parametrize("value", [None, b"{", b'{"id": 3}'])
async def test_an_incident_that_cannot_be_read_is_skipped(value: bytes | None) -> None:
    worker = ControlFixture()
    await worker.control.process(TOPICS.incidents, [FakeRecord(value)])
    assert worker.shards.incidents == []


async def test_what_is_remembered_is_bounded_and_the_oldest_are_dropped() -> None:
    worker = ControlFixture(now_s=T + 1e6)
    await worker.write_incidents(*(incident(id=f"inc-{number}") for number in range(MAX_OPEN_INCIDENTS + 2)))
    expiries = [Expire(f"s{number}", "ana", T) for number in range(MAX_DIRECTIVES + 2)]
    await worker.write_control(*(received(signed(each)) for each in expiries))
    incidents, directives = len(worker.shards.incidents), len(worker.shards.directives)
    worker.control.replay_to_shards()
    assert [each.id for each in worker.shards.incidents[incidents:][:1]] == ["inc-2"]
    assert [each.id for each in worker.shards.directives[directives:][:1]] == ["expire/s2"]
    assert len(worker.shards.incidents) - incidents == MAX_OPEN_INCIDENTS
    assert len(worker.shards.directives) - directives == MAX_DIRECTIVES


async def test_without_dependencies_incidents_reach_no_shard_and_the_open_ones_are_known_by_their_shard() -> None:
    worker = ControlFixture(explains=False)
    messages = [incident_message(incident(id=f"inc-{shard}"), "/tocsin/test", T, shard) for shard in (0, 1)]
    over = incident_message(incident(id="inc-1", state="resolved", resolved_at_s=T + 1.0), "/tocsin/test", T, 1)
    await worker.control.process(TOPICS.incidents, [
        FakeRecord(each.value, at, headers=each.headers) for at, each in enumerate((*messages, over))
    ])
    assert worker.shards.incidents == []
    assert {shard: [each.id for each in found] for shard, found in worker.control.open_incidents().items()} == {
        0: ["inc-0"],
    }


async def test_what_a_person_may_do_goes_to_the_shards_or_to_the_targets() -> None:
    worker = ControlFixture()
    resolve, undo = Resolve("inc-1", "ben", T), Undo("throttle", "chat/v2", "ben", T)
    await worker.write_control(record(resolve), record(undo), record(Withdraw("k1", "ben", T)))
    assert (worker.shards.directives, worker.asked) == ([resolve], [undo])


async def test_what_the_role_does_not_allow_reaches_nobody_and_is_audited() -> None:
    worker = ControlFixture()
    await worker.write_control(
        record(Resolve("inc-1", "mallory", T), "mallory"), record(SetBreaker("chat/r0", "disable", "ben", T)),
    )
    assert (worker.shards.directives, worker.asked) == ([], [])
    entries = [read_audit(message.value) for message in worker.sent.on(TOPICS.audit)]
    assert [entry.event for entry in entries] == ["refused", "refused"]
    assert "expected the role responder" in entries[0].reason
    assert "expected the role approver" in entries[1].reason


async def test_a_command_to_a_target_that_is_read_again_long_after_is_not_carried_out() -> None:
    worker = ControlFixture(now_s=T + 7200.0)
    await worker.write_control(record(Undo("throttle", "chat/v2", "ben", T)))
    assert worker.asked == []


async def test_a_silence_that_is_signed_for_a_responder_reaches_the_shards_and_so_does_its_end() -> None:
    worker = ControlFixture()
    made = Silence("sil-1", (Matcher("service", "=", "chat"),), T, T + 3600.0, "ben", "moving")
    await worker.write_control(record(made), record(Expire("sil-1", "ben", T)))
    assert worker.shards.directives == [made, Expire("sil-1", "ben", T)]
    assert worker.audited() == [("sil-1", "accepted", "ben"), ("expire/sil-1", "accepted", "ben")]


@pytest.mark.parametrize(("matcher", "by", "lasts_s", "reason"), [
    (Matcher("service", "=", "chat"), "mallory", 60.0, "mallory may not silence, expected the role responder"),
    (Matcher("service", "=~", "c.*"), "ben", 60.0, "fits several services, expected a matcher service=NAME"),
    (Matcher("category", "=", "security"), "ben", 60.0, "fits several services"),
    (Matcher("service", "=", "chat"), "ben", 100 * 86_400.0, "in force for 8640000 s"),
])
async def test_a_silence_of_a_person_that_does_not_count_reaches_no_shard(
    matcher: Matcher, by: str, lasts_s: float, reason: str,
) -> None:
    worker = ControlFixture()
    await worker.write_control(record(Silence("sil-1", (matcher,), T, T + lasts_s, by, ""), by))
    assert worker.shards.directives == []
    (entry,) = [read_audit(message.value) for message in worker.sent.on(TOPICS.audit)]
    assert reason in entry.reason


def asked(by: str, until_s: float = T + 60.0) -> Watch:
    return Watch("chat", None, "latency_ms", "replica/r0", by, T, until_s, "cli")


async def test_what_a_viewer_asks_to_see_reaches_the_shards_beside_the_directives_while_it_lasts() -> None:
    worker = ControlFixture()
    await worker.write_control(record(asked("mallory"), "mallory"), record(asked("mallory", T + 0.5), "mallory"))
    assert worker.shards.watches == [asked("mallory")]
    worker.control.replay_to_shards()
    assert worker.shards.watches == [asked("mallory")] * 2
    assert worker.shards.directives == []
    later = ControlFixture(now_s=T + 90.0)
    await later.write_control(record(asked("mallory"), "mallory"))
    assert later.shards.watches == []
