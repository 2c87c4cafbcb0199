"""A control consumer with recording shards and targets, and the people it knows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from actions.trust.keys import Signer, public_text
from classifiers.by_hand import ForTargets
from classifiers.directives import Directive
from classifiers.incidents.dependencies import Dependency
from classifiers.model import Incident
from classifiers.viewing_by_hand import Watch
from config import load
from config.models import Service
from config.trust.sections import Person
from streams.contracts.envelopes import incident_message, read_audit
from streams.contracts.signatures import sign_message
from streams.intake.kafka_record import ConsumerRecord
from streams.trust.authenticity import Authenticity
from streams.worker.control_consumer import ControlConsumer
from tests.streams.contracts.people.signed_people import BEN, MALLORY, SOURCE
from tests.streams.contracts.signed import T, control_settings
from tests.streams.fakes import record_of
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
        owners: tuple[str, ...] = (), authenticity: Authenticity | None = None,
    ) -> None:
        super().__init__(now_s=now_s, failing=failing, authenticity=authenticity)
        self.shards = RecordingShards()
        self.asked: list[ForTargets] = []
        config = load(None, {})
        people = {name: Person.model_validate(one) for name, one in PEOPLE.items()}
        services = tuple(
            Service(match=name, tier=1, owners=owned) for name, owned in (("chat", owners), ("*", ()))
        )
        triage = replace(config.triage, dependencies=(Dependency("chat", ("db",)),) if explains else ())
        self.config = config.model_copy(update={
            "kafka": config.kafka.model_copy(update={"group": "test"}), "control": control_settings(),
            "triage": triage, "people": people, "services": services,
        })
        self.control = ControlConsumer(self.shards, self.effects, self.config, self.ask)

    async def ask(self, directive: ForTargets) -> None:
        self.asked.append(directive)

    async def write_control(self, *records: ConsumerRecord) -> None:
        await self.control.process(TOPICS.control, records)

    async def write_incidents(self, *incidents: Incident) -> None:
        await self.control.process(TOPICS.incidents, [
            FakeRecord(incident_message(each, "/tocsin/test", T).value, at) for at, each in enumerate(incidents)
        ])

    async def write_told(self, told: Incident, signer: Signer | None) -> None:
        message = incident_message(told, SOURCE, T)
        signed_message = message if signer is None else sign_message(TOPICS.incidents, message, signer)
        await self.control.process(TOPICS.incidents, [record_of(signed_message, TOPICS.incidents)])

    def audited(self) -> list[tuple[str, str, str | None]]:
        entries = [read_audit(message.value) for message in self.sent.on(TOPICS.audit)]
        return [(entry.subject, entry.event, entry.actor) for entry in entries]

    def counted(self, answer: str) -> str:
        text = self.telemetry.render().decode()
        (line,) = [each for each in text.splitlines() if f'tocsin_control_records_total{{answer="{answer}"}}' in each]
        return line.split()[-1]
