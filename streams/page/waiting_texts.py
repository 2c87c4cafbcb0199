"""The texts that wait for a person before they are told, and each of them as JSON. Pure.

A text is known by its digest and is told to several recipients, each by a notification of its own. Memory: the
notifications of `MAX_NOTIFICATIONS`, the oldest leave first.
"""

from __future__ import annotations

from typing import Any

from actions.channels.notification import Notification
from classifiers.model import Incident

MAX_NOTIFICATIONS = 5_000


class WaitingTexts:
    """Follows the notifications of the log."""

    def __init__(self) -> None:
        self._drafts: dict[str, Notification] = {}
        self._texts: dict[str, dict[str, Notification]] = {}

    def record(self, one: Notification) -> set[str]:
        """A notification as it stands; returns the digests of the texts that changed by it."""
        changed = self.forget(one.id)
        if one.state != "draft" or one.draft is None:
            return changed
        while len(self._drafts) >= MAX_NOTIFICATIONS:
            changed |= self.forget(next(iter(self._drafts)))
        self._drafts[one.id] = one
        self._texts.setdefault(one.draft.digest, {})[one.id] = one
        return changed | {one.draft.digest}

    def forget(self, notification: str) -> set[str]:
        """The log has no such notification any more; returns the digests of the texts that changed by it."""
        known = self._drafts.pop(notification, None)
        if known is None or known.draft is None:
            return set()
        told = self._texts[known.draft.digest]
        del told[notification]
        if not told:
            del self._texts[known.draft.digest]
        return {known.draft.digest}

    def waiting(self, incident_id: str | None = None) -> list[list[Notification]]:
        """The notifications of each text that waits, oldest text first. incident_id: None for all incidents."""
        found = [list(told.values()) for told in self._texts.values()]
        wanted = [told for told in found if incident_id in (None, told[0].message.incident_id)]
        return sorted(wanted, key=lambda told: told[0].changed_at_s)

    def of(self, digest: str) -> list[Notification]:
        """The notifications of one text; empty where it does not wait."""
        return list(self._texts.get(digest, {}).values())


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
