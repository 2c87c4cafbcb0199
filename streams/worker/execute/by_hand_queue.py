"""What people ask for at the targets of one executor: done one after another, and audited where it is refused.

Crash: the control topic is read again from an hour back, and a command is carried out once (`actions/by_hand.py`).
"""

from __future__ import annotations

import asyncio

import structlog

from actions.by_hand import ByHand, apply
from actions.remedies.by_hand import NotAllowed
from classifiers.by_hand import ForTargets
from classifiers.model import AuditEntry
from streams.worker.effects import Effects

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.execution")

SCOPE = "by_hand"
"""The flush scope of the audit entries of refusals."""
MAX_ASKED = 1_000
"""Commands of people that wait; beyond that the reader of the control topic waits."""


class ByHandQueue:
    """The commands that wait for `hands`."""

    def __init__(self, hands: ByHand, effects: Effects) -> None:
        self._hands = hands
        self._effects = effects
        self._asked: asyncio.Queue[ForTargets] = asyncio.Queue(MAX_ASKED)

    async def ask(self, directive: ForTargets) -> None:
        """Queue a command; waits while as many as may wait do."""
        await self._asked.put(directive)

    async def run(self) -> None:
        """Until cancelled: do what people ask for."""
        while True:
            directive = await self._asked.get()
            try:
                await self._serve(directive)
            except Exception:  # one that fails must not keep the others from being done
                log.exception("not_done_by_hand", id=directive.id, by=directive.by)

    async def _serve(self, directive: ForTargets) -> None:
        try:
            done = await apply(directive, self._hands)
        except NotAllowed as refused:
            await self._refuse(directive, str(refused))
        else:
            log.info("done_by_hand", id=directive.id, by=directive.by, done=done)

    async def _refuse(self, directive: ForTargets, reason: str) -> None:
        log.warning("refused_by_hand", id=directive.id, by=directive.by, reason=reason)
        entry = AuditEntry(
            directive.at_s, directive.id, "refused", None, "refused", f"{reason} (executor)", directive.by,
        )
        await self._effects.audit.control(self._effects.publisher.output(SCOPE), entry, directive.subject)
        await self._effects.publisher.flush(SCOPE)
