"""The states of a remedy in force: a table. An event that is not listed for a state changes nothing."""

from __future__ import annotations

from typing import Literal

from actions.ledger.remedy import RemedyState

RemedyEvent = Literal[
    "begin", "ran", "for_good", "changed_nothing", "end", "drift", "reads_applied", "undone", "failed", "keep",
]
"""begin: an intent is about to run. ran: it ran, or may have. for_good: it ran and is never undone. end: it is to be
undone. drift: the target reads otherwise. undone, failed: what came of the undo. keep: nobody undoes it any more."""

TRANSITIONS: dict[tuple[RemedyState, RemedyEvent], RemedyState] = {
    ("undone", "begin"): "applying",
    ("kept", "begin"): "applying",
    ("applied", "begin"): "applying",
    ("drifted", "begin"): "applying",
    ("undoing", "begin"): "applying",
    ("undo_failed", "begin"): "applying",
    ("applying", "ran"): "applied",
    ("applying", "for_good"): "kept",
    ("applying", "changed_nothing"): "undone",
    ("applying", "end"): "undoing",
    ("applied", "end"): "undoing",
    ("applied", "drift"): "drifted",
    ("applied", "keep"): "kept",
    ("drifted", "reads_applied"): "applied",
    ("drifted", "end"): "undoing",
    ("drifted", "keep"): "kept",
    ("kept", "end"): "undoing",
    ("undoing", "undone"): "undone",
    ("undoing", "failed"): "undo_failed",
    ("undoing", "keep"): "kept",
    ("undo_failed", "undone"): "undone",
    ("undo_failed", "failed"): "undo_failed",
    ("undo_failed", "end"): "undoing",
    ("undo_failed", "keep"): "kept",
}


def after(state: RemedyState, event: RemedyEvent) -> RemedyState | None:
    """The next state; None where the event is illegal.

    >>> after("applied", "end")
    'undoing'
    >>> after("undone", "end") is None
    True
    """
    return TRANSITIONS.get((state, event))
