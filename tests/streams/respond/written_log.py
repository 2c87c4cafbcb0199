"""The control log in memory: what would be written, for tests of the paths by which people act."""

from __future__ import annotations

from actions.trust.keys import Signer
from classifiers.directives import OfPerson
from classifiers.model import AuditEntry
from streams.respond.http.control_log import ControlLog
from tests.actions.approvals.cases import SOURCE
from tests.streams.worker.fixtures import TOPICS


class WrittenLog(ControlLog):
    """Keeps what would be written."""

    def __init__(self, signer: Signer | None) -> None:
        super().__init__({}, TOPICS, SOURCE, signer)
        self.written: list[OfPerson] = []
        self.refusals: list[AuditEntry] = []

    async def write(self, directive: OfPerson) -> None:
        self.written.append(directive)

    async def refused(self, entry: AuditEntry) -> None:
        self.refusals.append(entry)
