"""One run of an action: retries within one total timeout, and every fault as a status with a reason."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import stamina
import structlog

from actions.base import MAX_TIMEOUT_S, Action, Data, Done, Reading, Refusal, RunContext, TargetError
from actions.kinds.urls import masked_in
from actions.model import TIMEOUT, Intent, Status

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.actions")


LEASE_LOST = "this executor lost its partition after the claim, so it changed nothing; its new owner reports the intent"


async def attempt(
    action: Action, intent: Intent, ctx: RunContext, holds_lease: Callable[[], bool] | None = None,
) -> tuple[Status, str, Data]:
    """Run with retries within one total timeout: that of the step, else the action's own. Raises only `CancelledError`.

    holds_lease: whether nobody else may act in the place of this process; asked before each attempt; None
    where nobody else can.
    """
    if holds_lease is not None and not holds_lease():
        return "refused", LEASE_LOST, {"retryable": False}
    timeout_s = deadline_of(action, intent)
    try:
        async with asyncio.timeout(timeout_s):
            done = await _retried(action, intent, ctx, timeout_s, holds_lease)
    except TargetError as fault:
        return "failed", masked_in(str(fault)), {"retryable": fault.retryable}
    except Refusal as refusal:
        return "refused", masked_in(str(refusal)), {}
    except TimeoutError:
        return "failed", f"no answer within {timeout_s:g} s; it may have run", {"retryable": True}
    except Exception as bug:
        log.exception("action_bug", kind=intent.kind, key=intent.key)
        return "failed", _bug(bug), {"retryable": False}
    return "executed", done.detail, done.data


def deadline_of(action: Action, intent: Intent) -> float:
    """How long one run of an intent may take, in seconds; never more than `MAX_TIMEOUT_S`."""
    asked = intent.params.get(TIMEOUT)
    if isinstance(asked, int | float) and not isinstance(asked, bool) and asked > 0.0:
        return min(float(asked), MAX_TIMEOUT_S)
    return action.bounds.timeout_s


async def _retried(
    action: Action, intent: Intent, ctx: RunContext, timeout_s: float, holds_lease: Callable[[], bool] | None,
) -> Done:
    bounds = action.bounds

    def is_tried_again(fault: Exception) -> bool:
        return isinstance(fault, TargetError) and fault.retryable and (holds_lease is None or holds_lease())

    async for attempt in stamina.retry_context(
        on=is_tried_again, attempts=bounds.attempts, timeout=timeout_s, wait_initial=bounds.wait_s,
        wait_jitter=bounds.wait_s,
    ):
        with attempt:
            return await action.run(intent, ctx)
    raise AssertionError("unreachable: the last attempt returns or raises")


async def read(action: Action, intent: Intent) -> Reading:
    """What the target is now; unknown when it cannot be read within the timeout. Raises only `CancelledError`."""
    try:
        async with asyncio.timeout(action.bounds.timeout_s):
            return await action.read_back(intent)
    except (TargetError, TimeoutError) as fault:
        return Reading(None, f"{intent.target} cannot be read: {masked_in(str(fault)) or 'no answer'}")
    except Exception as bug:
        log.exception("action_bug", kind=intent.kind, key=intent.key)
        return Reading(None, _bug(bug))


def _bug(bug: Exception) -> str:
    return f"a fault in the action itself: {type(bug).__name__}: {masked_in(str(bug))}"
