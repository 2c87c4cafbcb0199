"""The life cycle of an episode as a table: an event in a phase leads to a phase, or it is illegal.

    watching --alarm--> pending --confirm--> open <--alarm-- clearing --hold--> resolved
                          |  |  |             |---calm---------^
                          |  |  |             '--accept, expect, close--> resolved
                          |  |  |--flap--> flapping --hold, accept, expect, close--> resolved
                          |  |  '--withhold--> withheld --hold--> dropped; --confirm--> open; --absorb--> absorbed
                          |  '--absorb--> absorbed
                          '--fade--> dropped

`flap` replaces `confirm` where the same kind of incident opened too often: such an incident ends only after a longer
quiet time. `withhold` replaces it for what was told lately, a habit or a note that goes on after a short calm: it opens
when it becomes more than that. `expect` ends an incident that a human called a planned change, and `close` one that a
human declared over, also while it is clearing.
"""

from __future__ import annotations

from typing import Literal

Phase = Literal["watching", "pending", "withheld", "open", "clearing", "flapping", "resolved", "dropped", "absorbed"]
Event = Literal[
    "alarm", "confirm", "flap", "withhold", "fade", "absorb", "calm", "hold", "accept", "expect", "close",
]

TABLE: dict[tuple[Phase, Event], Phase] = {
    ("watching", "alarm"): "pending",
    ("pending", "alarm"): "pending",
    ("pending", "confirm"): "open",
    ("pending", "flap"): "flapping",
    ("pending", "withhold"): "withheld",
    ("pending", "fade"): "dropped",
    ("pending", "absorb"): "absorbed",
    ("withheld", "alarm"): "withheld",
    ("withheld", "confirm"): "open",
    ("withheld", "flap"): "flapping",
    ("withheld", "hold"): "dropped",
    ("withheld", "absorb"): "absorbed",
    ("open", "alarm"): "open",
    ("open", "calm"): "clearing",
    ("open", "accept"): "resolved",
    ("open", "expect"): "resolved",
    ("open", "close"): "resolved",
    ("clearing", "calm"): "clearing",
    ("clearing", "alarm"): "open",
    ("clearing", "hold"): "resolved",
    ("clearing", "expect"): "resolved",
    ("clearing", "close"): "resolved",
    ("flapping", "alarm"): "flapping",
    ("flapping", "calm"): "flapping",
    ("flapping", "hold"): "resolved",
    ("flapping", "accept"): "resolved",
    ("flapping", "expect"): "resolved",
    ("flapping", "close"): "resolved",
}


class IllegalTransitionError(ValueError):
    """An event that the table does not allow in this phase: a bug in the caller, never an operator's mistake."""


def step(phase: Phase, event: Event) -> Phase:
    """The phase that follows; raises `IllegalTransitionError` naming both when the table has no such row.

    >>> step("pending", "confirm")
    'open'
    """
    try:
        return TABLE[phase, event]
    except KeyError:
        raise IllegalTransitionError(f"event {event!r} is not allowed in phase {phase!r}") from None
