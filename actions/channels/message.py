"""What a notification says, and the interface of channels, which tell it to people.

Guarantee on a crash and on a duplicate: a message may be sent again with the same `dedup_key`. A channel passes the key
on in whatever way its vendor recognises a repeat, so that people are told once where the vendor can tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

Event = Literal["open", "change", "milestone", "close", "page", "approval", "update", "test"]
"""Why somebody is told. `page` wakes somebody; `approval` asks for a decision; `update` is what a person wrote."""
ButtonAction = Literal["approve", "reject", "acknowledge", "release", "withdraw", "silence"]


@dataclass(frozen=True, slots=True)
class Button:
    """Something the reader may do. label: what the button says. value: what it is about, an incident or a request.
    confirm: what the reader is asked before it counts, None for nothing.
    """

    action: ButtonAction
    label: str
    value: str
    confirm: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One notification to one recipient.

    id: of the notification. dedup_key: the same in every attempt and for every message that updates this one at the
    vendor (the alert at PagerDuty, the record of ServiceNow). thread: messages with the same thread belong together.
    recipient: whom the channel tells, None for the one that it is configured with. severity: P0 to P4.
    title, text: plain text, unescaped; each channel makes labels in them inert. html: escaped already.

    The owner of the notification sets the last two when it sends. reference: of the thread's first message at this
    channel, None where there is none. in_doubt: an earlier attempt may have arrived.
    """

    id: str
    incident_id: str
    event: Event
    dedup_key: str
    thread: str
    recipient: str | None
    severity: str
    title: str
    text: str
    html: str | None = None
    link: str | None = None
    buttons: tuple[Button, ...] = ()
    reference: str | None = None
    in_doubt: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a channel accepted. reference: by which the vendor knows the message, for threads and updates; None for
    none. detail: one sentence for a person, without secrets.
    """

    reference: str | None
    detail: str


class ChannelRefused(Exception):  # noqa: N818  it is the channel's answer
    """A message was not accepted. final: whether sending it again cannot help. reason: without secrets.

    retry_after_s: how long the channel asks to wait, None where it does not say.
    """

    def __init__(self, reason: str, *, final: bool, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.final = final
        self.retry_after_s = retry_after_s


class Channel(Protocol):
    """One configured way to tell people. Only the owner of a notification calls `send`."""

    async def send(self, message: Message) -> Delivery:
        """Tell it once, within the channel's own time limit. Raises `ChannelRefused`."""

    async def close(self) -> None:
        """Release what the channel holds open."""
