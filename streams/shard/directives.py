"""The directives of one shard: they wait here for their time, are applied once, and annotate the incidents they match.

A directive is applied at the first instant of event time at or after its own; a late one at the next instant. So the
same records and the same directives give the same incidents. Pure. Crash: what was applied and what waits come back
with the snapshot, because the ticks after it do not carry them again. Duplicate: a known id is ignored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from heapq import heappop, heappush
from typing import Any

from pydantic import TypeAdapter, ValidationError

from classifiers.by_hand import Assign, Update
from classifiers.directive_reasons import (
    acknowledged_reason,
    assigned_reason,
    lapsed_reason,
    lifted_reason,
    silenced_reason,
)
from classifiers.directives import Acknowledge, Directive, Expire, Silence
from classifiers.model import Acknowledgement, AuditEntry, Incident, IncidentNote
from classifiers.silences import MaintenanceWindow, Silences
from classifiers.validation_errors import describe_first
from streams.contracts.ticks import name_directives, read_directives

MAX_APPLIED_IDS = 20_000
"""Ids of applied directives that are remembered. An older directive is applied again if it is read again."""


MAX_NOTES = 20
"""Of one incident; older ones are dropped."""
MAX_OWNERS = 20
MAX_NOTED = 1_000
"""Incidents that are assigned or have notes; those that were noted first are forgotten."""


@dataclass(frozen=True, slots=True)
class _Remark:
    """What people said about an incident. assigned_to: of a state that an older release stored, before there were
    owners.
    """

    assigned_to: str | None = None
    notes: tuple[IncidentNote, ...] = ()
    commander: str | None = None
    scribe: str | None = None
    owners: tuple[str, ...] = ()

    @property
    def all_owners(self) -> tuple[str, ...]:
        """The owners, also of a state of an older release."""
        return self.owners or (() if self.assigned_to is None else (self.assigned_to,))


@dataclass(frozen=True, slots=True)
class _Annotation:
    """What an open incident was last published with."""

    silenced_by: str | None
    acknowledged: Acknowledgement | None
    remark: _Remark = _Remark()


@dataclass(frozen=True, slots=True)
class _Dump:
    seen: list[str] = field(default_factory=list)
    marks: dict[str, _Annotation] = field(default_factory=dict)
    waiting: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    remarks: dict[str, _Remark] = field(default_factory=dict)


_NO_REMARK = _Remark()
_NONE = _Annotation(None, None)
_DUMP: TypeAdapter[_Dump] = TypeAdapter(_Dump)


class ShardDirectives:
    """The directives of one shard. windows: routine maintenance.

    Memory is bounded by `MAX_APPLIED_IDS`, by `silences.MAX_KEPT`, and by how many directives the caller of `add`
    keeps.
    """

    def __init__(self, windows: Sequence[MaintenanceWindow]) -> None:
        self.silences = Silences(windows)
        self._applied: dict[str, None] = {}
        self._waiting: list[tuple[float, str, Directive]] = []
        self._annotations: dict[str, _Annotation] = {}
        self._remarks: dict[str, _Remark] = {}
        self._said: dict[str, list[Assign | Update]] = {}
        self._audit: list[AuditEntry] = []

    def add(self, directives: Iterable[Directive]) -> None:
        """Add directives, in any order; known ones are ignored."""
        known = self._applied.keys() | {each for _, each, _ in self._waiting}
        for directive in directives:
            if directive.id not in known:
                known.add(directive.id)
                heappush(self._waiting, (directive.at_s, directive.id, directive))

    def knows(self, directive: Directive) -> bool:
        """Whether it was applied or waits."""
        return directive.id in self._applied or any(each == directive.id for _, each, _ in self._waiting)

    def apply_due(self, now_s: float) -> list[Directive]:
        """Apply the silences, acknowledgements, assignments and updates that are due at this instant, in order of their
        time. What is said of an incident is for the audit if the incident is annotated before the next call.

        Returns all directives that were due. Applying feedback and deployments is up to the caller.
        """
        due: list[Directive] = []
        self._said.clear()  # what was said of incidents that are not open here
        while self._waiting and self._waiting[0][0] <= now_s:
            _, each, directive = heappop(self._waiting)
            self._applied[each] = None
            self._apply(directive)
            due.append(directive)
        if due:
            self.silences.drop_ended(now_s)
            for old in list(self._applied)[: max(0, len(self._applied) - MAX_APPLIED_IDS)]:
                del self._applied[old]
        return due

    def annotate(self, incident: Incident, now_s: float) -> tuple[Incident, bool]:
        """The incident with what silences it and who acknowledged it now, and whether that changed since the last call.

        About 1 us, and 10 us for an incident with an annotation.
        """
        now = _Annotation(
            self.silences.silenced_by(incident, now_s), self.silences.acknowledged(incident.id, now_s),
            self._remarks.get(incident.id, _NO_REMARK),
        )
        before = self._annotations.get(incident.id, _NONE)
        if now != before:
            self._audit += self._changes(incident, before, now, now_s)
        self._audit += [_said_entry(incident, one) for one in self._said.pop(incident.id, ())]
        if now == _NONE or incident.state == "resolved":
            self._annotations.pop(incident.id, None)
            if incident.state == "resolved":
                self._remarks.pop(incident.id, None)
        else:
            self._annotations[incident.id] = now
        if now == _NONE:
            return incident, now != before
        said, owners = now.remark, now.remark.all_owners
        annotated = replace(
            incident, silenced_by=now.silenced_by, acknowledged=now.acknowledged, notes=said.notes,
            assigned_to=owners[-1] if owners else None, commander=said.commander, scribe=said.scribe, owners=owners,
        )
        return annotated, now != before

    def take_audit(self) -> list[AuditEntry]:
        """Silences and acknowledgements that began or ended since the last call, assignments and updates."""
        audit, self._audit = self._audit, []
        return audit

    def dump(self) -> dict[str, Any]:
        """What was applied and what waits, as JSON values."""
        named = name_directives(each for _, _, each in sorted(self._waiting, key=lambda waiting: waiting[:2]))
        waiting = [(name, asdict(each)) for name, each in named]
        dump = _Dump(list(self._applied), self._annotations, waiting, self._remarks)
        return {**asdict(dump), "silences": self.silences.dump()}

    def load(self, data: dict[str, Any]) -> None:
        """Put a dump back; raises `ValueError` when it is not one."""
        self.silences.load(data.get("silences"))
        try:
            dump = _DUMP.validate_python({name: data.get(name) for name in ("seen", "marks", "waiting", "remarks")})
        except ValidationError as error:
            raise ValueError(f"control: {describe_first(error)}") from None
        self._applied.update(dict.fromkeys(dump.seen))
        self._annotations.update(dump.marks)
        self._remarks.update(dump.remarks)
        self.add(read_directives(dump.waiting))

    def _apply(self, directive: Directive) -> None:
        match directive:
            case Silence():
                self.silences.silence(directive)
            case Expire():
                self.silences.expire(directive)
            case Acknowledge():
                self.silences.acknowledge(directive)
            case Assign():
                changes = self._assigned(directive)
                if changes:
                    self._remark(directive.incident_id, **changes)
                    self._said.setdefault(directive.incident_id, []).append(directive)
            case Update():
                self._said.setdefault(directive.incident_id, []).append(directive)
                notes = self._remarks.get(directive.incident_id, _NO_REMARK).notes
                note = IncidentNote(directive.by, directive.at_s, directive.comment)
                self._remark(directive.incident_id, notes=(*notes, note)[-MAX_NOTES:])

    def _changes(
        self, incident: Incident, before: _Annotation, after: _Annotation, now_s: float,
    ) -> Iterator[AuditEntry]:
        """Silences and acknowledgements that began or ended, each with the reason that its person gave."""
        def entry(event: str, reason: str, actor: str | None) -> AuditEntry:
            return AuditEntry(now_s, incident.id, event, incident.state, incident.state, reason, actor)

        old, new = before.silenced_by, after.silenced_by
        if old != new:
            if old is not None:
                expiry = self.silences.expiry(old)
                yield entry("lift", lifted_reason(old, expiry), None if expiry is None else expiry.by)
            if new is not None:
                silence = self.silences.silence_named(new)
                yield entry("silence", silenced_reason(new, silence), None if silence is None else silence.by)
        if before.acknowledged != after.acknowledged:
            if after.acknowledged is not None:
                comment = self.silences.acknowledge_comment(incident.id)
                yield entry("acknowledge", acknowledged_reason(after.acknowledged, comment), after.acknowledged.by)
            elif before.acknowledged is not None:
                yield entry("lapse", lapsed_reason(before.acknowledged), None)

    def _assigned(self, directive: Assign) -> dict[str, Any]:
        """What an assignment changes; empty where a role is taken from somebody who does not have it."""
        known = self._remarks.get(directive.incident_id, _NO_REMARK)
        if directive.role == "owner":
            others = tuple(one for one in known.all_owners if one != directive.to)
            if directive.remove and others == known.all_owners:
                return {}
            owners = others if directive.remove else (*others, directive.to)[-MAX_OWNERS:]
            return {"owners": owners, "assigned_to": None}
        if not directive.remove:
            return {directive.role: directive.to}
        has_it = getattr(known, directive.role) == directive.to
        return {directive.role: None} if has_it else {}

    def _remark(self, incident_id: str, **changes: Any) -> None:
        self._remarks[incident_id] = replace(self._remarks.pop(incident_id, _NO_REMARK), **changes)
        for oldest in list(self._remarks)[: max(0, len(self._remarks) - MAX_NOTED)]:
            del self._remarks[oldest]


def _said_entry(incident: Incident, said: Assign | Update) -> AuditEntry:
    """The entry of an assignment or an update, at the time of the person."""
    reason = said.comment if isinstance(said, Update) else assigned_reason(said)
    event = "update" if isinstance(said, Update) else ("unassign" if said.remove else "assign")
    return AuditEntry(said.at_s, incident.id, event, incident.state, incident.state, reason, said.by)
