"""The intake of what everybody must hear: control records, believed or refused, and the incidents of other shards.

What was said is remembered, so that a shard that comes to this worker is told it too. Guarantee on crash: nothing is
kept here, the reader hands it all over again. Guarantee on duplicate: a shard heeds a directive once, and an incident
that is told again changes nothing. Bounded by `MAX_SAID` directives and `MAX_OPEN` incidents, the oldest give way.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import Protocol

import structlog

from classifiers.directives import Deployment, Directive
from classifiers.model import AuditEntry, Incident
from config.models import Control, Topics
from streams.contracts.control_records import ControlRecordError, VerifiedDirective, kind_name, verify
from streams.contracts.envelopes import WireError, read_incident
from streams.intake.codec import KafkaRecord
from streams.kafka.producer import Publisher
from streams.telemetry.metrics import Telemetry
from streams.worker.audit import Audit

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.control")

OWNER = "control"
"""The publisher's account of what is written down here; no shard's offsets wait for it."""
MAX_SAID = 20_000
MAX_OPEN = 5_000
AUDIT_WITHIN_S = 3600.0
"""Older records were written down when they were young; they are read again at every start."""
MAX_AUDITED = 50
"""Refusals of one poll that are written down one by one: who floods the topic must not flood the audit as well."""


class Shards(Protocol):
    """Who is told. Both are idempotent."""

    def hear(self, directives: Collection[Directive]) -> None: ...

    async def foreign(self, incidents: Sequence[Incident]) -> None: ...


class ControlConsumer:
    """One worker's intake. now_s: wall clock, to tell old records from young ones."""

    def __init__(
        self, shards: Shards, trust: Control, topics: Topics, audit: Audit, publisher: Publisher,
        telemetry: Telemetry, now_s: Callable[[], float],
    ) -> None:
        self._shards = shards
        self._trust = trust
        self._topics = topics
        self._audit = audit
        self._publisher = publisher
        self._telemetry = telemetry
        self._now_s = now_s
        self._said: dict[str, Directive] = {}
        self._open: dict[str, Incident] = {}

    async def take(self, topic: str, records: Sequence[KafkaRecord]) -> None:
        """Records of the control topic or of the incidents; what cannot be read is passed over."""
        if topic == self._topics.control:
            await self._control(records)
        else:
            await self._incidents(records)

    async def brief(self) -> None:
        """Tell the shards everything again: some of them are new here."""
        self._shards.hear(self._said.values())
        await self._shards.foreign(list(self._open.values()))

    async def _control(self, records: Sequence[KafkaRecord]) -> None:
        entries: list[tuple[AuditEntry, str]] = []
        said: list[Directive] = []
        refused: list[str] = []
        for record in records:
            place = f"{record.topic}[{record.partition}]@{record.offset}"
            is_young = self._now_s() - record.timestamp / 1000.0 < AUDIT_WITHIN_S
            try:
                found = verify(record, self._trust)
            except ControlRecordError as error:
                self._telemetry.control(error.reason)
                refused.append(f"{place}: {error}")
                if is_young and len(refused) <= MAX_AUDITED:
                    entry = AuditEntry(record.timestamp / 1000.0, place, "refused", None, "refused", str(error))
                    entries.append((entry, place))
                continue
            self._telemetry.control("believed")
            said.append(found.directive)
            if is_young:
                entries.append((_believed(found, record.timestamp / 1000.0), found.directive.subject))
        if refused:
            log.warning("control_refused", count=len(refused), first=refused[0])
        self._remember(said)
        self._shards.hear(said)
        await self._write_down(entries)

    def _remember(self, said: Iterable[Directive]) -> None:
        for directive in said:
            self._said.setdefault(directive.id, directive)
        for old in list(self._said)[: max(0, len(self._said) - MAX_SAID)]:
            del self._said[old]

    async def _incidents(self, records: Sequence[KafkaRecord]) -> None:
        last: dict[str, Incident] = {}
        for record in records:
            if record.value is None:
                continue
            try:
                incident = read_incident(record.value)
            except WireError as error:
                log.warning("incident_passed_over", place=f"{record.partition}@{record.offset}", reason=str(error))
                continue
            # What it was judged by takes most of the room and concerns nobody else.
            last[incident.id] = replace(incident, factors=(), evidence=())
        for incident in last.values():
            self._open.pop(incident.id, None)
            if incident.state != "resolved":
                self._open[incident.id] = incident
        for old in list(self._open)[: max(0, len(self._open) - MAX_OPEN)]:
            del self._open[old]
        await self._shards.foreign(list(last.values()))

    async def _write_down(self, entries: Sequence[tuple[AuditEntry, str]]) -> None:
        """What was said counts whether or not it could be written down."""
        if not entries:
            return
        try:
            for entry, about in entries:
                await self._audit.heard(OWNER, entry, about)
            await self._publisher.flush(OWNER)
        except Exception as error:
            log.error("control_not_audited", entries=len(entries), reason=repr(error))
            self._publisher.forget(OWNER)


def _believed(said: VerifiedDirective, at_s: float) -> AuditEntry:
    directive = said.directive
    actor = None if isinstance(directive, Deployment) else directive.by
    comment = getattr(directive, "comment", "")
    reason = f"{kind_name(directive)} signed by {said.key}" + (f": {comment}" if comment else "")
    return AuditEntry(at_s, directive.id, "believed", None, "believed", reason, actor)
