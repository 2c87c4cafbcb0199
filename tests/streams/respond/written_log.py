"""The control log in memory: what would be written, for tests of the paths by which people act."""

from __future__ import annotations

from collections.abc import Callable

from actions.trust.keys import Signer
from classifiers.directives import OfPerson
from classifiers.model import AuditEntry
from streams.contracts.envelopes import Message
from streams.respond.http.control_log import ControlLog
from tests.actions.approvals.cases import SOURCE, T
from tests.streams.worker.fixtures import TOPICS


class WrittenLog(ControlLog):
    """Keeps what would be written: as directives and entries, and as the signed records, each with its topic."""

    def __init__(self, signer: Signer | None, now_s: Callable[[], float] = lambda: T) -> None:
        super().__init__({}, TOPICS, SOURCE, signer, now_s)
        self.written: list[OfPerson] = []
        self.refusals: list[AuditEntry] = []
        self.records: list[tuple[str, Message]] = []
        self.dated_ms: list[int | None] = []

    async def write(self, directive: OfPerson) -> None:
        await super().write(directive)
        self.written.append(directive)

    async def refused(self, entry: AuditEntry) -> None:
        await super().refused(entry)
        self.refusals.append(entry)

    async def _send(self, topic: str, message: Message, dated_ms: int | None = None) -> None:
        self.records.append((topic, message))
        self.dated_ms.append(dated_ms)
