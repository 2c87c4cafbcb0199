"""The keeper: it holds what is in force at the targets, ends it by its terms, and tells when something is not as it
should be.

Each change stands in the ledger before its effect at the target. Crash: the record is read from the log, and `handle`
continues where it stopped; the target is read back first. Duplicate: effects set a state, so a repeat is harmless, and
of two writers of one version the first counts and the other does nothing. An outcome is reported before the record says
so: it may be reported twice, under the same id, and is never lost. The terms are those of the record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from weakref import WeakValueDictionary

import structlog

from actions.base import Action, Data, RunContext
from actions.ledger.ledger import Ledger
from actions.ledger.remedy import Breaker, LetGo, Remedy
from actions.model import Intent, Outcome
from actions.remedies import changes
from actions.remedies.breaker import PROBE_MAX_PER_S, PROBE_SHARE, move
from actions.remedies.incidents import KnownIncidents
from actions.remedies.notices import notices
from actions.remedies.terms import Due, due
from actions.running import attempt, read

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.remedies")

RETRY_EFFECT_S = 10.0
MAX_STEPS = 12
"""Changes of one remedy in one call of `handle`."""

Report = Callable[[Outcome, int | None], Awaitable[None]]


class TargetLocks:
    """One lock a target: what is done at one target is done one after another."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, target: str) -> asyncio.Lock:
        """The lock of a target."""
        lock = self._locks.get(target)
        if lock is None:
            lock = self._locks[target] = asyncio.Lock()
        return lock


@dataclass(frozen=True, slots=True)
class Tools:
    """What the keeper works with. actions: kind -> action. now_s: seconds since the epoch. max_hold_s: of new remedies.

    report: publishes an outcome to a shard and returns once it is acknowledged.
    """

    actions: Mapping[str, Action]
    ledger: Ledger
    now_s: Callable[[], float]
    max_hold_s: float
    report: Report


