"""The texts that wait for a person before they are told. Pure.

A text is known by its digest and is told to several recipients, each by a notification of its own. Duplicate: a
notification that is read again changes nothing. Memory: that of the notifications, `limit` at most where one is given;
the oldest leave first.
"""

from __future__ import annotations

from collections.abc import Collection

from actions.channels.notification import Notification


class WaitingTexts:
    """Follows the notifications of the log. limit: of those that wait, None for all of them."""

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._digests: dict[str, str] = {}
        self._texts: dict[str, dict[str, Notification]] = {}
        self._of_incident: dict[str, dict[str, None]] = {}

    def record(self, one: Notification) -> set[str]:
        """A notification as it stands; returns the digests of the texts that changed by it."""
        digest = one.draft.digest if one.draft is not None and one.state == "draft" else None
        changed = set[str]() if digest is not None and self._digests.get(one.id) == digest else self.forget(one.id)
        if digest is None:
            return changed
        self._digests[one.id] = digest
        self._texts.setdefault(digest, {})[one.id] = one
        self._of_incident.setdefault(one.message.incident_id, {})[digest] = None
        while self._limit is not None and len(self._digests) > self._limit:
            changed |= self.forget(next(iter(self._digests)))
        return changed | {digest}

    def forget(self, notification: str) -> set[str]:
        """The log has no such notification any more; returns the digests of the texts that changed by it."""
        digest = self._digests.pop(notification, None)
        if digest is None:
            return set()
        incident_id = self._texts[digest].pop(notification).message.incident_id
        if not self._texts[digest]:
            del self._texts[digest]
            del self._of_incident[incident_id][digest]
            if not self._of_incident[incident_id]:
                del self._of_incident[incident_id]
        return {digest}

    @property
    def digests(self) -> Collection[str]:
        """Those of the texts that wait."""
        return self._texts.keys()

    def digest_of(self, notification: str) -> str | None:
        """That of the text with which a notification waits; None where it does not."""
        return self._digests.get(notification)

    def of(self, digest: str) -> list[Notification]:
        """The notifications of one text; empty where it does not wait."""
        return list(self._texts.get(digest, {}).values())

    def texts(self, incident_id: str | None = None) -> list[list[Notification]]:
        """The notifications of each text that waits. incident_id: None for all incidents."""
        digests = self._texts if incident_id is None else self._of_incident.get(incident_id, ())
        return [self.of(digest) for digest in digests]

    def waiting(self, incident_id: str | None = None) -> list[list[Notification]]:
        """The same, the oldest text first."""
        return sorted(self.texts(incident_id), key=lambda notifications: notifications[0].changed_at_s)
