"""What a worker connects to an executor. Without it the executor runs alone, as in tests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from actions.model import HTTP_OK, Intent, Outcome


async def _report_nothing(_: Outcome, __: int | None) -> None:
    """For executors without a worker around them."""


async def _unmet_if_any(intent: Intent) -> str | None:
    """Nobody can ask here, and what is unknown does not hold."""
    return None if intent.params.get(HTTP_OK) is None else "prerequisite http_ok: nobody here can ask it"


def _never(_: Intent) -> bool:
    return False


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a worker connects to an executor.

    on_claimed: called with each claimed intent and the time, before it runs; if it raises, the intent does not run.
    forbids: why an intent may not run at this time, by allow-list and approvals; None where it may. unmet: which
    prerequisite that only the executor can judge does not hold, None where all hold; it answers in some seconds and is
    not asked for undos. report: publishes an outcome of the executor's own. break_glass: whether a commander took the
    responsibility for an intent. holds_lease: whether nobody else can own the partitions of this process; asked right
    before a run, so that who stood still after a claim does not act when its successor has drawn conclusions.
    """

    on_claimed: Callable[[Intent, float], Awaitable[None]] | None = None
    forbids: Callable[[Intent, float], str | None] | None = None
    unmet: Callable[[Intent], Awaitable[str | None]] = _unmet_if_any
    report: Callable[[Outcome, int | None], Awaitable[None]] = _report_nothing
    break_glass: Callable[[Intent], bool] = _never
    holds_lease: Callable[[], bool] = _always
