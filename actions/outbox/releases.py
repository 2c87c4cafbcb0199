"""The texts that wait for a person, and what people decided about them. Pure.

A decision names the digest of the text, so it counts for the text that the person saw and for no other. Of several
that count, the one that the broker dated first does. Crash: drafts and decisions are read again from their topics.
Duplicate: a decision that is read again changes nothing. Memory: `MAX_KNOWN` texts and as many decisions.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from actions.bounded import remember
from actions.channels.machine import NotificationState
from actions.channels.notification import Draft, Notification, decided
from actions.outbox.waiting_texts import WaitingTexts
from actions.trust.people import Directory
from classifiers.by_hand import ForTexts
from classifiers.model import AuditEntry

MAX_KNOWN = 5_000
DECIDED: frozenset[NotificationState] = frozenset({"queued", "withdrawn"})
"""What becomes of a draft when a person decides."""


class Releases:
    """directory: whose decisions count."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._waiting = WaitingTexts()
        self._texts: dict[str, Notification] = {}
        self._given: dict[str, dict[str, tuple[ForTexts, float]]] = {}
        self._refused: dict[str, None] = {}

    # What is read

    def record(self, one: Notification) -> None:
        """A notification as it stands in the log."""
        if one.draft is not None:
            self._waiting.record(one)
            remember(self._texts, one.draft.digest, one, MAX_KNOWN)

    def forget(self, notification: str) -> None:
        """The log has no notification of this id any more."""
        self._waiting.forget(notification)

    def add(self, directive: ForTexts, dated_s: float) -> None:
        """A verified decision of a person, dated by the broker; one that comes before its text is kept."""
        known = self._given.get(directive.text, {})
        remember(self._given, directive.text, {**known, directive.id: (directive, dated_s)}, MAX_KNOWN)

    # What is asked

    @property
    def waiting(self) -> Collection[str]:
        """The digests of the texts that wait."""
        return self._waiting.digests

    def texts(self) -> list[Notification]:
        """A notification for each known text, by which it is told to one recipient; the oldest first. Texts that were
        changed since are not among them.
        """
        waiting = self._waiting.digests
        return [one for digest, one in self._texts.items() if one.state != "draft" or digest in waiting]

    def text(self, digest: str) -> Notification | None:
        """A notification of a text that waits."""
        return next(iter(self._waiting.of(digest)), None)

    def of_incident(self, incident_id: str) -> list[Notification]:
        """A notification for each text of an incident that waits."""
        return [notifications[0] for notifications in self._waiting.texts(incident_id)]

    def fault(self, draft: Draft, person: str) -> str | None:
        """Why a person may not decide about a text; None where the person may."""
        held = self._directory.roles(person, draft.service)
        if held & set(draft.roles):
            return None
        has = ", ".join(sorted(held)) or "no role"
        return f"{person} has {has} for {draft.service}, expected {' or '.join(draft.roles)}"

    # What follows

    def change(self, one: Notification, now_s: float) -> Notification | None:
        """A draft as people decided; None while nobody has."""
        if one.draft is None or one.state != "draft":
            return None
        given = sorted(self._given.get(one.draft.digest, {}).values(), key=lambda each: (each[1], each[0].id))
        for directive, _ in given:
            if self.fault(one.draft, directive.by) is None:
                return decided(one, directive.verb, directive.by, directive.comment, now_s)
        return None

    def refused(self, mine: Callable[[str], bool]) -> list[AuditEntry]:
        """An entry of the audit for each decision that does not count, each once. mine: by incident."""
        found: list[AuditEntry] = []
        for digest, given in self._given.items():
            text = self._texts.get(digest)
            if text is None or text.draft is None or not mine(text.message.incident_id):
                continue
            for directive, dated_s in given.values():
                reason = None if directive.id in self._refused else self._why_refused(text, text.draft, directive)
                if reason is not None:
                    remember(self._refused, directive.id, None, MAX_KNOWN)
                    found.append(AuditEntry(dated_s, directive.id, "refused", None, "refused", reason, directive.by))
        return found

    def _why_refused(self, text: Notification, draft: Draft, directive: ForTexts) -> str | None:
        fault = self.fault(draft, directive.by)
        if fault is not None or directive.by == draft.decided_by:
            return fault
        if draft.decided_by is not None:
            return f"{draft.decided_by} has decided before"
        if text.state == "draft":
            return None if self._waiting.digest_of(text.id) == draft.digest else "the text was changed since"
        return f"the text is {text.state}: {text.reason}"