class RemedyKeeper:
    """The remedies of one executor. All methods but `due` and `handle` need the lock of the target."""

    def __init__(self, tools: Tools, incidents: KnownIncidents) -> None:
        self.locks = TargetLocks()
        self.incidents = incidents
        self._tools = tools
        self._read_s: dict[str, float] = {}
        self._read_clock_s = self._clock_s = tools.now_s()

    def now_s(self) -> float:
        """The time of deadlines: it never runs back, also not behind the records of an earlier process. When the clock
        steps back, it goes on from there.
        """
        clock_s = self._tools.now_s()
        self._clock_s += max(0.0, clock_s - self._read_clock_s)
        self._read_clock_s = clock_s
        return self._clock_s

    # -- called by the executor ---------------------------------------------------------------------------------------

    async def begin(self, intent: Intent, shard: int | None) -> Remedy | None:
        """Record that an intent is about to run; None when another executor changed the target meanwhile."""
        known = self._tools.ledger.remedy(intent.kind, intent.target)
        return await self.put(changes.begun(known, intent, self._tools.max_hold_s, shard, self.now_s()))

    async def ran(self, remedy: Remedy, outcome: Outcome) -> Remedy:
        """Record what came of the run: it is in force, for good or until it ends, or nothing was changed."""
        return await self._settle(remedy, outcome.status == "executed", outcome.data.get("retryable") is not False,
                                  outcome.detail)

    async def join(self, remedy: Remedy, intent: Intent, shard: int | None) -> Remedy | None:
        """Another incident needs what is in force."""
        return await self.put(changes.joined(remedy, intent, shard, self.now_s()))

    async def let_go(self, remedy: Remedy, incidents: dict[str, LetGo]) -> Remedy | None:
        """These incidents no longer need it."""
        return await self.put(changes.let_go(remedy, incidents, self.now_s()))

    async def put(self, remedy: Remedy | None) -> Remedy | None:
        """Record the next version. None when there is none, or when another executor's came first."""
        if remedy is None or not await self._tools.ledger.put_remedy(remedy):
            return None
        return remedy

    # -- by time ------------------------------------------------------------------------------------------------------

    def due(self, remedy: Remedy) -> Due | None:
        """The next thing that is due for a remedy."""
        self._clock_s = max(self.now_s(), remedy.changed_s)
        return due(remedy, self.incidents, self.now_s(), self._read_s.get(remedy.key))

    async def handle(self, kind: str, target: str) -> None:
        """Do what is due for one remedy. Raises what the ledger's storage and `report` raise."""
        async with self.locks.of(target):
            for _ in range(MAX_STEPS):
                remedy = self._tools.ledger.remedy(kind, target)
                found = None if remedy is None else self.due(remedy)
                if remedy is None or found is None:
                    return
                await self._do(remedy, found)

    async def _do(self, remedy: Remedy, found: Due) -> None:
        now_s = self.now_s()
        if found.ineffective:
            await self._tools.ledger.mark_ineffective(remedy.intent, now_s)
        if found.kind == "tell":
            await self._tell(remedy)
        elif found.kind == "settle":
            await self._settle_after_crash(remedy, found.reason)
        elif found.kind == "let_go":
            freed = changes.let_go(remedy, dict(found.let_go), now_s)
            await self.put(changes.lost(freed, [name for name, why in found.let_go if why == "lost"]))
        elif found.kind == "undo":
            undo = changes.undo_of(remedy.intent, remedy.version, remedy.reason, now_s)
            await self.run_undo(remedy, undo, by_shard=False)
        elif found.kind == "end":
            await self.put(changes.ending(remedy, found.reason, now_s, found.page))
        elif found.kind == "keep":
            await self.put(changes.changed(remedy, "keep", found.reason, now_s, told=False))
        elif found.kind == "confirm":
            await self._confirm(remedy)
        elif found.kind == "breaker":
            await self._move_breaker(remedy, found)
        else:
            await self._read(remedy)

    async def _tell(self, remedy: Remedy) -> None:
        for outcome, shard in notices(remedy):
            log.warning(
                "remedy", state=remedy.state, kind=remedy.kind, target=remedy.target, reason=remedy.reason,
                page=remedy.page, incident_id=outcome.incident_id,
            )
            await self._tools.report(outcome, shard)
        await self.put(replace(remedy, version=remedy.version + 1, told=True, page=None))

    async def _settle_after_crash(self, remedy: Remedy, reason: str) -> None:
        """A record `applying` that nobody works on: what its intent came to stands in the ledger, or is in doubt."""
        known = self._tools.ledger.lookup(remedy.intent.key)
        earlier = None if known is None else known.earlier
        ran = earlier is not None and earlier.status == "executed"
        refused = earlier is not None and earlier.status == "refused"
        may_have = earlier is None or earlier.data.get("retryable") is not False
        await self._settle(remedy, ran, may_have and not refused, reason if earlier is None else earlier.detail)

    async def _settle(self, remedy: Remedy, ran: bool, may_have_run: bool, reason: str) -> Remedy:
        """From `applying` on. What may have run counts as in force unless the target says that it is not."""
        action, now_s = self._tools.actions.get(remedy.kind), self.now_s()
        if not ran and may_have_run and action is not None:
            reading = await read(action, remedy.intent)
            ran, may_have_run = reading.applied is True, reading.applied is None
        if not ran and not may_have_run:
            settled = changes.changed(remedy, "changed_nothing", reason, now_s, breaker=_never_opened(remedy))
        elif remedy.terms.undo == "never" or (action is not None and not action.reversible):
            settled = changes.changed(remedy, "for_good", reason, now_s, sure=ran)
        else:
            breaker = None if remedy.breaker is None else replace(remedy.breaker, confirmed=True)
            settled = changes.changed(remedy, "ran", reason, now_s, sure=ran, breaker=breaker)
        return await self.put(settled) or remedy

    async def _read(self, remedy: Remedy) -> None:
        action, now_s = self._tools.actions.get(remedy.kind), self.now_s()
        self._read_s[remedy.key] = now_s
        if action is None:
            return
        reading = await read(action, remedy.intent)
        if remedy.state == "applied" and remedy.sure and reading.applied is False:
            reason = f"somebody else changed it: {reading.detail}"
            await self.put(changes.changed(remedy, "drift", reason, now_s, told=False, page="drifted"))
        elif remedy.state == "drifted" and reading.applied is True:
            await self.put(changes.changed(remedy, "reads_applied", reading.detail, now_s, told=False))
        elif not remedy.sure and reading.applied is not None:
            await self._now_sure(remedy, reading.applied, reading.detail)

    async def _now_sure(self, remedy: Remedy, applied: bool, detail: str) -> None:
        """It was not known whether the intent had run."""
        if applied:
            await self.put(replace(remedy, version=remedy.version + 1, sure=True))
            return
        now_s = self.now_s()
        ended = await self.put(changes.ending(remedy, "it had not run", now_s))
        if ended is not None:
            await self.put(changes.undone(ended, ended.undo, f"it had not run: {detail}", now_s, told=False))

    # -- effects ------------------------------------------------------------------------------------------------------

    async def run_undo(self, remedy: Remedy, undo: Intent, by_shard: bool) -> Remedy:
        """Undo a remedy that is `undoing` or `undo_failed`, unless the target reads as undone already.

        by_shard: the executor reports the outcome itself.
        """
        action = self._tools.actions.get(remedy.kind)
        ok, detail = False, f"no action {remedy.kind!r} is configured"
        if action is not None:
            ok, detail = await self._undo(action, remedy, undo)
        now_s = self.now_s()
        if ok:
            reason = f"{remedy.reason}: {detail}" if not by_shard else detail
            return await self.put(changes.undone(remedy, undo, reason, now_s, told=by_shard)) or remedy
        failed = changes.undo_failed(remedy, undo, f"the undo failed: {detail}", now_s)
        if by_shard and failed is not None:
            failed = replace(failed, told=True)
        log.error("undo_failed", kind=remedy.kind, target=remedy.target, detail=detail)
        return await self.put(failed) or remedy

    async def _undo(self, action: Action, remedy: Remedy, undo: Intent) -> tuple[bool, str]:
        partial = remedy.breaker is not None and remedy.breaker.partial
        before = await read(action, remedy.intent)
        if before.applied is False and not partial:
            return True, f"it reads as undone: {before.detail}"
        status, detail, _ = await attempt(action, undo, RunContext())
        reading = await read(action, remedy.intent)
        if reading.applied is True:
            return False, f"it still reads as in force: {reading.detail}"
        if status == "executed":
            return True, detail
        return (True, reading.detail) if reading.applied is False and not partial else (False, detail)

    async def _move_breaker(self, remedy: Remedy, found: Due) -> None:
        assert found.event is not None
        now_s = self.now_s()
        moved = move(remedy.breaker, found.event, remedy.target, now_s)
        if moved is None:
            return
        if moved.effect == "close":
            # The breaker is closed once the target reads as undone.
            await self.put(changes.ending(remedy, moved.reason, now_s, moved.page))
            return
        held = changes.adopted(remedy, found.alarming, now_s)
        await self.put(changes.breaker_moved(held, moved, now_s))

    async def _confirm(self, remedy: Remedy) -> None:
        """Bring the target to the state of its breaker; tried again until it is there."""
        key = changes.own_key(remedy.intent.key, "breaker", remedy.version)
        status, detail, _ = await self.set_breaker(remedy, key)
        await self.confirmed(remedy, status == "executed", detail)

    async def confirmed(self, remedy: Remedy, done: bool, detail: str) -> Remedy:
        """Record whether the target has the state of its breaker now."""
        breaker, now_s = remedy.breaker, self.now_s()
        assert breaker is not None
        if done:
            found = replace(breaker, confirmed=True, partial=self._is_partial(remedy, breaker))
            state = "undone" if breaker.state in ("closed", "disabled") else remedy.state
            is_new = state != remedy.state
            reached = replace(
                remedy, version=remedy.version + 1, breaker=found, state=state, next_s=None, told=not is_new,
                changed_s=now_s if is_new else remedy.changed_s,
            )
            return await self.put(reached) or remedy
        pages = remedy.paged_s is None or now_s - remedy.paged_s >= changes.PAGE_EVERY_S
        failed = replace(
            remedy, version=remedy.version + 1, next_s=now_s + RETRY_EFFECT_S,
            reason=f"breaker {breaker.state}: the target could not be set: {detail}", told=not pages,
            page="breaker_failed" if pages else None, paged_s=now_s if pages else remedy.paged_s,
        )
        return await self.put(failed) or remedy

    async def set_breaker(self, remedy: Remedy, key: str) -> tuple[str, str, object]:
        """Run the action so that the target has the state of the breaker. Returns status, detail and data."""
        action, breaker = self._tools.actions.get(remedy.kind), remedy.breaker
        if action is None or breaker is None:
            return "failed", f"no action {remedy.kind!r} is configured", {}
        intent = replace(remedy.intent, key=key, undo=breaker.state in ("closed", "disabled"))
        if breaker.state == "half_open":
            if self._is_partial(remedy, breaker):
                probe: Data = {"breaker": "half_open", "share": PROBE_SHARE, "max_per_s": PROBE_MAX_PER_S}
                intent = replace(intent, params={**intent.params, **probe})
            else:
                intent = replace(intent, undo=True)
        return await attempt(action, intent, RunContext())

    def _is_partial(self, remedy: Remedy, breaker: Breaker) -> bool:
        """Whether the gateway lets a share of the traffic through now; without that, half open is all of it."""
        action = self._tools.actions.get(remedy.kind)
        return breaker.state == "half_open" and getattr(action, "probes", False) is True


def _never_opened(remedy: Remedy) -> Breaker | None:
    """The breaker as if the intent had not been."""
    breaker = remedy.breaker
    if breaker is None:
        return None
    return replace(breaker, state="closed", n=max(0, breaker.n - 1), until_s=None, unproven=0, confirmed=True)
