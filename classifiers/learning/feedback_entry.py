"""The entry of the audit that feedback of a person leaves: whether the incident was a fault. Pure."""

from __future__ import annotations

from classifiers.model import AuditEntry

EVENT = "feedback"
FALSE_ALARM = "a false alarm has no severity to learn"
PLANNED_CHANGE = "a planned change has no severity to learn"


def was_fault(entry: AuditEntry) -> bool | None:
    """Whether a person said that the incident was a fault; None for an entry of something else."""
    return entry.reason not in (FALSE_ALARM, PLANNED_CHANGE) if entry.event == EVENT else None
