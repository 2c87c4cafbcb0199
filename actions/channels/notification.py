"""A notification as it stands on the response topic: a message, its channel, and how far its delivery is. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Literal

from actions.channels.machine import NotificationEvent, NotificationState, next_state
from actions.channels.message import ChannelRefused, Delivery, Message
from actions.trust.roles import Role

RETRY_FIRST_S = 1.0
RETRY_MAX_S = 60.0
GIVE_UP_AFTER_S = 900.0
FALLBACK_AFTER_S = 30.0
MAX_REASON = 300
FailureReason = Literal["refused", "timed_out", "unknown_channel"]
"""The channel refused it for good, did not take it within 15 minutes, or is not configured any more."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What makes a text wait for a person. digest: of the text, the same for all channels and recipients; each change
    of the text gives another. roles: of which a person must decide. decided_by: who did, None while nobody has.
    """

    audience: str
    service: str
    digest: str
    roles: tuple[Role, ...]
    decided_by: str | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """One message for one channel. version: one more with each change. reason: why it has its state.

    urgent: whether it pages, so that a fallback tells it too when the channel does not take it. created_at_s: when it
    was to be told; of a text that a person released, when that was. due_at_s: when the next attempt may begin.
    reference: by which the vendor knows it. draft: of a text that waits, or waited, for a person. Times in seconds
    since the epoch.
    """

    message: Message
    channel: str
    version: int
    state: NotificationState
    reason: str
    urgent: bool
    created_at_s: float
    changed_at_s: float
    due_at_s: float
    attempts: int = 0
    reference: str | None = None
    failure: FailureReason | None = None
    draft: Draft | None = None

    @property
    def id(self) -> str:
        """Its id, the same for the same event, recipient and channel."""
        return self.message.id

    @property
    def subject(self) -> str:
        """Its key on the response topic."""
        return f"notification/{self.id}"


def notification_id(
    incident_id: str, event: str, step: str, round_: int, recipient: str | None, channel: str,
) -> str:
    """The id of what is told to somebody on a channel: a repeat of the decision to tell it has the same id.

    step: distinguishes what one event tells more than once, such as the severity of a change; empty without.
    """
    parts = (incident_id, event, step, str(round_), recipient or "", channel)
    return hashlib.sha256("".join(f"{len(part)}:{part}" for part in parts).encode()).hexdigest()[:32]


def queued(message: Message, channel: str, *, urgent: bool, now_s: float) -> Notification:
    """A new notification, to be written before anything is sent."""
    return Notification(message, channel, 1, "queued", f"to be told: {message.event}", urgent, now_s, now_s, now_s)


def drafted(message: Message, channel: str, draft: Draft, now_s: float) -> Notification:
    """A new notification that waits for a person."""
    reason = f"waits for a {' or '.join(draft.roles)} to release it"
    return Notification(message, channel, 1, "draft", reason, False, now_s, now_s, now_s, draft=draft)


def redrafted(one: Notification, message: Message, draft: Draft, now_s: float) -> Notification:
    """A notification that waits for a person, with another text: who saw the one before decides nothing about it."""
    made = changed(one, "redraft", f"the text was changed, waits for a {' or '.join(draft.roles)}", now_s)
    return replace(made, message=message, draft=draft)


def decided(
    one: Notification, event: Literal["release", "withdraw"], by: str, comment: str, now_s: float,
) -> Notification:
    """A notification that waited for a person, once that person has decided."""
    words = "released" if event == "release" else "withdrawn"
    made = changed(one, event, f"{words} by {by}" + (f": {comment}" if comment else ""), now_s)
    draft = None if one.draft is None else replace(one.draft, decided_by=by)
    begun_s = now_s if event == "release" else one.created_at_s
    return replace(made, draft=draft, created_at_s=begun_s, due_at_s=now_s)


def changed(one: Notification, event: NotificationEvent, reason: str, now_s: float) -> Notification:
    """The notification after an event, for a machine that knows the event in this state."""
    state = next_state(one.state, event)
    return replace(one, version=one.version + 1, state=state, reason=reason[:MAX_REASON], changed_at_s=now_s)


def claimed(one: Notification, now_s: float) -> Notification:
    """It is being sent."""
    attempt = one.attempts + 1
    return replace(changed(one, "claim", f"attempt {attempt}", now_s), attempts=attempt)


def accepted(one: Notification, delivery: Delivery, now_s: float) -> Notification:
    """The channel took it."""
    return replace(changed(one, "accept", delivery.detail, now_s), reference=delivery.reference)


def refused(one: Notification, refusal: ChannelRefused, now_s: float) -> Notification:
    """The channel did not take it: for good, or until it is tried again."""
    if refusal.final:
        return replace(changed(one, "refuse", refusal.reason, now_s), failure="refused")
    wait_s = retry_after_s(one.attempts) if refusal.retry_after_s is None else refusal.retry_after_s
    return replace(changed(one, "defer", refusal.reason, now_s), due_at_s=now_s + wait_s)


def retry_after_s(attempts: int) -> float:
    """How long to wait after so many attempts: 1 s, then twice as long each time, at most 60 s.

    >>> [retry_after_s(attempts) for attempts in (1, 2, 3, 7, 50)]
    [1.0, 2.0, 4.0, 60.0, 60.0]
    """
    return min(RETRY_FIRST_S * 2.0 ** min(max(attempts - 1, 0), 10), RETRY_MAX_S)
