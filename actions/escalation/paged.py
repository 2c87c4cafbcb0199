"""Who was paged by escalations, as the audit keeps it for a year: an entry for each person and step. Pure."""

from __future__ import annotations

from actions.escalation.record import Escalation
from classifiers.model import AuditEntry

EVENT = "paged"
PREFIX = "person/"
"""Of the subjects: the name of the person follows."""


def page_entries(before: Escalation | None, after: Escalation) -> list[AuditEntry]:
    """Who was paged by the steps that a change took. before: None for a new escalation."""
    known = 0 if before is None else len(before.fired)
    return [
        AuditEntry(
            step.at_s, f"{PREFIX}{person}", EVENT, None, None,
            f"incident {after.incident_id}, step {step.step}, round {step.round}",
        )
        for step in after.fired[known:] for person in step.people
    ]


def page_of(entry: AuditEntry) -> tuple[str, float] | None:
    """The person and the time of a page, in seconds since the epoch; None for any other entry."""
    if entry.event != EVENT or not entry.subject.startswith(PREFIX):
        return None
    return entry.subject.removeprefix(PREFIX), entry.at_s
