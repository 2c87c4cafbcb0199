"""The life of an incident as a table: an event in a phase leads to a phase, or it is illegal and changes nothing.

    watching --alarm--> pending --confirm--> open <--alarm-- clearing --hold--> resolved
                          |                   |--calm----------^
                          '--fade--> dropped  '--accept--> resolved (also from clearing)
"""

from __future__ import annotations

from typing import Literal

Phase = Literal["pending", "open", "clearing", "resolved", "dropped"]
Event = Literal["alarm", "confirm", "fade", "calm", "hold", "accept"]

TABLE: dict[tuple[Phase, Event], Phase] = {
    ("pending", "alarm"): "pending",
    ("pending", "confirm"): "open",
    ("pending", "fade"): "dropped",
    ("open", "alarm"): "open",
    ("open", "calm"): "clearing",
    ("open", "accept"): "resolved",
    ("clearing", "calm"): "clearing",
    ("clearing", "alarm"): "open",
    ("clearing", "hold"): "resolved",
    ("clearing", "accept"): "resolved",
}


class IllegalTransitionError(ValueError):
    """An event that the table does not allow in this phase: a bug in the caller, never the operator's fault."""


def step(phase: Phase, event: Event) -> Phase:
    """The phase that follows; raises `IllegalTransitionError` naming both when the table has no such row.

    >>> step("pending", "confirm")
    'open'
    """
    try:
        return TABLE[phase, event]
    except KeyError:
        raise IllegalTransitionError(f"event {event!r} is not allowed in phase {phase!r}") from None
