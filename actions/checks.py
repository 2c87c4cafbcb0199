"""The conformance suite: what every action in the catalogue must do, run against a stage that plays its target."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol

from actions.base import Action, Refusal, RunContext, TargetError
from actions.model import Intent
from actions.playbook import REVERSIBLE

LIVE = RunContext()


class Stage(Protocol):
    """A target under control, and an action that is built to act on it with a request timeout well below a second."""

    @property
    def action(self) -> Action:
        """The action under test."""

    def intent(self) -> Intent:
        """An intent that can succeed now."""

    def unknown(self) -> Intent:
        """An intent on a target that does not exist."""

    def answer(self, status: int | None) -> None:
        """From now on answer every request with this status; None never answers."""

    def state(self) -> object:
        """What the target is set to; equal before and after means untouched."""

    def writes(self) -> int:
        """How many requests arrived that would change the target."""


async def check_kind_is_declared(stage: Stage) -> None:
    """The policy's table of reversible kinds agrees with the action."""
    assert stage.action.reversible == (stage.action.kind in REVERSIBLE)
    assert stage.intent().kind == stage.action.kind


async def check_run_changes_the_target(stage: Stage) -> None:
    """A run has an effect and tells of it."""
    before = stage.state()
    done = await stage.action.run(stage.intent(), LIVE)
    assert stage.state() != before
    assert done.detail


async def check_unknown_target_is_not_retried(stage: Stage) -> None:
    """A target that does not exist will not exist in a second either."""
    fault = await _fault(stage, stage.unknown())
    assert not fault.retryable


async def check_server_error_is_retried(stage: Stage) -> None:
    """A 5xx may pass."""
    stage.answer(503)
    fault = await _fault(stage, stage.intent())
    assert fault.retryable


async def check_overload_is_retried(stage: Stage) -> None:
    """So may a 429."""
    stage.answer(429)
    fault = await _fault(stage, stage.intent())
    assert fault.retryable


async def check_denied_access_is_not_retried(stage: Stage) -> None:
    """A 403 is for a human."""
    stage.answer(403)
    fault = await _fault(stage, stage.intent())
    assert not fault.retryable


async def check_silence_is_bounded(stage: Stage) -> None:
    """A target that never answers costs one request timeout, and may be retried."""
    stage.answer(None)
    fault = await _fault(stage, stage.intent())
    assert fault.retryable


async def check_dry_run_writes_nothing(stage: Stage) -> None:
    """A rehearsal says what it would do and sends no write."""
    before = stage.state()
    done = await stage.action.run(stage.intent(), RunContext(dry_run=True))
    assert done.detail
    assert (stage.state(), stage.writes()) == (before, 0)


async def check_same_key_twice_is_harmless(stage: Stage) -> None:
    """A retry after a lost answer ends in the same state, as a success."""
    intent = stage.intent()
    await stage.action.run(intent, LIVE)
    once = stage.state()
    await stage.action.run(intent, LIVE)
    assert stage.state() == once


async def check_undo_restores(stage: Stage) -> None:
    """Where the action can be undone, undo is visible at the target and harmless when repeated."""
    if not stage.action.reversible:
        return
    intent = stage.intent()
    await stage.action.run(intent, LIVE)
    acted = stage.state()
    undo = replace(intent, key=intent.key + "-undo", undo=True)
    await stage.action.run(undo, LIVE)
    restored = stage.state()
    assert restored != acted
    await stage.action.run(undo, LIVE)
    assert stage.state() == restored


CHECKS: tuple[Callable[[Stage], Awaitable[None]], ...] = (
    check_kind_is_declared,
    check_run_changes_the_target,
    check_unknown_target_is_not_retried,
    check_server_error_is_retried,
    check_overload_is_retried,
    check_denied_access_is_not_retried,
    check_silence_is_bounded,
    check_dry_run_writes_nothing,
    check_same_key_twice_is_harmless,
    check_undo_restores,
)


async def _fault(stage: Stage, intent: Intent) -> TargetError:
    try:
        await stage.action.run(intent, LIVE)
    except TargetError as fault:
        return fault
    except Refusal as refusal:
        raise AssertionError(f"{stage.action.kind}: refused ({refusal}), expected a TargetError") from refusal
    raise AssertionError(f"{stage.action.kind}: succeeded, expected a TargetError")
