"""What people do to remedies and breakers by hand: undo, keep, force open, disable, clear; and the storm brake.

Each method returns what was done, or why nothing was, in a sentence; `NotAllowed` is why it may not be. Crash: what was
begun stands in the ledger, and the keeper ends it. Duplicate: a command that is not newer than the last one at its
target, or than the remedy itself, does nothing; the time of a command is `at_s`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from actions.ledger.ledger import Ledger
from actions.ledger.remedy import Remedy, RemedyState
from actions.model import BREAKERS, Intent
from actions.remedies import changes
from actions.remedies.breaker import BreakerEvent, move
from actions.remedies.keeper import RemedyKeeper
from actions.trust.roles import Verb

BreakerVerb = Literal["force_open", "disable", "clear"]
_EVENTS: dict[BreakerVerb, BreakerEvent] = {"force_open": "force", "disable": "disable", "clear": "clear"}
KIND = min(BREAKERS)
"""The kind of action of a breaker that no incident opened."""

Forbids = Callable[[str, Verb, Intent], str | None]
"""Why a person may not do this to what an intent put in force, or would; None where the person may."""


class NotAllowed(Exception):  # noqa: N818  it is an answer
    """What a person asked for and may not do, and why."""


class ByHand:
    """The commands of people at the targets of one executor. rehearses: whether a kind of action changes nothing here.
    """

    def __init__(
        self, keeper: RemedyKeeper, ledger: Ledger, rehearses: Callable[[str], bool] = lambda _: False,
        forbids: Forbids = lambda _by, _verb, _intent: None,
    ) -> None:
        self._keeper = keeper
        self._ledger = ledger
        self._rehearses = rehearses
        self._forbids = forbids

    async def undo(self, kind: str, target: str, by: str, at_s: float, comment: str = "") -> str:
        """Undo what is in force, or was kept, whoever still needs it."""
        async with self._keeper.locks.of(target):
            remedy = self._ledger.remedy(kind, target)
            if remedy is None or remedy.state == "undone":
                return f"no {kind} is in force on {target}"
            self._require(by, "undo", remedy.intent)
            if _is_old(remedy, at_s):
                return f"{kind} on {target} is younger than the command"
            marked = replace(remedy, by_hand_s=at_s)
            ended = changes.ending(marked, _said("undone", by, comment), self._keeper.now_s())
            if ended is None:
                return f"{kind} on {target} is {remedy.state} already"
            return await self._stored(ended, f"{kind} on {target} is being undone")

    async def keep(self, kind: str, target: str, by: str, at_s: float, comment: str = "") -> str:
        """Keep what is in force, whatever its terms say."""
        async with self._keeper.locks.of(target):
            remedy = self._ledger.remedy(kind, target)
            if remedy is None or not remedy.in_force:
                return f"no {kind} is in force on {target}"
            self._require(by, "keep", remedy.intent)
            if _is_old(remedy, at_s):
                return f"{kind} on {target} is younger than the command"
            effect = f" ({remedy.reason})" if remedy.state == "applied" else ""
            reason, now_s = _said("kept", by, comment), self._keeper.now_s()
            kept = changes.changed(remedy, "keep", reason + effect, now_s, told=False, by_hand_s=at_s)
            if kept is None:
                return f"{kind} on {target} is {remedy.state} and cannot be kept"
            return await self._stored(kept, f"{kind} on {target} is kept")

    async def set_breaker(self, target: str, verb: BreakerVerb, by: str, at_s: float, comment: str = "") -> str:
        """Force a breaker open or disable it, without timers, until it is cleared.

        A target that never had a breaker is taken as `service` or `service/replica`.
        """
        async with self._keeper.locks.of(target):
            now_s = self._keeper.now_s()
            known = self._ledger.remedy(KIND, target)
            remedy = known or _new(target, by, comment, now_s)
            self._require(by, verb, remedy.intent)
            if verb != "clear" and self._rehearses(KIND):
                raise NotAllowed(f"dry_run: the breaker of {target} stays as it is")
            if known is not None and _is_old(known, at_s):
                return f"the breaker of {target} is younger than the command"
            moved = move(None if known is None else known.breaker, _EVENTS[verb], target, now_s)
            if moved is None:
                found = "closed" if known is None or known.breaker is None else known.breaker.state
                return f"the breaker of {target} is {found}: {verb} changes nothing"
            said = replace(moved, reason=_said(moved.reason, by, comment))
            # What is to be closed counts as in force until the target is closed.
            state: RemedyState = "applied" if verb == "force_open" or remedy.in_force else remedy.state
            stored = replace(
                changes.breaker_moved(remedy, said, now_s), by_hand_s=at_s, state=state, applied_s=now_s, sure=True,
            )
            return await self._stored(stored, moved.reason)

    async def reset_storm(self, by: str, at_s: float) -> str:
        """Release the storm brake, if it tripped before the command."""
        since_s = self._ledger.storm_since_s()
        if since_s is None or since_s > at_s:
            return "the storm brake is not tripped, or tripped after the command"
        await self._ledger.reset_storm(self._keeper.now_s())
        return f"the storm brake is released by {by}"

    def _require(self, by: str, verb: Verb, intent: Intent) -> None:
        reason = self._forbids(by, verb, intent)
        if reason is not None:
            raise NotAllowed(reason)

    async def _stored(self, remedy: Remedy, done: str) -> str:
        stored = await self._keeper.put(remedy)
        return done if stored is not None else f"another executor changed {remedy.target} meanwhile"


def _is_old(remedy: Remedy, at_s: float) -> bool:
    last_s = max(remedy.applied_s if remedy.in_force else 0.0, remedy.by_hand_s or 0.0)
    return at_s <= last_s


def _said(what: str, by: str, comment: str) -> str:
    return f"{what} by {by}" + (f": {comment}" if comment else "")


def _new(target: str, by: str, comment: str, now_s: float) -> Remedy:
    """A breaker that no incident opened. Version 0: the first record is version 1."""
    service, _, replica = target.partition("/")
    key = changes.own_key(target, "by hand", int(now_s))
    intent = Intent(
        key, "", KIND, target, "auto", _said("by hand", by, comment), now_s, now_s + changes.UNDO_LIFE_S, service,
        replica=replica or None,
    )
    begun = changes.begun(None, intent, changes.UNDO_LIFE_S, None, now_s)
    assert begun is not None
    return replace(begun, version=0, state="undone", holders=(), sure=True, breaker=None)
