"""The executor: takes an intent, asks everything that may refuse it, claims it, runs it, and says what came of it.

Cheap refusals come first and the claim last, right before the run. Guarantee on crash: an intent runs at most once; a
crash between claim and outcome is reported as `interrupted`. Guarantee on duplicate: the earlier outcome is named and
nothing runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import stamina
import structlog

from actions import limits as rules
from actions.base import Action, Data, Done, Refusal, RunContext, TargetError
from actions.ledger import Claim, Ledger
from actions.limits import LimitParams, Verdict
from actions.model import HARMLESS, Intent, Outcome, Status

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.actions")


class Executor:
    """Runs intents against `actions` (kind -> action). One instance serves many tasks; intents of one target must come
    one after another (the action topic is keyed by target).

    now_s: the clock of the decisions, seconds since the epoch. dry_run: rehearse everything, write nowhere. claimed:
    told of each intent that was claimed, and when, before it runs; what it raises keeps the intent from running.
    """

    def __init__(
        self, actions: Mapping[str, Action], ledger: Ledger, limits: LimitParams, now_s: Callable[[], float],
        dry_run: bool, claimed: Callable[[Intent, float], Awaitable[None]] | None = None,
    ) -> None:
        self._actions = actions
        self._ledger = ledger
        self._limits = limits
        self._now_s = now_s
        self._dry_run = dry_run
        self._claimed = claimed
        self._gate = asyncio.Lock()

    async def execute(self, intent: Intent) -> Outcome:
        """What came of the intent. Raises only what the ledger's storage raises, and `CancelledError`.

        After either the intent is not acknowledged and comes again: it then runs if it was never claimed, and is
        `interrupted` if it was.
        """
        # Held from the limits to the claim: the claim is what the next intent's limits count.
        async with self._gate:
            refused = await self._admit(intent)
        if refused is not None:
            return refused
        action = self._actions[intent.kind]
        if self._rehearses(action):
            status, detail, data = await _attempt(action, intent, RunContext(dry_run=True))
            # A failed rehearsal touched nothing: as `failed` it would count towards the limits.
            told = detail if status == "executed" else f"the rehearsal was {status}: {detail}"
            return await self._settle(intent, "dry_run", told, data)
        try:
            if self._claimed is not None:
                await self._claimed(intent, self._now_s())
            status, detail, data = await _attempt(action, intent, RunContext())
        except BaseException:
            self._ledger.abandon(intent.key)
            raise
        return await self._settle(intent, status, detail, data)

    async def _admit(self, intent: Intent) -> Outcome | None:
        """None if the intent may run now: it is within the limits, and claimed unless it is a rehearsal."""
        seen = self._ledger.seen(intent.key)
        if seen is not None:
            return await self._repeated(intent, seen)
        verdict = self._judge(intent)
        if not verdict.allowed:
            return await self._refuse(intent, verdict)
        if self._rehearses(self._actions[intent.kind]):
            return None
        claim = await self._ledger.claim(intent, self._now_s())
        return None if claim.won else await self._repeated(intent, claim)

    def _rehearses(self, action: Action) -> bool:
        return self._dry_run or action.bounds.dry_run

    def _judge(self, intent: Intent) -> Verdict:
        now_s = self._now_s()
        action = self._actions.get(intent.kind)
        if now_s >= intent.expires_at_s:
            return rules.fresh(intent, self._limits, now_s)
        if action is None:
            return Verdict(False, f"no action {intent.kind!r} is configured, expected one of {sorted(self._actions)}")
        if intent.undo and not action.reversible:
            return Verdict(False, f"{intent.kind} cannot be undone")
        if intent.mode == "observe":
            return Verdict(False, f"observed only: {intent.reason}", "observed")
        if intent.mode == "suggest":
            return Verdict(False, f"suggested: {intent.reason}", "suggested")
        return rules.check(intent, self._ledger, self._limits, now_s)

    async def _refuse(self, intent: Intent, verdict: Verdict) -> Outcome:
        now_s = self._now_s()
        stormy = verdict.status == "suggested" and intent.mode == "auto" and intent.kind not in HARMLESS
        if stormy and self._ledger.storm_since_s() is None:
            log.warning("storm_brake_tripped", key=intent.key, reason=verdict.reason)
            await self._ledger.trip_storm(now_s)
        if verdict.status in ("suggested", "observed"):
            # Not final: a human may still approve it under its own key.
            return self._report(_outcome(intent, verdict.status, verdict.reason, now_s, {}))
        return await self._settle(intent, verdict.status, verdict.reason, {})

    async def _repeated(self, intent: Intent, claim: Claim) -> Outcome:
        if claim.state == "in_doubt" and claim.earlier is not None:
            await self._ledger.finish(claim.earlier)
            return self._report(claim.earlier)
        data: Data = {}
        if claim.earlier is not None:
            earlier = claim.earlier
            data = {**earlier.data, "earlier_status": earlier.status, "earlier_at_s": earlier.done_at_s}
        return self._report(_outcome(intent, "duplicate", claim.reason, self._now_s(), data))

    async def _settle(self, intent: Intent, status: Status, detail: str, data: Data) -> Outcome:
        outcome = _outcome(intent, status, detail, self._now_s(), data)
        await self._ledger.finish(outcome)
        return self._report(outcome)

    def _report(self, outcome: Outcome) -> Outcome:
        write = log.error if outcome.status in ("failed", "interrupted") else log.info
        write(
            "action", status=outcome.status, kind=outcome.kind, target=outcome.target, undo=outcome.undo,
            mode=outcome.mode, key=outcome.key, incident_id=outcome.incident_id, detail=outcome.detail,
        )
        return outcome


async def _attempt(action: Action, intent: Intent, ctx: RunContext) -> tuple[Status, str, Data]:
    """Run with retries inside one total time bound. Only cancellation gets out."""
    try:
        async with asyncio.timeout(action.bounds.timeout_s):
            done = await _retried(action, intent, ctx)
    except TargetError as fault:
        return "failed", str(fault), {"retryable": fault.retryable}
    except Refusal as refusal:
        return "refused", str(refusal), {}
    except TimeoutError:
        return "failed", f"no answer within {action.bounds.timeout_s:g} s; it may have run", {"retryable": True}
    except Exception as bug:
        log.exception("action_bug", kind=intent.kind, key=intent.key)
        return "failed", f"a fault in the action itself: {type(bug).__name__}: {bug}", {"retryable": False}
    return "executed", done.detail, done.data


async def _retried(action: Action, intent: Intent, ctx: RunContext) -> Done:
    bounds = action.bounds
    async for attempt in stamina.retry_context(
        on=_retryable, attempts=bounds.attempts, timeout=bounds.timeout_s, wait_initial=bounds.wait_s,
        wait_jitter=bounds.wait_s,
    ):
        with attempt:
            return await action.run(intent, ctx)
    raise AssertionError("unreachable: the last attempt returns or raises")


def _retryable(fault: Exception) -> bool:
    return isinstance(fault, TargetError) and fault.retryable


def _outcome(intent: Intent, status: Status, detail: str, done_at_s: float, data: Data) -> Outcome:
    return Outcome(
        intent.key, intent.incident_id, intent.kind, intent.target, intent.mode, status, detail, intent.decided_at_s,
        done_at_s, intent.undo, dict(data),
    )
