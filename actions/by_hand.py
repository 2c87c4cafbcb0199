"""What the executor does at the request of a person, outside any playbook."""

from __future__ import annotations

from typing import Protocol

from classifiers.by_hand import BreakerVerb, ForTargets, Keep, ResetStorm, SetBreaker, Undo


class ByHand(Protocol):
    """What people do to remedies and breakers.

    Each method returns what was done, or why nothing was, in a sentence. The directives of the last hour come again at
    each start and after a change of owners. So a command that is not newer than the last one at its target, or than the
    remedy itself, does nothing; the time of a command is `at_s`.
    """

    async def undo(self, kind: str, target: str, by: str, at_s: float, comment: str = "") -> str:
        """Undo what is in force."""

    async def keep(self, kind: str, target: str, by: str, at_s: float, comment: str = "") -> str:
        """Keep what is in force, whatever its terms say."""

    async def set_breaker(self, target: str, verb: BreakerVerb, by: str, at_s: float, comment: str = "") -> str:
        """Force a breaker open or disable it, until it is cleared."""

    async def reset_storm(self, by: str, at_s: float) -> str:
        """Release the storm brake, if it tripped before the command."""


async def apply(directive: ForTargets, hands: ByHand) -> str:
    """Do what a directive asks for; see `ByHand`."""
    match directive:
        case Undo():
            return await hands.undo(
                directive.kind, directive.target, directive.by, directive.at_s, directive.comment,
            )
        case Keep():
            return await hands.keep(
                directive.kind, directive.target, directive.by, directive.at_s, directive.comment,
            )
        case SetBreaker():
            return await hands.set_breaker(
                directive.target, directive.verb, directive.by, directive.at_s, directive.comment,
            )
        case ResetStorm():
            return await hands.reset_storm(directive.by, directive.at_s)
