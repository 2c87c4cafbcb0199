"""Which channel is told which event of an incident. Pure.

A channel that pages is told only what somebody is to be woken up for: not what is silenced, flaps, is the effect of
another incident, is acknowledged, or comes late. The others are told of all that from their least severity on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from math import inf
from typing import Literal

from actions.channels.machine import ENDED
from actions.channels.message import Event
from actions.channels.notification import Notification
from classifiers.model import Incident, Severity
from classifiers.verdict.hysteresis import SEVERITY_ORDER

LATE_S = 300.0
"""Data that is older than this when it is judged pages nobody."""
LATE_HOLD_S = 60.0
"""A late incident is told only if it is still open after so long: a backlog opens and resolves many at once."""
URGENT: frozenset[Severity] = frozenset({"P0", "P1", "P2"})
STATES: frozenset[Event] = frozenset({"open", "change", "milestone"})
"""What tells how an incident stands: of two, the newer one says all."""
Blocked = Literal["wait"]


@dataclass(frozen=True, slots=True)
class Route:
    """What a channel is told. least: the least severity. pages: whether it wakes people. fallback: the channel that
    tells what this one does not take, None for none. every_s: the least time between two messages. repeat_s: after so
    long an open incident is told again, None where the channel remembers it.
    """

    least: Severity = "P3"
    on: frozenset[Event] = frozenset({"open", "change", "close"})
    pages: bool = False
    fallback: str | None = None
    every_s: float = 1.0
    repeat_s: float | None = None


@dataclass(frozen=True, slots=True)
class KnownIncident:
    """An incident as last told by its shard. first_s: when it was first read here. late_s: how old its data was when
    it was judged, the least so far; None where that is not known. owners: of each service that it is about. leads:
    whether it has a thread of its own, and is not told in that of its cause.
    """

    incident: Incident
    first_s: float
    late_s: float | None
    owners: tuple[tuple[str, tuple[str, ...]], ...] = ()
    leads: bool = False

    @property
    def is_late(self) -> bool:
        """Whether nobody is to be woken up by it."""
        return self.late_s is not None and self.late_s > LATE_S


def due_events(
    seen: KnownIncident, route: Route, given: Collection[Notification], now_s: float,
) -> Iterator[tuple[Event, str] | Blocked]:
    """The events that this channel is to be told and was not, each with its step; `wait` where time decides.

    given: the notifications of this incident on this channel.
    """
    incident = seen.incident
    if incident.state == "resolved":
        if "close" in route.on and any(map(heard, given)) and not _has(given, "close"):
            yield "close", ""
        return
    if incident.silenced_by is not None or not reaches(incident.peak_severity, route.least):
        return
    if route.pages and not pages(seen, now_s):
        if "milestone" in route.on and any(map(heard, given)):
            yield from _acknowledged(incident, given, now_s)
        return
    if not given:
        if seen.is_late and now_s - seen.first_s < LATE_HOLD_S:
            yield "wait"
        elif "open" in route.on or "change" in route.on:
            yield ("open" if "open" in route.on else "change"), incident.peak_severity
        return
    if "change" in route.on and rank_of(incident.peak_severity) < _highest(given):
        yield "change", incident.peak_severity
    elif route.repeat_s is not None and _last_sent_s(given) <= now_s - route.repeat_s:
        yield "change", f"repeat/{len(given)}"
    if "milestone" in route.on:
        yield from _acknowledged(incident, given, now_s)


def data_age_s(incident: Incident, dated_s: float, complete_from_s: float) -> float | None:
    """How old the data was when an incident was written. dated_s: by the broker's clock.

    None for a record from before `complete_from_s`: an earlier one may be gone, and this one only repeat it.
    """
    if dated_s < complete_from_s:
        return None
    newest_s = max((one.end_s for one in incident.evidence), default=incident.opened_at_s)
    return dated_s - max(newest_s, incident.opened_at_s)


def pages(seen: KnownIncident, now_s: float) -> bool:
    """Whether somebody may be woken up for an open incident."""
    incident = seen.incident
    is_effect = any(one.relation == "caused_by" for one in incident.related)
    return (
        incident.state == "open" and incident.silenced_by is None and not is_effect and not seen.is_late
        and not acknowledged(incident, now_s)
    )


def acknowledged(incident: Incident, now_s: float) -> bool:
    """Whether somebody works on it now."""
    return incident.acknowledged is not None and now_s < incident.acknowledged.until_s


def reaches(severity: str, least: str) -> bool:
    """Whether a severity is at least as bad as another."""
    return rank_of(severity) <= rank_of(least)


def heard(one: Notification) -> bool:
    """Whether people may have been told, so that they are to be told the end."""
    if one.message.event not in STATES and one.message.event != "page":
        return False
    return one.attempts > 0 and one.failure != "refused"


def _acknowledged(
    incident: Incident, given: Collection[Notification], now_s: float,
) -> Iterator[tuple[Event, str] | Blocked]:
    one = incident.acknowledged
    if one is not None and acknowledged(incident, now_s) and not _has(given, "milestone"):
        yield "milestone", "acknowledged"


def _has(given: Collection[Notification], event: Event) -> bool:
    return any(one.message.event == event for one in given)


def _highest(given: Collection[Notification]) -> int:
    """The rank of the worst severity that the channel was told or is about to be told."""
    return min((rank_of(one.message.severity) for one in given), default=len(SEVERITY_ORDER))


def _last_sent_s(given: Collection[Notification]) -> float:
    """When the channel last took something; infinite while something is under way, or where it took nothing."""
    if any(one.state not in ENDED for one in given):
        return inf
    return max((one.changed_at_s for one in given if one.state == "sent"), default=inf)


def rank_of(severity: str) -> int:
    """0 for the worst severity. Raises `ValueError` for what is none."""
    return [str(one) for one in SEVERITY_ORDER].index(severity)
