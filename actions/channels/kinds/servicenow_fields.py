"""From a message to the fields of an incident or of an event in ServiceNow. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping

from actions.channels.inert import one_line, plain, shortened
from actions.channels.message import Message
from actions.kinds.http import JsonValue

MAX_CORRELATION = 100
"""Characters of `correlation_id` and `correlation_display`."""
MAX_SHORT_DESCRIPTION = 160
MAX_TEXT = 4_000
MAX_EVENT_FIELD = 100
"""Characters of source, node, resource and type of an event."""
MAX_MESSAGE_KEY = 1_024
NEW, IN_PROGRESS, ON_HOLD, RESOLVED, CLOSED, CANCELED = "1", "2", "3", "6", "7", "8"
IMPACT_URGENCY: Mapping[str, tuple[str, str]] = {
    "P0": ("1", "1"), "P1": ("1", "2"), "P2": ("2", "2"), "P3": ("2", "3"), "P4": ("3", "3"),
}
"""With the priorities that ServiceNow ships, they make the priorities 1 to 5."""
EVENT_SEVERITY: Mapping[str, str] = {"P0": "1", "P1": "2", "P2": "3", "P3": "4", "P4": "5"}
"""1 critical, 2 major, 3 minor, 4 warning, 5 information; 0 ends the alert."""
CLEAR = "0"
_CODE = re.compile(r"\[(/?code)\]", re.IGNORECASE)


def source_of_key(message: Message) -> str:
    """The deployment that a message is of, by its keys: what stands before the incident in one of them."""
    for key in (message.dedup_key, message.thread):
        before, found, _ = key.partition(f"/{message.incident_id}")
        if found:
            return before
    return message.dedup_key


def record_key(message: Message) -> str:
    """The key of the one record of the message's incident, whatever the message says; of a test its own."""
    if message.event == "test":
        return correlation_id(message.dedup_key)
    return correlation_id(f"{source_of_key(message)}/{message.incident_id}")


def correlation_id(key: str) -> str:
    """The key as ServiceNow takes it: at most 100 characters, a longer one by its hash.

    >>> correlation_id("/tocsin/t/inc-1"), len(correlation_id("a" * 101))
    ('/tocsin/t/inc-1', 64)
    """
    return key if len(key) <= MAX_CORRELATION else hashlib.sha256(key.encode()).hexdigest()


def encoded(value: str) -> str:
    """A value for an encoded query, in which `^` separates conditions.

    >>> encoded("a^b")
    'a^^b'
    """
    return value.replace("^", "^^")


def marker(message: Message) -> str:
    """By which a text that was written is recognised after an answer that was lost."""
    return f"[tocsin {message.id}]"


def written_text(message: Message) -> str:
    """The text of a description or a work note. What stands between `[code]` and `[/code]` in a work note is shown as
    HTML, so these marks are written with other brackets.
    """
    text = shortened(_inert(f"{plain(message.title)}\n\n{plain(message.text)}"), MAX_TEXT)
    link = "" if message.link is None else f"\n{message.link}"
    return f"{text}{link}\n{marker(message)}"


def created(message: Message, key: str, extra: Mapping[str, str], close_code: str) -> dict[str, JsonValue]:
    """The fields of a new record. extra: of the operator. A test is created as resolved."""
    impact, urgency = IMPACT_URGENCY[message.severity]
    fields: dict[str, JsonValue] = {
        **extra, "short_description": one_line(_inert(message.title), MAX_SHORT_DESCRIPTION),
        "description": written_text(message), "impact": impact, "urgency": urgency, "correlation_id": key,
        "correlation_display": correlation_id(source_of_key(message)),
    }
    is_effect = f"/{message.incident_id}" not in message.thread
    if message.event == "open" and is_effect and message.reference is not None:
        fields["parent_incident"] = message.reference
    if message.event == "test":
        fields |= {"state": RESOLVED, "close_code": close_code, "close_notes": "A test."}
    return fields


def changed(message: Message, state: str, close_code: str) -> dict[str, JsonValue]:
    """The fields that a message changes in a record of this state. A record that people closed keeps its state."""
    fields: dict[str, JsonValue] = {"work_notes": written_text(message)}
    is_over = state in (CLOSED, CANCELED)
    if message.event in ("open", "change"):
        fields["impact"], fields["urgency"] = IMPACT_URGENCY[message.severity]
    if message.event == "change" and state == RESOLVED:
        fields["state"] = IN_PROGRESS
    if message.event == "milestone" and state == NEW:
        fields["state"] = IN_PROGRESS
    if message.event == "close" and not is_over and state != RESOLVED:
        fields |= {"state": RESOLVED, "close_code": close_code, "close_notes": one_line(_inert(message.text), MAX_TEXT)}
    return fields


def event_record(message: Message, key: str) -> dict[str, JsonValue]:
    """The event of a message. additional_info: a JSON object as a string."""
    is_over = message.event == "close"
    info = {"incident": message.incident_id, "severity": message.severity, "text": plain(message.text)[:MAX_TEXT]}
    return {
        "source": "Tocsin", "event_class": source_of_key(message)[:MAX_EVENT_FIELD],
        "node": message.incident_id[:MAX_EVENT_FIELD], "type": "incident",
        "severity": CLEAR if is_over else EVENT_SEVERITY[message.severity],
        "resolution_state": "Closing" if is_over else "New", "message_key": key[:MAX_MESSAGE_KEY],
        "description": one_line(message.title, MAX_TEXT), "additional_info": json.dumps(info),
    }


def _inert(text: str) -> str:
    return _CODE.sub(r"(\1)", text)
