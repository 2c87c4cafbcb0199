"""What everybody must hear reaches every shard here, also one that comes later; what is not believed reaches none."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import pytest

from classifiers.directives import Directive, Expire
from classifiers.model import Incident
from config import load
from streams.contracts.envelopes import incident_message, read_audit
from streams.intake.codec import KafkaRecord
from streams.telemetry.traces import Tracing
from streams.worker.audit import Audit
from streams.worker.control_consumer import MAX_AUDITED, MAX_OPEN, MAX_SAID, ControlConsumer
from tests.streams.contracts.signed import DIRECTIVES, T, control_settings, received, signed
from tests.streams.fakes import SentMessages, incident, telemetry
from tests.streams.records import FakeRecord
from tests.streams.worker.test_batch_processor import Office

TOPICS = load(None, {}).topics


class Listeners:
    """Shards that write down what they are told."""

    def __init__(self) -> None:
        self.heard: list[Directive] = []
        self.foreigners: list[Incident] = []

    def hear(self, directives: Collection[Directive]) -> None:
        self.heard += directives

    async def foreign(self, incidents: Sequence[Incident]) -> None:
        self.foreigners += incidents


class BatchProcessor:
    """An intake, and everything around it."""

    def __init__(self, now_s: float = T + 1.0, failing: Exception | None = None) -> None:
        self.shards = Listeners()
        self.sent = SentMessages(failing)
        self.telemetry = telemetry()
        audit = Audit(self.sent, TOPICS.audit, "/tocsin/test", Tracing())
        self.intake = ControlConsumer(
            self.shards, control_settings(), TOPICS, audit, self.sent, self.telemetry, lambda: now_s,
        )

    async def say(self, *records: KafkaRecord) -> None:
        await self.intake.take(TOPICS.control, records)

    async def tell(self, *incidents: Incident) -> None:
        await self.intake.take(TOPICS.incidents, [
            FakeRecord(incident_message(each, "/tocsin/test", T).value, at) for at, each in enumerate(incidents)
        ])

    def audited(self) -> list[tuple[str, str, str | None]]:
        entries = [read_audit(message.value) for message in self.sent.on(TOPICS.audit)]
        return [(entry.subject, entry.event, entry.actor) for entry in entries]

    def counted(self, answer: str) -> str:
        text = self.telemetry.render().decode()
        (line,) = [each for each in text.splitlines() if f'tocsin_control_records_total{{answer="{answer}"}}' in each]
        return line.split()[-1]


async def test_what_is_believed_is_told_and_written_down_once_whoever_says_it() -> None:
    desk = BatchProcessor()
    await desk.say(received(signed(DIRECTIVES[0])), received(signed(DIRECTIVES[4])))
    assert desk.shards.heard == [DIRECTIVES[0], DIRECTIVES[4]]
    assert desk.audited() == [(DIRECTIVES[0].id, "believed", "ana"), (DIRECTIVES[4].id, "believed", None)]
    ids = {dict(message.headers)["ce_id"] for message in desk.sent.on(TOPICS.audit)}
    other = BatchProcessor(now_s=T + 50.0)
    await other.say(received(signed(DIRECTIVES[4])), received(signed(DIRECTIVES[0])))
    assert {dict(message.headers)["ce_id"] for message in other.sent.on(TOPICS.audit)} == ids


async def test_what_is_forged_is_counted_and_written_down_and_told_to_nobody() -> None:
    desk = BatchProcessor()
    await desk.say(received(signed(DIRECTIVES[0], secret="somebody else's secret")), received(signed(DIRECTIVES[2])))
    assert desk.shards.heard == [DIRECTIVES[2]]
    assert desk.audited() == [("tocsin.control[0]@0", "refused", None), (DIRECTIVES[2].id, "believed", "ana")]
    assert (desk.counted("bad_signature"), desk.counted("believed"), desk.counted("unsigned")) == ("1.0", "1.0", "0.0")
    await desk.intake.brief()
    assert desk.shards.heard == [DIRECTIVES[2], DIRECTIVES[2]]


async def test_a_flood_of_forgeries_does_not_flood_the_audit() -> None:
    desk = BatchProcessor()
    await desk.say(*[received(signed(DIRECTIVES[0], secret="somebody else's secret"))] * (MAX_AUDITED + 5))
    assert len(desk.audited()) == MAX_AUDITED
    assert desk.counted("bad_signature") == f"{MAX_AUDITED + 5}.0"


async def test_what_is_read_again_long_after_is_told_and_not_written_down_again() -> None:
    desk = BatchProcessor(now_s=T + 3601.0)
    await desk.say(received(signed(DIRECTIVES[0])))
    assert (desk.shards.heard, desk.audited()) == ([DIRECTIVES[0]], [])


async def test_what_cannot_be_written_down_counts_all_the_same() -> None:
    desk = BatchProcessor(failing=ConnectionError("gone"))
    await desk.say(received(signed(DIRECTIVES[0])))
    assert desk.shards.heard == [DIRECTIVES[0]]
    assert desk.sent.events[-1] == "forgot control"


async def test_shards_hear_of_incidents_and_newcomers_of_those_that_are_open() -> None:
    desk = BatchProcessor()
    one, other = incident(id="inc-1"), incident(id="inc-2", severity="P1")
    over = replace(one, state="resolved", resolved_at_s=T + 9.0)
    await desk.tell(one, other, over)
    assert [(each.id, each.state) for each in desk.shards.foreigners] == [("inc-1", "resolved"), ("inc-2", "open")]
    await desk.intake.brief()
    assert [each.id for each in desk.shards.foreigners[2:]] == ["inc-2"]


@pytest.mark.parametrize("value", [None, b"{", b'{"id": 3}'])
async def test_an_incident_that_cannot_be_read_is_passed_over(value: bytes | None) -> None:
    desk = BatchProcessor()
    await desk.intake.take(TOPICS.incidents, [FakeRecord(value)])
    assert desk.shards.foreigners == []


async def test_what_it_remembers_for_newcomers_is_bounded_and_the_oldest_give_way() -> None:
    desk = BatchProcessor(now_s=T + 1e6)
    await desk.tell(*(incident(id=f"inc-{number}") for number in range(MAX_OPEN + 2)))
    await desk.say(*(received(signed(Expire(f"s{number}", "ana", T))) for number in range(MAX_SAID + 2)))
    told, heard = len(desk.shards.foreigners), len(desk.shards.heard)
    await desk.intake.brief()
    assert [each.id for each in desk.shards.foreigners[told:][:1]] == ["inc-2"]
    assert [each.id for each in desk.shards.heard[heard:][:1]] == ["expire/s2"]
    assert (len(desk.shards.foreigners) - told, len(desk.shards.heard) - heard) == (MAX_OPEN, MAX_SAID)


async def test_a_desk_tells_its_shards_and_heeds_what_it_was_told() -> None:
    office = Office()
    shard = await office.open()
    office.desk.hear([DIRECTIVES[0], DIRECTIVES[2]])
    shard.directives.apply_due(T + 1.0)
    assert shard.directives.annotate(incident(tenant="batch-7"), T + 1.0)[0].silenced_by == "s1"
    await office.desk.foreign([incident(id="inc-9")])
    assert office.sent.on(TOPICS.incidents) == []
