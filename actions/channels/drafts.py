"""The notifications that follow from what is known of an incident and its requests, as new ones. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from actions.approvals.request import ApprovalRequest
from actions.channels.message import Event
from actions.channels.notification import FALLBACK_AFTER_S, Notification, notification_id, queued
from actions.channels.routes import URGENT, KnownIncident, Route, reaches
from actions.channels.texts import approval_text, incident_message, is_release, release_text

MAX_TEXTS = 20
"""Texts of one incident that a channel is asked to release; more are listed by `tocsin audience list`."""
FALLBACK_WITHIN_S = 3_600.0
"""A failure that is older than this is no reason any more to tell the fallback."""


def about_incident(
    seen: KnownIncident, channel: str, event: Event, step: str, source: str, now_s: float,
) -> Notification:
    """What a channel is told of an event. source: of the deployment."""
    incident = seen.incident
    name = notification_id(incident.id, event, step, 0, None, channel)
    late_s = seen.late_s if seen.is_late else None
    message = incident_message(
        incident, event, name, source, late_s=late_s, owners=seen.owners, leads=seen.leads,
    )
    urgent = event in ("open", "change") and incident.peak_severity in URGENT and not seen.is_late
    return queued(message, channel, urgent=urgent, now_s=now_s)


def about_requests(
    seen: KnownIncident, channel: str, route: Route, requests: Collection[ApprovalRequest], source: str, now_s: float,
) -> Iterator[Notification]:
    """What a channel is told of the requests of an incident that wait for people."""
    incident = seen.incident
    if "approval" not in route.on or not reaches(incident.peak_severity, route.least):
        return
    for request in requests:
        if request.intent.incident_id == incident.id:
            name = notification_id(incident.id, "approval", request.key, request.version, None, channel)
            message = approval_text(request, incident.peak_severity, name, source)
            yield queued(message, channel, urgent=False, now_s=now_s)


def about_drafts(
    seen: KnownIncident, channel: str, route: Route, drafts: Collection[Notification], given: Collection[Notification],
    now_s: float,
) -> Iterator[Notification]:
    """What a channel is told of the texts of an incident that wait for a person. drafts: one for each text.

    given: all that the channel was told of the incident. At most `MAX_TEXTS` texts of one incident are told.
    """
    incident = seen.incident
    if "approval" not in route.on or not reaches(incident.peak_severity, route.least):
        return
    if sum(one.message.event == "approval" and is_release(one.message) for one in given) >= MAX_TEXTS:
        return
    for one in drafts:
        if one.draft is not None:
            name = notification_id(incident.id, "approval", one.draft.digest, 0, None, channel)
            yield queued(release_text(one.message, one.draft, name), channel, urgent=False, now_s=now_s)


def fallback_of(
    one: Notification, route: Route | None, others: Collection[Notification], now_s: float,
    recipient: str | None = None,
) -> Notification | None:
    """The same on the channel that stands in, where a page was not taken in time; None where that is not due.

    others: all notifications of the incident. recipient: whom the fallback tells, None for whom it is configured with.
    """
    age_s = now_s - one.created_at_s
    if not one.urgent or route is None or route.fallback is None or one.state in ("sent", "superseded"):
        return None
    if age_s > FALLBACK_WITHIN_S or (one.state != "failed" and age_s < FALLBACK_AFTER_S):
        return None
    message = one.message
    said = (route.fallback, message.dedup_key, message.event, message.severity)
    is_told = any(
        (each.channel, each.message.dedup_key, each.message.event, each.message.severity) == said for each in others
    )
    if is_told:
        return None
    name = notification_id(message.incident_id, message.event, one.id, 0, message.recipient, route.fallback)
    return queued(replace(message, id=name, recipient=recipient), route.fallback, urgent=True, now_s=now_s)
