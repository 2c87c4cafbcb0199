"""The executor: checks an intent, claims it, runs it, and reports its outcome.

Cheap checks come first, and the claim last, right before the run. Guarantee on crash: an intent runs at most once; a
crash between claim and outcome is reported as `interrupted`. Guarantee on duplicate: the earlier outcome is reported
and nothing runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import stamina
import structlog

from actions.base import Action, Data, Done, Refusal, RunContext, TargetError
from actions.ledger.ledger import Ledger
from actions.ledger.view import Claim
from actions.limits import Admission, LimitParams, check_age, check_limits
from actions.model import HARMLESS, Intent, Outcome, Status

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.actions")


class Executor:
    """Runs intents with `actions` (kind -> action). One instance serves many tasks. Intents of one target must come one
    after another (the action topic is keyed by target).

    now_s: the clock, seconds since the epoch. dry_run: rehearse all actions and change nothing. on_claimed: called with
    each claimed intent and the time, before it runs; if it raises, the intent does not run. forbids: why an intent may
    not run at this time, by allow-list and approvals (`actions.trust.gate`); None where it may.
    """

    def __init__(
        self, actions: Mapping[str, Action], ledger: Ledger, limits: LimitParams, now_s: Callable[[], float],
        dry_run: bool, on_claimed: Callable[[Intent, float], Awaitable[None]] | None = None,
        forbids: Callable[[Intent, float], str | None] | None = None,
    ) -> None:
        self._actions = actions
        self._ledger = ledger
        self._limits = limits
        self._now_s = now_s
        self._dry_run = dry_run
        self._on_claimed = on_claimed
        self._forbids = forbids
        self._admission_lock = asyncio.Lock()

    async def execute(self, intent: Intent) -> Outcome:
        """Run the intent if it is admitted, and return its outcome.

        Raises only what the ledger's storage raises, and `CancelledError`. After either, the intent is not acknowledged
        and is delivered again: it then runs if it was never claimed, and is `interrupted` if it was.
        """
        # Locked from the limits to the claim: the limits of the next intent count this claim.
        async with self._admission_lock:
            refused = await self._admit(intent)
        if refused is not None:
            return refused
        action = self._actions[intent.kind]
        if self._rehearses(action):
            status, detail, data = await _attempt(action, intent, RunContext(dry_run=True))
            # A failed rehearsal changed nothing. As `failed` it would count towards the limits.
            report = detail if status == "executed" else f"the rehearsal was {status}: {detail}"
            return await self._finish(intent, "dry_run", report, data)
        try:
            if self._on_claimed is not None:
                await self._on_claimed(intent, self._now_s())
            status, detail, data = await _attempt(action, intent, RunContext())
        except BaseException:
            self._ledger.abandon(intent.key)
            raise
        return await self._finish(intent, status, detail, data)

    async def _admit(self, intent: Intent) -> Outcome | None:
        """None if the intent may run now: it is within the limits and, unless it is a rehearsal, claimed."""
        earlier = self._ledger.lookup(intent.key)
        if earlier is not None:
            return await self._repeated(intent, earlier)
        admission = self._check(intent)
        if not admission.allowed:
            return await self._refuse(intent, admission)
        if self._rehearses(self._actions[intent.kind]):
            return None
        claim = await self._ledger.claim(intent, self._now_s())
        return None if claim.won else await self._repeated(intent, claim)

    def _rehearses(self, action: Action) -> bool:
        return self._dry_run or action.bounds.dry_run

    def _check(self, intent: Intent) -> Admission:
        now_s = self._now_s()
        action = self._actions.get(intent.kind)
        if now_s >= intent.expires_at_s:
            return check_age(intent, self._limits, now_s)
        if action is None:
            return Admission(False, f"no action {intent.kind!r} is configured, expected one of {sorted(self._actions)}")
        if intent.undo and not action.reversible:
            return Admission(False, f"{intent.kind} cannot be undone")
        if intent.mode == "observe":
            return Admission(False, f"observed only: {intent.reason}", "observed")
        if intent.mode == "suggest":
            return Admission(False, f"suggested: {intent.reason}", "suggested")
        forbidden = None if self._forbids is None else self._forbids(intent, now_s)
        if forbidden is not None:
            return Admission(False, forbidden)
        return check_limits(intent, self._ledger, self._limits, now_s)

    async def _refuse(self, intent: Intent, admission: Admission) -> Outcome:
        now_s = self._now_s()
        trips = admission.status == "suggested" and intent.mode == "auto" and intent.kind not in HARMLESS
        if trips and self._ledger.storm_since_s() is None:
            log.warning("storm_brake_tripped", key=intent.key, reason=admission.reason)
            await self._ledger.trip_storm(now_s)
        if admission.status in ("suggested", "observed"):
            # Not recorded in the ledger: nothing ran, and the key stays unclaimed.
            return self._report(outcome_of(intent, admission.status, admission.reason, now_s, {}))
        return await self._finish(intent, admission.status, admission.reason, {})

    async def _repeated(self, intent: Intent, claim: Claim) -> Outcome:
        if claim.state == "in_doubt" and claim.earlier is not None:
            await self._ledger.finish(claim.earlier)
            return self._report(claim.earlier)
        data: Data = {}
        if claim.earlier is not None:
            earlier = claim.earlier
            data = {**earlier.data, "earlier_status": earlier.status, "earlier_at_s": earlier.done_at_s}
        return self._report(outcome_of(intent, "duplicate", claim.reason, self._now_s(), data))

    async def _finish(self, intent: Intent, status: Status, detail: str, data: Data) -> Outcome:
        outcome = outcome_of(intent, status, detail, self._now_s(), data)
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
    """Run with retries within one total timeout. Raises only `CancelledError`."""
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


def outcome_of(intent: Intent, status: Status, detail: str, done_at_s: float, data: Data) -> Outcome:
    """The outcome of an intent."""
    return Outcome(
        intent.key, intent.incident_id, intent.kind, intent.target, intent.mode, status, detail, intent.decided_at_s,
        done_at_s, intent.undo, dict(data),
    )
