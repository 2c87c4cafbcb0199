"""The pages of escalations as notifications of channels: what is to be told, and until when. Pure.

A page has a key of its own at the vendor, so whoever was told of the incident by the channel itself is still woken up.
The alerts that pages made at a vendor end with the incident.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace

from actions.audiences.due import AudienceTexts
from actions.channels.contacts import Contacts
from actions.channels.message import Event, Message
from actions.channels.notification import Notification, notification_id, queued
from actions.channels.routes import KnownIncident, acknowledged, heard
from actions.channels.texts import incident_message, is_by_hand, page_message
from actions.escalation.desk import EscalationDesk
from actions.escalation.machine import EscalationState
from actions.escalation.record import Notify

OVER: dict[EscalationState, str] = {
    "acknowledged": "the incident is acknowledged", "suspended": "the incident is silenced, flaps or is an effect",
    "idle": "the severity alone pages nobody any more", "closed": "the incident is over",
}
"""In these states of its escalation, a page that no channel took yet is told no more."""


class EscalationPages:
    """desk: the escalations as they stand. contacts: how people are reached. source: of the deployment. audiences: the
    texts for those that steps tell.
    """

    def __init__(self, desk: EscalationDesk, contacts: Contacts, source: str, audiences: AudienceTexts) -> None:
        self.audiences = audiences
        self._desk = desk
        self._contacts = contacts
        self._source = source

    def due(self, now_s: float, mine: Callable[[str], bool]) -> Iterator[Notification]:
        """What is to be told of the escalations, in the order of their steps. What the log has already is among it.
        mine: whether an incident is asked for.
        """
        for one in self._desk.pending(lambda _, incident_id: mine(incident_id)):
            yield from self.notifications_of(one, now_s)

    def notifications_of(self, notify: Notify, now_s: float) -> list[Notification]:
        """What is told of one page, or to one audience; empty where no channel is for it. It has the same ids whenever
        it is asked.
        """
        if notify.kind == "tell":
            incident = self._desk.incident(notify.incident_id)
            if incident is None or notify.recipient is None:
                return []
            told = self.audiences.invited(notify.recipient, incident, now_s)
            return [one for one in told if one.channel in self._contacts.channels]
        channels = self._contacts.channels_for(notify.recipient, notify.via)
        return [queued(self._message(notify, each), each, urgent=True, now_s=now_s) for each in channels]

    def over(self, message: Message) -> str | None:
        """Why the pages of the incident of a message are told no more; None while they are. What a person asked for is
        told until the incident is over.
        """
        escalation = self._desk.escalations.get(message.incident_id)
        if escalation is None or (is_by_hand(message) and escalation.state != "closed"):
            return None
        return OVER.get(escalation.state)

    def moved(self, message: Message, channel: str, other: str) -> str | None:
        """The recipient of a message on the channel that stands in for another."""
        return self._contacts.moved(message.recipient, channel, other)

    def _message(self, notify: Notify, channel: str) -> Message:
        name = notification_id(notify.incident_id, notify.kind, notify.id, notify.round, notify.recipient, channel)
        address = self._contacts.address(notify.recipient, channel)
        return page_message(notify, self._desk.incident(notify.incident_id), name, address, self._source)


def page_endings(
    seen: KnownIncident, channel: str, given: Collection[Notification], source: str, now_s: float,
) -> Iterator[Notification]:
    """What ends, or acknowledges, the alerts that pages made at a vendor. given: of this incident and channel."""
    incident = seen.incident
    event: Event = "close" if incident.state == "resolved" else "milestone"
    if event == "milestone" and not acknowledged(incident, now_s):
        return
    told = {(one.message.event, one.message.dedup_key) for one in given}
    for one in given:
        key = one.message.dedup_key
        if one.message.event == "page" and heard(one) and not told & {(event, key), ("close", key)}:
            name = notification_id(incident.id, event, one.id, 0, None, channel)
            message = replace(incident_message(incident, event, name, source), dedup_key=key)
            yield queued(message, channel, urgent=False, now_s=now_s)
