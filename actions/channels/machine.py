"""The states of a notification, as a table. A pair that is not in it changes nothing.

    draft    -> draft | queued | withdrawn  the text was changed; a person released it; a person took it back
    draft    -> superseded | failed         as for queued, but for a day instead of 15 minutes
    queued   -> sending                     written before the call, so that a restart knows that it may have been told
    sending  -> sent | retrying | failed    accepted; refused for now, or in doubt after a restart; refused for good
    retrying -> sending                     the same dedup key again
    queued | retrying -> superseded         somebody acknowledged, it is over, or something newer is to be told
    queued | retrying -> failed             not accepted within 15 minutes

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

NotificationState = Literal["draft", "queued", "sending", "sent", "retrying", "failed", "superseded", "withdrawn"]
NotificationEvent = Literal[
    "claim", "accept", "defer", "refuse", "interrupt", "supersede", "give_up", "redraft", "release", "withdraw",
]
"""redraft: its incident was changed, so a text that waits for a person has other words. defer: refused for now. refuse:
refused for good. interrupt: found as `sending` by a new owner."""

TRANSITIONS: Mapping[tuple[NotificationState, NotificationEvent], NotificationState] = {
    ("draft", "redraft"): "draft",
    ("draft", "release"): "queued",
    ("draft", "withdraw"): "withdrawn",
    ("draft", "supersede"): "superseded",
    ("draft", "give_up"): "failed",
    ("queued", "claim"): "sending",
    ("queued", "supersede"): "superseded",
    ("queued", "give_up"): "failed",
    ("sending", "accept"): "sent",
    ("sending", "defer"): "retrying",
    ("sending", "refuse"): "failed",
    ("sending", "interrupt"): "retrying",
    ("retrying", "claim"): "sending",
    ("retrying", "supersede"): "superseded",
    ("retrying", "give_up"): "failed",
}
WAITING: frozenset[NotificationState] = frozenset({"queued", "retrying"})
ENDED: frozenset[NotificationState] = frozenset({"sent", "failed", "superseded", "withdrawn"})


def next_state(state: NotificationState, event: NotificationEvent) -> NotificationState:
    """The state after an event; the same state where the table has no such pair."""
    return TRANSITIONS.get((state, event), state)
