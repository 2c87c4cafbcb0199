"""What an intent means for what is in force at its target already: a decision with a reason. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from actions.ledger.remedy import Remedy
from actions.model import Intent
from actions.remedies.changes import wants_same

RouteKind = Literal["run", "refuse", "join", "reopen", "ended", "let_go", "release", "undo"]
CLAIMED = frozenset({"run", "reopen", "release", "undo"})
"""Routes that do something at the target: the key is claimed first."""


@dataclass(frozen=True, slots=True)
class Route:
    """run: as if nothing was in force. join: it is in force already, for this incident too. reopen: a half-open breaker
    opens again. ended: nothing is left to undo. let_go: others still need it, or it ends by other means. release: an
    open breaker becomes half open. undo: it is undone now.
    """

    kind: RouteKind
    reason: str = ""


def route(intent: Intent, remedy: Remedy | None) -> Route:
    """The route of an intent. remedy: what is, or was last, in force at the target by this kind of action."""
    if remedy is None:
        return Route("run")
    return _undo(intent, remedy) if intent.undo else _do(intent, remedy)


def _do(intent: Intent, remedy: Remedy) -> Route:
    breaker = remedy.breaker
    if breaker is not None and breaker.state == "disabled":
        return Route("refuse", f"{intent.kind} on {intent.target} is disabled by a person, until it is cleared")
    if remedy.state == "drifted":
        return Route("refuse", f"somebody else changed {intent.target}: {remedy.reason}")
    if not remedy.in_force or remedy.state in ("undoing", "undo_failed"):
        return Route("run")
    if breaker is not None and breaker.state == "half_open":
        return Route("reopen", "it alarmed while half open")
    if remedy.state == "applied" and wants_same(remedy, intent):
        return Route("join", f"in force since {remedy.applied_s:.0f}, now for this incident too")
    return Route("run")


def _undo(intent: Intent, remedy: Remedy) -> Route:
    if remedy.state == "undone":
        return Route("ended", f"undone already: {remedy.reason}")
    if remedy.state == "applying":
        return Route("let_go", "an executor crashed, and its request may still be under way: it is undone after that")
    if remedy.state == "kept" and remedy.is_kept:
        return Route("let_go", f"{remedy.reason}, until somebody takes it back")
    others = [each.incident_id for each in remedy.holding() if each.incident_id != intent.incident_id]
    if others and remedy.state != "kept":
        return Route("let_go", f"still in force for {', '.join(others[:5])}")
    state = None if remedy.breaker is None else remedy.breaker.state
    if state in ("forced_open", "disabled"):
        return Route("let_go", f"the breaker is {state} by a person, until it is cleared")
    if state == "half_open" and remedy.state == "applied":
        return Route("let_go", "the breaker is half open and closes when the target stays quiet")
    if state == "open" and remedy.state == "applied":
        return Route("release", "the incident is over")
    return Route("undo", "the incident is over")
