"""Who is told of a decision without approval before it counts, and what. Pure."""

from __future__ import annotations

from collections.abc import Collection

from actions.approvals.request import ApprovalRequest, GivenDecision
from actions.channels.contacts import Contacts
from actions.channels.message import Message
from actions.channels.notification import notification_id
from actions.channels.texts import ASKED, MAX_TEXT, MAX_TITLE

SKIPPED = "approval, freeze, cooldown, budget and storm brake"


def glass_messages(
    request: ApprovalRequest, given: GivenDecision, commanders: Collection[str], contacts: Contacts, severity: str,
    source: str,
) -> list[tuple[Message, str]]:
    """What is told, each with its channel: to every other commander, or to whom the channels are configured with.

    The same arguments give the same ids. severity: of the incident. source: of the deployment.
    """
    others: list[str | None] = [one for one in commanders if one != given.by]
    found: dict[tuple[str, str | None], Message] = {}
    for person in others or [None]:
        for channel in contacts.channels_for(person, None):
            address = contacts.address(person, channel)
            name = notification_id(request.intent.incident_id, "page", given.id, 0, person, channel)
            found.setdefault((channel, address), _message(request, given, severity, name, address, source))
    return [(message, channel) for (channel, _), message in found.items()]


def _message(
    request: ApprovalRequest, given: GivenDecision, severity: str, name: str, address: str | None, source: str,
) -> Message:
    intent = request.intent
    thread = f"{source}/{intent.incident_id}"
    lines = [
        f"{intent.kind} on {intent.target} runs now, past {SKIPPED}", f"decided by {given.by}: {given.comment}",
        f"why it was asked for: {intent.reason}", f"request {request.key}", f"incident {intent.incident_id}",
    ]
    return Message(
        name, intent.incident_id, "page", f"{thread}/{ASKED}/{name}", thread, address, severity,
        f"[{severity}] {given.by} broke the glass: {intent.kind} on {intent.target}"[:MAX_TITLE],
        "\n".join(lines)[:MAX_TEXT],
    )
