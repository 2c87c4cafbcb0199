"""What takes the notifications of escalations out of this process.

A notification is offered again until it is among `taken`, also after a restart, always under the same id. So whoever
delivers it may get it more than once, and tells repeats by the id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Protocol

import aiohttp
import structlog

from actions.base import Action, RunContext, TargetError
from actions.bounded import remember
from actions.escalation.record import Notify
from actions.model import Intent
from config.models import Config

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.respond")

JsonScalar = str | float | bool | None

LIFE_S = 900.0
"""A notification that no webhook has taken for so long is given up, and logged."""
FIRST_WAIT_S = 1.0
MAX_WAIT_S = 60.0
AT_ONCE = 32
MAX_TAKEN = 20_000


class Notifier(Protocol):
    """Delivers notifications. Neither method waits for the network."""

    def offer(self, notify: Notify) -> None:
        """Take a notification for delivery; one whose id is known changes nothing."""

    def taken(self, pending: Collection[Notify]) -> Collection[str]:
        """The ids of those among the pending that need not be offered again: they were delivered, or stand in a log of
        their own.
        """


class ActionNotifier:
    """Delivers by the action `notify` of the configuration: its webhook, or without one the log.

    Crash: what was not delivered is offered again. now_s: the clock of deadlines. service_of: of an incident. done:
    called when something was taken. first_wait_s: before the second try; the wait doubles up to `MAX_WAIT_S`.
    """

    def __init__(
        self, config: Config, now_s: Callable[[], float], service_of: Callable[[str], str],
        done: Callable[[], None], *, first_wait_s: float = FIRST_WAIT_S,
    ) -> None:
        self._params = config.actions.get("notify")
        self._now_s = now_s
        self._service_of = service_of
        self._done = done
        self._first_wait_s = first_wait_s
        self._queue: dict[str, Notify] = {}
        self._news = asyncio.Event()
        self._taken: dict[str, None] = {}

    def offer(self, notify: Notify) -> None:
        if notify.id not in self._taken and notify.id not in self._queue:
            self._queue[notify.id] = notify
            self._news.set()

    def taken(self, pending: Collection[Notify]) -> Collection[str]:
        return {one.id for one in pending if one.id in self._taken}

    async def run(self) -> None:
        """Deliver until cancelled. A notification that hangs delays no other one, but for `AT_ONCE` at once."""
        room = asyncio.Semaphore(AT_ONCE)
        begun: set[str] = set()
        async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
            action = None if self._params is None else self._params.build(session)
            while True:
                self._news.clear()
                for one in [each for key, each in self._queue.items() if key not in begun]:
                    begun.add(one.id)
                    group.create_task(self._deliver(one, action, room, begun))
                await self._news.wait()

    async def _deliver(self, one: Notify, action: Action | None, room: asyncio.Semaphore, begun: set[str]) -> None:
        wait_s = self._first_wait_s
        while True:
            async with room:
                reason = await self._attempt(one, action)
            if reason is None or self._now_s() - one.at_s >= LIFE_S:
                break
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, MAX_WAIT_S)
        said = {"id": one.id, "kind": one.kind, "incident_id": one.incident_id, "step": one.step, "round": one.round}
        if reason is None:
            log.info("notified", recipient=one.recipient, via=one.via, **said)
        else:
            log.error("notification_failed", recipient=one.recipient, via=one.via, reason=reason, **said)
        remember(self._taken, one.id, None, MAX_TAKEN)
        del self._queue[one.id]
        begun.discard(one.id)
        self._done()

    async def _attempt(self, one: Notify, action: Action | None) -> str | None:
        """Why it was not taken; None where it was."""
        if action is None:
            log.warning("notice", incident_id=one.incident_id, recipient=one.recipient, reason=one.reason)
            return None
        try:
            async with asyncio.timeout(action.bounds.timeout_s):
                await action.run(self._intent(one), RunContext())
        except TargetError as error:
            return str(error)
        except TimeoutError:
            return f"no answer within {action.bounds.timeout_s:g} s"
        return None

    def _intent(self, one: Notify) -> Intent:
        """As the action expects it. target: the recipient, else the channel."""
        service = self._service_of(one.incident_id)
        params: dict[str, JsonScalar] = {
            "event": one.kind, "step": one.step, "round": one.round, "recipient": one.recipient, "channel": one.via,
        }
        known: dict[str, JsonScalar] = {name: value for name, value in params.items() if value is not None}
        return Intent(
            one.id, one.incident_id, "notify", one.recipient or one.via or service, "auto", one.reason, one.at_s,
            one.at_s + LIFE_S, service, None, params=known,
        )
