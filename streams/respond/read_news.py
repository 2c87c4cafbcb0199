"""Hands on what the topic reader has read: to the escalations, to who watches over HTTP, and to the notifications.

Guarantee on crash and on duplicate: that of those it hands on to, which take a record twice without effect.
"""

from __future__ import annotations

from collections.abc import Callable

from actions.approvals.desk import Desk
from actions.approvals.request import ApprovalRequest
from actions.channels.notification import Notification
from actions.escalation.desk import EscalationDesk
from classifiers.model import Incident
from streams.respond.http.event_stream import EventStream
from streams.respond.notify.notifier import Notifier
from streams.respond.topic_reader import TopicReader


class ReadNews:
    """events: of the HTTP interface."""

    def __init__(self, escalations: EscalationDesk, events: EventStream, notifier: Notifier) -> None:
        self._escalations = escalations
        self._events = events
        self._notifier = notifier

    def follow(self, reader: TopicReader) -> None:
        """Hand on what it reads from now on."""
        reader.on_request = self._request
        reader.on_incident = self._incident
        reader.on_notification = self._notification
        reader.on_release = self._notifier.outbox.add_decision

    def _request(self, request: ApprovalRequest) -> None:
        self._escalations.note(request.intent.incident_id)
        self._events.publish("approval", request.key, request)
        self._notifier.outbox.add_request(request)

    def _incident(self, incident: Incident, dated_s: float) -> None:
        self._events.publish("incident", incident.id, incident)
        self._notifier.add_incident(incident, dated_s)

    def _notification(self, name: str, one: Notification | None, partition: int) -> None:
        if one is None:
            self._notifier.outbox.forget(name)
        else:
            self._notifier.outbox.record(one, partition)


class ReadLag:
    """Tells the desks whether all is read: what is not read yet may answer a request or end an escalation."""

    def __init__(self, desk: Desk, escalations: EscalationDesk, now_s: Callable[[], float]) -> None:
        self._desk = desk
        self._escalations = escalations
        self._now_s = now_s

    def note(self, waiting: int | None) -> None:
        """waiting: records that are not read yet, None where that is not known."""
        if waiting is None:
            self._desk.blind()
            self._escalations.blind()
        elif waiting == 0:
            self._desk.sighted(self._now_s())
            self._escalations.sighted(self._now_s())
