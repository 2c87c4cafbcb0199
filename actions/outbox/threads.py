"""In which thread of a channel a message is told, and what it waits for there. Pure.

An incident with a cause is told in the thread of the cause, however long the chain of causes, unless it is more severe.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from actions.channels.machine import ENDED
from actions.channels.notification import Notification
from actions.channels.routes import KnownIncident, rank_of
from classifiers.model import Incident

Told = Callable[[str], Collection[Notification]]
"""The notifications of an incident on one channel."""


def leads(incident: Incident, known: Mapping[str, KnownIncident]) -> bool:
    """Whether an incident has a thread of its own: it has no cause, or is more severe than each known one."""
    causes = [known[one.id].incident for one in incident.related if one.relation == "caused_by" and one.id in known]
    is_effect = any(one.relation == "caused_by" for one in incident.related)
    rank = rank_of(incident.peak_severity)
    return not is_effect or (bool(causes) and all(rank < rank_of(each.peak_severity) for each in causes))


def root_of(one: Notification, told: Told) -> Notification | None:
    """The first message of the thread in which a message is told; None where the message begins one."""
    thread, seen = one.message.thread, set[str]()
    while not _is_own(thread, one) and thread not in seen:
        seen.add(thread)
        others = _heard(told(thread.rpartition("/")[2]), one)
        if found := [each for each in others if each.message.thread == thread]:
            return _first(found)
        thread = next((each.message.thread for each in others), thread)  # the cause is an effect itself
    own = [each for each in _heard(told(one.message.incident_id), one) if _is_own(each.message.thread, one)]
    same = [each for each in own if each.message.thread == one.message.thread]
    return _first(same or own)


def waits_for_cause(one: Notification, told: Told) -> bool:
    """Whether the first message of the thread of its cause is still to be told on this channel."""
    if _is_own(one.message.thread, one):
        return False
    others = told(one.message.thread.rpartition("/")[2])
    return not _heard(others, one) and any(
        each.state not in ENDED and each.message.recipient == one.message.recipient
        and not _is_own(each.message.thread, one) for each in others
    )


def _heard(told: Collection[Notification], one: Notification) -> list[Notification]:
    return [
        each for each in told
        if each.reference is not None and each.id != one.id and each.message.recipient == one.message.recipient
    ]


def _first(found: Collection[Notification]) -> Notification | None:
    return min(found, key=lambda each: each.created_at_s, default=None)


def _is_own(thread: str, one: Notification) -> bool:
    """Whether a thread is of the message's incident, and not of its cause."""
    return f"/{one.message.incident_id}/" in f"{thread}/"
