"""The control log in memory: what would be written, for tests of the paths by which people act."""

from __future__ import annotations

from actions.trust.keys import Signer
from classifiers.directives import OfPerson
from classifiers.model import AuditEntry
from streams.contracts.envelopes import Message
from streams.respond.http.control_log import ControlLog
from tests.actions.approvals.cases import SOURCE
from tests.streams.worker.fixtures import TOPICS


class WrittenLog(ControlLog):
    """Keeps what would be written: as directives and entries, and as the signed records, each with its topic."""

    def __init__(self, signer: Signer | None) -> None:
        super().__init__({}, TOPICS, SOURCE, signer)
        self.written: list[OfPerson] = []
        self.refusals: list[AuditEntry] = []
        self.records: list[tuple[str, Message]] = []

    async def write(self, directive: OfPerson) -> None:
        await super().write(directive)
        self.written.append(directive)

    async def refused(self, entry: AuditEntry) -> None:
        await super().refused(entry)
        self.refusals.append(entry)

    async def _send(self, topic: str, message: Message) -> None:
        self.records.append((topic, message))
