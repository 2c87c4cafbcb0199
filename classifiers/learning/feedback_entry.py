"""The entry of the audit that feedback of a person leaves: what the person said that the incident was. Pure."""

from __future__ import annotations

from classifiers.model import AuditEntry, FeedbackKind

EVENT = "feedback"
_BY_REASON: dict[str, FeedbackKind] = {
    "a false alarm has no severity to learn": "false_alarm",
    "a planned change has no severity to learn": "planned_change",
}
"""What was said, in entries from before they had the field `feedback`; the audit is kept for a year."""


def feedback_of(entry: AuditEntry) -> FeedbackKind | None:
    """What a person said that the incident was; None for an entry of something else."""
    if entry.event != EVENT or entry.feedback is not None:
        return entry.feedback
    return _BY_REASON.get(entry.reason, "fault")


def was_fault(entry: AuditEntry) -> bool | None:
    """Whether a person said that the incident was a fault; None for an entry of something else."""
    said = feedback_of(entry)
    return None if said is None else said == "fault"
