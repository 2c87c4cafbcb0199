"""The built-in texts of notifications, plain and unescaped: each channel makes the labels in them inert. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256

from actions.approvals.explained import explained
from actions.approvals.request import ApprovalRequest, asked_text
from actions.channels.message import Button, Event, Message
from actions.channels.notification import Draft
from actions.escalation.record import BY_HAND, Notify, NotifyKind
from classifiers.incident_silence import silenced_text
from classifiers.model import Incident

MAX_TITLE = 250
MAX_TEXT = 2_000
MAX_FACTORS = 5
ASKED = "asked"
"""Is in the key of a page that a person asked for."""
TEXT = "text"
"""Is in the key of a message that asks to release a text."""
WORDS: dict[Event, str] = {"open": "Opened", "change": "More severe", "milestone": "Acknowledged", "close": "Resolved"}
PAGE_WORDS: dict[NotifyKind, str] = {
    "page": "Page", "digest": "Many pages", "fallback": "Nobody answers", "limit": "Many notifications",
}
Owners = Sequence[tuple[str, Sequence[str]]]
"""The people who own each of some services."""
RESOLUTIONS = {
    "lost": "its state was lost, so nobody can say whether its cause is over", "manual": "a person declared it over",
    "expected": "a person called it a planned change",
}


def incident_message(
    incident: Incident, event: Event, notification: str, source: str, *, late_s: float | None = None,
    buttons: bool = True, owners: Owners = (), leads: bool = False,
) -> Message:
    """What a channel is told of an incident. notification: its id. source: of the deployment, so that two deployments
    have different keys at a vendor. late_s: how old the data was, None where it was not late. owners: of each service
    that it is about. leads: whether it has a thread of its own although it has a cause.
    """
    severity = incident.peak_severity
    title = f"[{severity}] {WORDS.get(event, 'Incident')}: {incident.title}"
    lines = [
        f"service {_scope(incident)}", f"category {incident.category}, severity {severity}",
        *([f"acknowledged by {incident.acknowledged.by}"] if incident.acknowledged is not None else []),
        *_people(incident, owners),
        *([_ending(incident)] if event == "close" else [factor.text for factor in incident.factors[:MAX_FACTORS]]),
        *([f"late: the data was {late_s / 60.0:.0f} min old when it was judged"] if late_s is not None else []),
        f"incident {incident.id}",
    ]
    cause = next((one.id for one in incident.related if one.relation == "caused_by"), None)
    if cause is not None:
        lines.insert(0, f"an effect of incident {cause}")
    acts = () if event == "close" or not buttons else _buttons(incident)
    thread = incident.id if leads or cause is None else cause
    return Message(
        notification, incident.id, event, f"{source}/{incident.id}", f"{source}/{thread}", None,
        severity, title[:MAX_TITLE], "\n".join(lines)[:MAX_TEXT], buttons=acts,
    )


def page_message(
    notify: Notify, incident: Incident | None, notification: str, address: str | None, source: str,
) -> Message:
    """What a channel is told of a step of an escalation. incident: None where it is not known here. address: of who is
    paged at the channel, None where the channel tells whom it is configured with.
    """
    severity = "P0" if incident is None else incident.severity
    asked = notify.step == BY_HAND
    whom = "" if notify.recipient is None else f" for {notify.recipient}"
    about = f"incident {notify.incident_id}" if incident is None else incident.title
    at_step = f"step {notify.step}, round {notify.round}{whom}: "
    lines = [
        f"{'' if asked else at_step}{notify.reason}",
        *([] if incident is None else [
            f"service {_scope(incident)}", f"category {incident.category}, severity {severity}", *_people(incident, ()),
            *(factor.text for factor in incident.factors[:MAX_FACTORS]),
        ]),
        f"incident {notify.incident_id}",
    ]
    key = f"{source}/{notify.incident_id}"
    own_key = f"{key}/{ASKED if asked else 'page'}/{notification}"
    return Message(
        notification, notify.incident_id, "page", own_key, key, address, severity,
        f"[{severity}] {PAGE_WORDS[notify.kind]}{whom}: {about}"[:MAX_TITLE], "\n".join(lines)[:MAX_TEXT],
        buttons=(Button("acknowledge", "Acknowledge", notify.incident_id),) if incident is None else _buttons(incident),
    )


def approval_text(request: ApprovalRequest, severity: str, notification: str, source: str) -> Message:
    """What a channel is told of a request that waits for people."""
    intent = request.intent
    terms = request.terms
    lines = [
        f"{intent.kind} on {intent.target}", f"why: {intent.reason}",
        *(f"{name}: {text}" for name, text in explained(intent)),
        f"{asked_text(terms)} must approve within {terms.expires_after_s / 60.0:g} min",
        f"request {request.key}", f"incident {intent.incident_id}",
    ]
    return Message(
        notification, intent.incident_id, "approval", f"{source}/approval/{request.key}",
        f"{source}/{intent.incident_id}", None, severity,
        f"[{severity}] Approve? {intent.kind} on {intent.target}"[:MAX_TITLE], "\n".join(lines)[:MAX_TEXT],
        buttons=(
            Button("approve", "Approve", f"{request.key} {intent.digest or ''}".strip()),
            Button("reject", "Reject", f"{request.key} {intent.digest or ''}".strip()),
        ),
    )


def still_alarming(incident: Incident, act: str, source: str) -> Message:
    """What a record is told that was resolved while its incident alarms. act: a name of that act, so that it is told
    once. source: of the deployment.
    """
    key = f"{source}/{incident.id}"
    name = sha256(f"{key}/still-alarming/{act}".encode()).hexdigest()[:32]
    text = "The record was resolved, and the incident alarms. It is acknowledged, and stays open until it is over."
    return Message(
        name, incident.id, "update", key, key, None, incident.peak_severity,
        f"[{incident.peak_severity}] Not over: {incident.title}"[:MAX_TITLE], text,
    )


def release_text(text: Message, draft: Draft, notification: str) -> Message:
    """What a channel is told of a text that waits for a person. It has buttons if the channel shows the whole text."""
    source, _, _ = text.dedup_key.rpartition(f"/{text.incident_id}/")
    head = f"a {' or '.join(draft.roles)} must release this text; `tocsin audience show {draft.digest}` has all of it"
    body = f"{head}\n\n{text.title}\n\n{text.text}"
    asked = f"It is told to {draft.audience} now, word for word, and cannot be taken back."
    buttons = (Button("release", "Release", draft.digest, asked), Button("withdraw", "Do not send", draft.digest))
    return Message(
        notification, text.incident_id, "approval", f"{source}/{TEXT}/{draft.digest}", f"{source}/{text.incident_id}",
        None, text.severity, f"[{text.severity}] Release for {draft.audience}? {text.title}"[:MAX_TITLE],
        body[:MAX_TEXT], buttons=buttons if len(body) <= MAX_TEXT else (),
    )


def is_by_hand(page: Message) -> bool:
    """Whether a person asked for a page."""
    return page.dedup_key.rpartition("/")[0].endswith(f"/{ASKED}")


def is_release(message: Message) -> bool:
    """Whether a message asks to release a text."""
    return message.dedup_key.rpartition("/")[0].endswith(f"/{TEXT}")


def sample(channel: str, now_s: float, source: str) -> Message:
    """The message of `tocsin notify test`. Each test is told anew."""
    key = f"{source}/test/{now_s:.3f}"
    return Message(
        key, "test", "test", key, key, None, "P4", f"[test] Tocsin can tell the channel {channel}",
        "This is a test by `tocsin notify test`. Nothing is wrong.",
    )


def _buttons(incident: Incident) -> tuple[Button, ...]:
    """What people may do about an incident that is open."""
    acknowledge = Button("acknowledge", "Acknowledge", incident.id)
    if silenced_text(incident) is None:
        return (acknowledge,)
    return acknowledge, Button("silence", "Silence", incident.id)


def _scope(incident: Incident) -> str:
    named = [("model", incident.model), ("version", incident.version), ("replica", incident.replica),
             ("tenant", incident.tenant)]
    return ", ".join([incident.service, *(f"{name} {value}" for name, value in named if value is not None)])


def _people(incident: Incident, owners: Owners) -> Iterator[str]:
    """Who has a role of the incident, and who owns the services that it is about."""
    assigned = ", ".join(incident.owners)
    held = (("commander", incident.commander), ("scribe", incident.scribe), ("assigned to", assigned))
    if named := ", ".join(f"{role} {who}" for role, who in held if who):
        yield named
    if owners:
        yield "owners: " + "; ".join(f"{', '.join(people)} ({service})" for service, people in owners)


def _ending(incident: Incident) -> str:
    why = None if incident.resolution is None else RESOLUTIONS.get(incident.resolution, incident.resolution)
    took_s = None if incident.resolved_at_s is None else incident.resolved_at_s - incident.opened_at_s
    lasted = "" if took_s is None else f"resolved after {took_s / 60.0:.0f} min"
    return ", ".join(part for part in (lasted, why) if part) or "resolved"
