"""The descriptions of the fields of notifications."""

from __future__ import annotations

from collections.abc import Mapping

from actions.channels.message import Button, Message
from actions.channels.notification import Draft, Notification

NOTIFICATION_FIELDS: Mapping[type, Mapping[str, str]] = {
    Notification: {
        "message": "What is told.",
        "channel": "The name of the channel in the configuration.",
        "version": "One more with each change; of two records the higher version counts.",
        "state": "draft, queued, sending and retrying are under way; all others have ended.",
        "reason": "Why it has this state, in a sentence for a human, without secrets.",
        "urgent": "Whether it pages, so that the fallback tells it too when the channel does not take it.",
        "created_at_s": "When it was decided, or released by a person, seconds since the epoch.",
        "changed_at_s": "When it got its state.",
        "due_at_s": "When the next attempt may begin.",
        "attempts": "How often it was sent.",
        "reference": "By which the vendor knows it; null until it was accepted.",
        "failure": "Why it failed, one word of a closed set; null where it did not.",
        "draft": "Of a text that waits, or waited, for a person; null for all others.",
    },
    Draft: {
        "audience": "The audience by name.",
        "service": "The service of the incident, for which the person must have the role.",
        "digest": "Of the text: what a decision of a person names.",
        "roles": "Of which a person must decide.",
        "decided_by": "Who released or withdrew it; null while nobody has.",
    },
    Message: {
        "id": "The same for the same event, recipient and channel.",
        "incident_id": "The incident that it is about.",
        "event": "Why somebody is told.",
        "dedup_key": "By which the vendor recognises a repeat.",
        "thread": "Messages with the same thread belong together.",
        "recipient": "Whom the channel tells; null for the one that it is configured with.",
        "severity": "P0 to P4.",
        "title": "Plain text, not escaped.",
        "text": "Plain text, not escaped.",
        "html": "The text as HTML, its labels escaped; null where there is none.",
        "link": "A page about it; null for none.",
        "buttons": "What the reader may do, where the channel has buttons.",
        "reference": "Set while it is sent; null in the log.",
        "in_doubt": "Set while it is sent; false in the log.",
    },
    Button: {
        "action": "What it does.",
        "label": "What it says.",
        "value": "What it is about: an incident, or a request with its digest.",
        "confirm": "What the reader is asked before it counts; null for nothing.",
    },
}
