"""The texts that wait for a person before they are told, each as JSON. Pure."""

from __future__ import annotations

from typing import Any

from actions.channels.notification import Notification
from classifiers.model import Incident

MAX_NOTIFICATIONS = 5_000
"""Of texts that wait, the oldest leave first."""


def text_row(told: list[Notification], incident: Incident | None) -> dict[str, Any]:
    """A text that waits, exactly as it will be told. told: its notifications, at least one. incident: None where it is
    not known here. since_s: from when on it waits. to: recipients with their channels.
    """
    one = told[0]
    assert one.draft is not None
    return {
        "digest": one.draft.digest, "audience": one.draft.audience, "service": one.draft.service,
        "incident_id": one.message.incident_id, "incident_title": None if incident is None else incident.title,
        "event": one.message.event, "severity": one.message.severity, "roles": one.draft.roles,
        "since_s": one.changed_at_s, "title": one.message.title, "text": one.message.text,
        "to": sorted(f"{each.message.recipient or 'the readers of the channel'} by {each.channel}" for each in told),
    }
