"""The timeline of an incident: what the records say, in order, and nothing twice. Pure.

Several records tell of one step: the audit, the decision with its outcome, and the incident itself. The richest is
shown: a decision and an outcome rather than their entries in the audit, and the incident's own words only where no
other record has the step.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from classifiers.model import AuditEntry, Incident
from streams.timeline.entries import ENDED, OPENED, Entry, of_audit, of_incident
from streams.timeline.order import in_order

ALARM_BEFORE_S = 60.0
"""How long before the estimated onset an alarm may belong to the incident."""
LEFT_OUT = frozenset({"accepted", "hand_over", "released"})
"""Steps of Tocsin itself. What follows from an accepted or approved request has an entry of its own."""


def timeline_of(incident: Incident, audit: Iterable[AuditEntry], told: Iterable[Entry] = ()) -> list[Entry]:
    """The entries, oldest first. audit: of the incident. told: from decisions, outcomes and notifications."""
    found = list(told)
    known = {_name(one) for one in found}
    steps = map(of_audit, dict.fromkeys(audit))
    found += [one for one in steps if not _is_own_step(one) and _name(one) not in known]
    heard = {(one.subject, one.event) for one in found}
    people = {(one.event, one.who, one.at_s) for one in found}
    found += [one for one in of_incident(incident) if not _is_heard(one, incident, heard, people)]
    return in_order(_each_request_once(found))


def names_before(incident_id: str, audit: Iterable[AuditEntry]) -> set[str]:
    """Under what the audit has the first alarms of an incident, from before it had an id."""
    return {
        one.reason.partition(":")[0] for one in audit if one.subject == incident_id and one.event in OPENED
    }


def is_first_alarm(incident: Incident, names: set[str], one: AuditEntry) -> bool:
    """Whether an entry is of the time before the incident had an id. names: see `names_before`."""
    return one.subject in names and incident.onset_at_s - ALARM_BEFORE_S <= one.at_s <= incident.opened_at_s


def _each_request_once(entries: Iterable[Entry]) -> list[Entry]:
    """The executor says that it only suggests, and the role respond that it asks: one request, told by who must answer.
    """
    found = list(entries)
    suggested = {one.subject: one.what for one in found if one.event == "suggested"}
    requested = {one.subject for one in found if one.event == "requested"}
    return [
        replace(one, what=suggested[one.subject], why=one.what)
        if one.event == "requested" and one.subject in suggested else one
        for one in found if one.event != "suggested" or one.subject not in requested
    ]


def _name(one: Entry) -> tuple[str, str, float | None]:
    """What is happening only once to a subject, or at its time: a remedy in force changes more than once."""
    return one.subject, one.event, one.at_s if one.event.startswith("remedy_") else None


def _is_own_step(one: Entry) -> bool:
    """A text that waited is released by a person: that is told."""
    return one.event in LEFT_OUT and not one.subject.startswith("notification/")


def _is_heard(
    own: Entry, incident: Incident, heard: set[tuple[str, str]], people: set[tuple[str, str | None, float]],
) -> bool:
    """Whether another record has what the incident says of itself."""
    others = {"opened": OPENED, "resolved": ENDED}.get(own.event)
    if others is not None:
        return any((incident.id, event) in heard for event in others)
    if own.event == "update":
        return (own.event, own.who, own.at_s) in people
    if own.event == "acknowledge":
        return any(event == own.event and who == own.who for event, who, _ in people)
    if own.kind == "action" and own.what.startswith("undo "):
        return any(subject == own.subject and event.startswith("remedy_") for subject, event in heard) or (
            (own.subject, own.event) in heard
        )
    return own.event != "onset" and (own.subject, own.event) in heard
