"""The control consumer: it gives control records, verified, and the incidents of other shards to every shard.

What people want done to targets goes to the executor of this process instead; what they decide about requests, texts,
schedules, escalations and reviews is left to the role respond.

It remembers both, so that a shard that is assigned to this worker later gets them too. Guarantee on crash: nothing is
stored here, the broadcast consumer reads all of it again. Guarantee on duplicate: a shard applies a directive once, and
an incident that comes again changes nothing. Memory: `MAX_DIRECTIVES` directives, `MAX_OPEN_INCIDENTS` incidents, the
services of `MAX_SERVICES`, `MAX_WATCHES` watches, and `MAX_WAITING` records whose incident is not known yet; beyond
that the oldest go.

Where there are keys, only incidents that the role worker signed count. Where services have owners, what a person wants
for an incident waits until that incident is told: only then is it known whose roles count.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Protocol, cast, get_args

import structlog

from actions.bounded import remember
from classifiers.by_hand import (
    ForApprovals,
    ForEscalations,
    ForReviews,
    ForSchedules,
    ForTargets,
    ForTexts,
    ForViewers,
)
from classifiers.directives import Deployment, Directive, OfPerson, Silence
from classifiers.incidents.triage import TriageParams
from classifiers.model import AuditEntry, Incident
from config.models import Config
from config.trust.build import directory_of, ring_of
from streams.contracts.control_records import (
    ControlRecordError,
    VerifiedDirective,
    kind_name,
    verify,
)
from streams.contracts.people.records import is_by_hand, verify_by_hand
from streams.intake.kafka_record import ConsumerRecord
from streams.trust.incident_check import IncidentCheck
from streams.trust.rights import Rights, within_limits
from streams.trust.told_incidents import ToldIncident, last_told
from streams.worker.effects import Effects

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.control_consumer")

NOT_FOR_SHARDS = (*get_args(ForTargets | ForApprovals | ForReviews), ForSchedules, ForTexts, ForEscalations,
                  ForViewers)
SCOPE = "control"
"""The flush scope of the audit entries of control records; no offset of a shard waits for it."""
MAX_DIRECTIVES = 20_000
MAX_OPEN_INCIDENTS = 5_000
MAX_SERVICES = 20_000
"""Incidents of which the service is known, also once they ended."""
MAX_WAITING = 5_000
"""Records that wait until their incident is told, so that its service is known."""
MAX_WATCHES = 200
NEW_WITHIN_S = 3600.0
"""Older records were audited, and carried out at their targets, when they were new; every start reads them again."""
AUDIT_WAIT_S = 5.0
"""How long the records that come after wait for the audit of those before."""
MAX_AUDITED = 50
"""Rejections of one poll that get an audit entry each, so that a flood of control records does not flood the audit."""


class Shards(Protocol):
    """The shards of this worker. All methods are idempotent."""

    def add_directives(self, directives: Collection[Directive]) -> None: ...

    def add_incidents(self, incidents: Sequence[Incident]) -> None: ...

    def watch(self, asked: Collection[ForViewers]) -> None: ...


Targets = Callable[[ForTargets], Awaitable[None]]
"""Takes what people want done to targets; must not wait for a target."""


async def _no_targets(_: ForTargets) -> None:
    return


class ControlConsumer:
    """Processes the control topic and the incidents topic. targets: of the executor of this process."""

    def __init__(self, shards: Shards, effects: Effects, config: Config, targets: Targets = _no_targets) -> None:
        self._shards = shards
        self._targets = targets
        self._source = effects.identity.source
        self._ring = ring_of(config.people, config.signing)
        self._services: dict[str, str] = {}
        self._rights = Rights(
            directory_of(config.people, config.owners_of, config.respond.vendor_roles),
            any(rule.owners for rule in config.services), self._silence, self._services.get,
        )
        self._effects = effects
        self._check = IncidentCheck(effects.authenticity, effects.clocks.wall_s)
        self._config = config.control
        self._topics = config.topics
        # Without dependencies no incident of another shard explains anything, and each costs 0.1 ms.
        self._explains = bool(config.triage.dependencies)
        self._directives: dict[str, Directive] = {}
        self._open_incidents: dict[str, ToldIncident] = {}
        self._waiting: dict[tuple[str, int, int], tuple[str, ConsumerRecord]] = {}
        self._watches: dict[str, ForViewers] = {}

    def reconfigure(self, triage: TriageParams) -> None:
        """Go on by other parameters of triage."""
        self._explains = bool(triage.dependencies)

    async def process(self, topic: str, records: Sequence[ConsumerRecord]) -> None:
        """Process records of the control topic or of the incidents; a record that cannot be read is skipped."""
        if topic == self._topics.control:
            await self._process_control(records)
        else:
            await self._process_incidents(records)

    def replay_to_shards(self) -> None:
        """Give everything that is remembered to the shards again: some of them are new on this worker."""
        self._shards.add_directives(self._directives.values())
        self._shards.watch(self._watches.values())
        if self._explains:
            self._shards.add_incidents([_without_evidence(each.incident) for each in self._open_incidents.values()])

    def open_incidents(self) -> Mapping[int, Sequence[Incident]]:
        """The incidents whose last published state is open, by the shard that published them."""
        found: dict[int, list[Incident]] = {}
        for each in self._open_incidents.values():
            if each.shard is not None:
                found.setdefault(each.shard, []).append(each.incident)
        return found

    async def _process_control(self, records: Sequence[ConsumerRecord]) -> None:
        entries: list[tuple[AuditEntry, str]] = []
        accepted: list[Directive] = []
        rejected: list[str] = []
        for record in records:
            place = f"{record.topic}[{record.partition}]@{record.offset}"
            written_s = record.timestamp / 1000.0
            is_new = self._effects.clocks.wall_s() - written_s < NEW_WITHIN_S
            try:
                verified = self._verify(record)
                if not self._is_judged(verified.directive, record):
                    continue
            except ControlRecordError as error:
                self._effects.telemetry.control(error.reason)
                rejected.append(f"{place}: {error}")
                if is_new and len(rejected) <= MAX_AUDITED:
                    entries.append((AuditEntry(written_s, place, "refused", None, "refused", str(error)), place))
                continue
            self._effects.telemetry.control("accepted")
            directive = verified.directive
            if is_new:
                entries.append((_accepted_entry(verified, written_s), directive.subject))
            if isinstance(directive, get_args(ForTargets)) and is_new:
                await self._targets(cast(ForTargets, directive))
            elif isinstance(directive, ForViewers):
                self._watch(directive)
            elif not isinstance(directive, NOT_FOR_SHARDS):
                accepted.append(directive)
                if directive.id not in self._directives:  # at once, since the end of a silence may be the next record
                    remember(self._directives, directive.id, directive, MAX_DIRECTIVES)
        if rejected:
            log.warning("control_records_rejected", count=len(rejected), first=rejected[0])
        self._shards.add_directives(accepted)
        await self._write_audit(entries)

    def _verify(self, record: ConsumerRecord) -> VerifiedDirective:
        """The directive of a record whose signature counts; raises `ControlRecordError`."""
        if not is_by_hand(record, self._ring):
            return verify(record, self._config)
        skew_s = self._config.max_skew_s
        signed = verify_by_hand(record, self._topics.control, self._source, self._ring, skew_s)
        directive = within_limits(signed, self._config)
        return VerifiedDirective(directive, f"{directive.by} by {getattr(directive, 'via', 'key')}")

    def _is_judged(self, directive: Directive, record: ConsumerRecord) -> bool:
        """Whether a directive counts; False for one that waits until its incident is told. Raises `ControlRecordError`.

        What is signed with HMAC was judged by its key.
        """
        if not is_by_hand(record, self._ring) or self._rights.judge(cast(OfPerson, directive)) == "allowed":
            return True
        place = record.topic, record.partition, record.offset
        remember(self._waiting, place, (directive.subject, record), MAX_WAITING)
        return False

    def _silence(self, name: str) -> Silence | None:
        known = self._directives.get(name)
        return known if isinstance(known, Silence) else None

    def _watch(self, asked: ForViewers) -> None:
        """Show a series for a while; what is over already shows nothing."""
        now_s = self._effects.clocks.now_s()
        self._watches = {name: one for name, one in self._watches.items() if one.until_s > now_s}
        if asked.until_s > now_s:
            remember(self._watches, asked.id, asked, MAX_WATCHES)
            self._shards.watch([asked])

    async def _process_incidents(self, records: Sequence[ConsumerRecord]) -> None:
        told = last_told(
            records, self._check, lambda reason: self._effects.telemetry.ignored("incident", reason),
        )
        for each in told:
            name = each.incident.id
            remember(self._services, name, each.incident.service, MAX_SERVICES)
            if each.incident.state == "resolved":
                self._open_incidents.pop(name, None)
            else:
                remember(self._open_incidents, name, each, MAX_OPEN_INCIDENTS)
        if self._explains:
            self._shards.add_incidents([_without_evidence(each.incident) for each in told])
        due = [place for place, (subject, _) in self._waiting.items() if subject in self._services]
        if due:
            await self._process_control([self._waiting.pop(place)[1] for place in due])

    async def _write_audit(self, entries: Sequence[tuple[AuditEntry, str]]) -> None:
        """A directive is in force also if its audit entry could not be written, or not within `AUDIT_WAIT_S`."""
        if not entries:
            return
        try:
            async with asyncio.timeout(AUDIT_WAIT_S):
                for entry, subject in entries:
                    await self._effects.audit.control(self._effects.publisher.output(SCOPE), entry, subject)
                await self._effects.publisher.flush(SCOPE)
        except Exception as error:
            log.error("control_records_not_audited", entries=len(entries), reason=repr(error))
            self._effects.publisher.forget(SCOPE)


def _without_evidence(incident: Incident) -> Incident:
    """Factors and evidence take most of the room, and no other shard needs them."""
    return replace(incident, factors=(), evidence=())


def _accepted_entry(verified: VerifiedDirective, at_s: float) -> AuditEntry:
    directive = verified.directive
    actor = None if isinstance(directive, Deployment) else directive.by
    comment = getattr(directive, "comment", "")
    reason = f"{kind_name(directive)} signed by {verified.key}" + (f": {comment}" if comment else "")
    return AuditEntry(at_s, directive.id, "accepted", None, "accepted", reason, actor)
