"""Others are notified of a decision without approval before it counts: each channel took it, or `WITHIN_S` passed."""

from __future__ import annotations

from collections.abc import Callable, Collection

from actions.approvals.request import ApprovalRequest, GivenDecision
from actions.bounded import remember
from actions.channels.contacts import Contacts
from actions.channels.machine import ENDED
from actions.outbox.broken_glass import glass_messages
from classifiers.model import Incident
from streams.respond.notify.notifier import Notifier

WITHIN_S = 5.0
"""A channel that is down does not hold up what cannot wait."""
MAX_SINCE = 1_000


class BreakGlassNotice:
    """See `actions.approvals.desk.Notified`. commanders: of a service, by name. incident: by its id. source: of the
    deployment."""

    def __init__(
        self, notifier: Notifier, contacts: Contacts, commanders: Callable[[str], Collection[str]],
        incident: Callable[[str], Incident | None], source: str,
    ) -> None:
        self._notifier = notifier
        self._contacts = contacts
        self._commanders = commanders
        self._incident = incident
        self._source = source
        self._since_s: dict[str, float] = {}

    def __call__(self, request: ApprovalRequest, given: GivenDecision, now_s: float) -> bool:
        """Whether the decision may count now."""
        incident = self._incident(request.intent.incident_id)
        severity = "P0" if incident is None else incident.peak_severity
        messages = glass_messages(
            request, given, self._commanders(request.intent.service), self._contacts, severity, self._source,
        )
        logged = self._notifier.outbox.notifications
        for message, channel in messages:
            if message.id not in logged:
                self._notifier.tell(message, channel, urgent=True)
        if given.id not in self._since_s:
            remember(self._since_s, given.id, now_s, MAX_SINCE)
        is_over = now_s - self._since_s[given.id] >= WITHIN_S
        return is_over or all(message.id in logged and logged[message.id].state in ENDED for message, _ in messages)
