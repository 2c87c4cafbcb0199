"""The states of an escalation, as a table. A pair that is not in it changes nothing.

    idle -> active                      severity reached and grace over, a remedy failed, an approval waits, unowned
    active -> active                    steps are due; something got worse, so the next step is due now; the next round
    active -> acknowledged -> active    somebody works on it; the acknowledgement lapses, or something got worse
    active -> exhausted                 all rounds are over: the fallback
    any -> suspended -> active          silenced, flapping or inhibited; no longer
    any -> idle                         what it was begun for is gone, and the severity alone does not ask for it
    any -> the same                     a person has somebody paged by hand
    any -> closed                       resolved, or nobody has told of the incident for a day

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

EscalationState = Literal["idle", "active", "acknowledged", "suspended", "exhausted", "closed"]
EscalationEvent = Literal[
    "notice", "begin", "fire", "repeat", "worsen", "acknowledge", "lapse", "exhaust", "suspend", "resume", "settle",
    "close", "hand_over", "page",
]
"""page: a person has somebody paged. notice: an incident is known and nobody is paged yet. hand_over: effects were
taken by who delivers them."""

TRANSITIONS: Mapping[tuple[EscalationState | None, EscalationEvent], EscalationState] = {
    (None, "notice"): "idle",
    ("idle", "notice"): "idle",
    ("idle", "begin"): "active",
    ("idle", "acknowledge"): "acknowledged",
    ("idle", "suspend"): "suspended",
    ("idle", "close"): "closed",
    ("active", "fire"): "active",
    ("active", "repeat"): "active",
    ("active", "worsen"): "active",
    ("active", "acknowledge"): "acknowledged",
    ("active", "exhaust"): "exhausted",
    ("active", "suspend"): "suspended",
    ("active", "settle"): "idle",
    ("active", "close"): "closed",
    ("acknowledged", "acknowledge"): "acknowledged",
    ("acknowledged", "lapse"): "active",
    ("acknowledged", "worsen"): "active",
    ("acknowledged", "suspend"): "suspended",
    ("acknowledged", "settle"): "idle",
    ("acknowledged", "close"): "closed",
    ("exhausted", "worsen"): "active",
    ("exhausted", "acknowledge"): "acknowledged",
    ("exhausted", "suspend"): "suspended",
    ("exhausted", "settle"): "idle",
    ("exhausted", "close"): "closed",
    ("suspended", "resume"): "active",
    ("suspended", "close"): "closed",
}
SAME_STATE: frozenset[EscalationEvent] = frozenset({"hand_over", "page"})
"""Events that are allowed in every state and leave it as it is."""


def next_state(state: EscalationState | None, event: EscalationEvent) -> EscalationState | None:
    """The state after an event; the same state where the table has no such pair. None: there is no escalation yet."""
    return state if event in SAME_STATE else TRANSITIONS.get((state, event), state)


def is_allowed(state: EscalationState | None, event: EscalationEvent) -> bool:
    """Whether the table has the pair."""
    return (state is not None and event in SAME_STATE) or (state, event) in TRANSITIONS
