"""What a shard was told: directives wait here for their time, are applied once, and mark the incidents they concern.

A directive is applied at the first instant of event time at or after its own, a late one at the next. So the same
records and the same directives give the same incidents. Pure. Crash: what was applied comes back with the snapshot,
what waits is read from the control topic again. Duplicate: an id that was applied is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from heapq import heappop, heappush
from typing import Any

from pydantic import TypeAdapter, ValidationError

from classifiers.directives import Acknowledge, Deployment, Directive, Expire, Feedback, Silence
from classifiers.model import Acknowledgement, AuditEntry, Incident
from classifiers.silences import MaintenanceWindow, Silences

MAX_SEEN = 20_000
"""Ids of directives that were applied; with more, the oldest might be applied again if they are read again."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """What an open incident was last told with."""

    silenced_by: str | None
    acknowledged: Acknowledgement | None


@dataclass(frozen=True, slots=True)
class _Memory:
    seen: list[str] = field(default_factory=list)
    marks: dict[str, _Mark] = field(default_factory=dict)


_UNMARKED = _Mark(None, None)
_MEMORY: TypeAdapter[_Memory] = TypeAdapter(_Memory)


class Control:
    """The directives of one shard. windows: routine maintenance. hear: told of feedback and deployments in their time.

    Memory is bounded by `MAX_SEEN`, by `silences.MAX_KEPT`, and by what whoever calls `receive` remembers.
    """

    def __init__(self, windows: Sequence[MaintenanceWindow], hear: Callable[[Feedback | Deployment], None]) -> None:
        self.silences = Silences(windows)
        self._hear = hear
        self._seen: dict[str, None] = {}
        self._waiting: list[tuple[float, str, Directive]] = []
        self._marks: dict[str, _Mark] = {}
        self._audit: list[AuditEntry] = []

    def receive(self, directives: Iterable[Directive]) -> None:
        """Take directives in, in any order; those known already are passed over."""
        known = self._seen.keys() | {each for _, each, _ in self._waiting}
        for directive in directives:
            if directive.id not in known:
                known.add(directive.id)
                heappush(self._waiting, (directive.at_s, directive.id, directive))

    def apply_due(self, now_s: float) -> int:
        """Apply what is due at this instant, in order of its time; returns how many were applied."""
        count = 0
        while self._waiting and self._waiting[0][0] <= now_s:
            _, each, directive = heappop(self._waiting)
            self._seen[each] = None
            self._apply(directive)
            count += 1
        if count:
            self.silences.forget(now_s)
            for old in list(self._seen)[: max(0, len(self._seen) - MAX_SEEN)]:
                del self._seen[old]
        return count

    def mark(self, incident: Incident, now_s: float) -> tuple[Incident, bool]:
        """The incident with what silences it and who works on it now, and whether it was last marked otherwise.

        About 1 us, and 10 us for an incident with a mark.
        """
        mark = _Mark(self.silences.over(incident, now_s), self.silences.acknowledged(incident.id, now_s))
        before = self._marks.get(incident.id, _UNMARKED)
        if mark != before:
            self._audit += _entries(incident, before, mark, now_s, self.silences.author(mark.silenced_by))
        if mark == _UNMARKED or incident.state == "resolved":
            self._marks.pop(incident.id, None)
        else:
            self._marks[incident.id] = mark
        if mark == _UNMARKED:
            return incident, mark != before
        marked = replace(incident, silenced_by=mark.silenced_by, acknowledged=mark.acknowledged)
        return marked, mark != before

    def take_audit(self) -> list[AuditEntry]:
        """What was silenced, lifted, acknowledged and lapsed since the last call."""
        audit, self._audit = self._audit, []
        return audit

    def dump(self) -> dict[str, Any]:
        """What was applied, as JSON values."""
        return {**asdict(_Memory(list(self._seen), self._marks)), "silences": self.silences.dump()}

    def load(self, data: dict[str, Any]) -> None:
        """Put a dump back; raises `ValueError` when it is not one."""
        self.silences.load(data.get("silences"))
        try:
            memory = _MEMORY.validate_python({name: data.get(name) for name in ("seen", "marks")})
        except ValidationError as error:
            raise ValueError(f"control: {error.errors()[0]['loc']}: {error.errors()[0]['msg']}") from None
        self._seen.update(dict.fromkeys(memory.seen))
        self._marks.update(memory.marks)

    def _apply(self, directive: Directive) -> None:
        match directive:
            case Silence():
                self.silences.silence(directive)
            case Expire():
                self.silences.expire(directive)
            case Acknowledge():
                self.silences.acknowledge(directive)
            case Feedback() | Deployment():
                self._hear(directive)


def _entries(incident: Incident, before: _Mark, after: _Mark, now_s: float, author: str | None) -> list[AuditEntry]:
    found = []

    def note(event: str, reason: str, actor: str | None) -> None:
        found.append(AuditEntry(now_s, incident.id, event, incident.state, incident.state, reason, actor))

    if before.silenced_by != after.silenced_by:
        if before.silenced_by is not None:
            note("lift", f"{before.silenced_by} silences it no longer", None)
        if after.silenced_by is not None:
            note("silence", f"{after.silenced_by} keeps it from being acted on", author)
    if before.acknowledged != after.acknowledged:
        if after.acknowledged is None:
            assert before.acknowledged is not None
            note("lapse", f"{before.acknowledged.by} acknowledged it until now", None)
        else:
            until_s = after.acknowledged.until_s
            note("acknowledge", f"nobody else is notified until {until_s:.0f}", after.acknowledged.by)
    return found
