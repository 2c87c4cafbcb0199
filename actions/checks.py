"""The conformance suite: what every action in the catalogue must do, checked against a simulated target."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol

from actions.base import Action, Refusal, RunContext, TargetError
from actions.model import Intent
from actions.playbooks.playbook import REVERSIBLE

LIVE = RunContext()


class TargetSimulator(Protocol):
    """A simulated target, and an action on it with a request timeout well below a second."""

    @property
    def action(self) -> Action:
        """The action under test."""

    def intent(self) -> Intent:
        """An intent that can succeed now."""

    def unknown(self) -> Intent:
        """An intent on a target that does not exist."""

    def answer(self, status: int | None) -> None:
        """From now on answer every request with this status; with None never answer."""

    def state(self) -> object:
        """The state of the target; equal before and after means unchanged."""

    def writes(self) -> int:
        """The number of requests so far that would change the target."""


async def check_kind_is_declared(simulator: TargetSimulator) -> None:
    """The policy's table of reversible kinds agrees with the action."""
    assert simulator.action.reversible == (simulator.action.kind in REVERSIBLE)
    assert simulator.intent().kind == simulator.action.kind


async def check_run_changes_the_target(simulator: TargetSimulator) -> None:
    """A run has an effect and describes it."""
    before = simulator.state()
    done = await simulator.action.run(simulator.intent(), LIVE)
    assert simulator.state() != before
    assert done.detail


async def check_unknown_target_is_not_retried(simulator: TargetSimulator) -> None:
    """A target that does not exist is not a transient fault."""
    fault = await _fault(simulator, simulator.unknown())
    assert not fault.retryable


async def check_server_error_is_retried(simulator: TargetSimulator) -> None:
    """A 5xx may be transient."""
    simulator.answer(503)
    fault = await _fault(simulator, simulator.intent())
    assert fault.retryable


async def check_overload_is_retried(simulator: TargetSimulator) -> None:
    """A 429 may be transient."""
    simulator.answer(429)
    fault = await _fault(simulator, simulator.intent())
    assert fault.retryable


async def check_denied_access_is_not_retried(simulator: TargetSimulator) -> None:
    """A 403 does not go away by itself."""
    simulator.answer(403)
    fault = await _fault(simulator, simulator.intent())
    assert not fault.retryable


async def check_no_answer_is_bounded(simulator: TargetSimulator) -> None:
    """A target that never answers costs one request timeout, and may be retried."""
    simulator.answer(None)
    fault = await _fault(simulator, simulator.intent())
    assert fault.retryable


async def check_dry_run_writes_nothing(simulator: TargetSimulator) -> None:
    """A rehearsal describes what it would do and sends no write."""
    before = simulator.state()
    done = await simulator.action.run(simulator.intent(), RunContext(dry_run=True))
    assert done.detail
    assert (simulator.state(), simulator.writes()) == (before, 0)


async def check_same_key_twice_is_harmless(simulator: TargetSimulator) -> None:
    """A retry after a lost answer ends in the same state, as a success."""
    intent = simulator.intent()
    await simulator.action.run(intent, LIVE)
    once = simulator.state()
    await simulator.action.run(intent, LIVE)
    assert simulator.state() == once


async def check_undo_restores(simulator: TargetSimulator) -> None:
    """An undo of a reversible action changes the target, and is harmless when repeated."""
    if not simulator.action.reversible:
        return
    intent = simulator.intent()
    await simulator.action.run(intent, LIVE)
    acted = simulator.state()
    undo = replace(intent, key=intent.key + "-undo", undo=True)
    await simulator.action.run(undo, LIVE)
    restored = simulator.state()
    assert restored != acted
    await simulator.action.run(undo, LIVE)
    assert simulator.state() == restored


async def check_read_back_follows_the_target(simulator: TargetSimulator) -> None:
    """A reading says what the target is: not applied, applied after a run, not applied after an undo. It is no write.

    An action that holds nothing may answer that it cannot tell.
    """
    intent = simulator.intent()
    if not simulator.action.holds:
        assert (await simulator.action.read_back(intent)).detail
        assert simulator.writes() == 0
        return
    assert await _applied(simulator, intent) is False
    await simulator.action.run(intent, RunContext(dry_run=True))
    assert await _applied(simulator, intent) is False
    await simulator.action.run(intent, LIVE)
    assert await _applied(simulator, intent) is True
    if simulator.action.reversible:
        await simulator.action.run(replace(intent, key=intent.key + "-undo", undo=True), LIVE)
        assert await _applied(simulator, intent) is False


async def check_read_back_fails_as_a_fault_of_the_target(simulator: TargetSimulator) -> None:
    """A target that cannot be read is a `TargetError`, and not a reading."""
    if not simulator.action.holds:
        return
    simulator.answer(503)
    fault = await _fault_of(simulator.action.kind, simulator.action.read_back(simulator.intent()))
    assert fault.retryable


CHECKS: tuple[Callable[[TargetSimulator], Awaitable[None]], ...] = (
    check_kind_is_declared,
    check_run_changes_the_target,
    check_unknown_target_is_not_retried,
    check_server_error_is_retried,
    check_overload_is_retried,
    check_denied_access_is_not_retried,
    check_no_answer_is_bounded,
    check_dry_run_writes_nothing,
    check_same_key_twice_is_harmless,
    check_undo_restores,
    check_read_back_follows_the_target,
    check_read_back_fails_as_a_fault_of_the_target,
)


async def _applied(simulator: TargetSimulator, intent: Intent) -> bool | None:
    before = simulator.state(), simulator.writes()
    reading = await simulator.action.read_back(intent)
    assert reading.detail
    assert (simulator.state(), simulator.writes()) == before
    return reading.applied


async def _fault(simulator: TargetSimulator, intent: Intent) -> TargetError:
    return await _fault_of(simulator.action.kind, simulator.action.run(intent, LIVE))


async def _fault_of(kind: str, call: Awaitable[object]) -> TargetError:
    try:
        await call
    except TargetError as fault:
        return fault
    except Refusal as refusal:
        raise AssertionError(f"{kind}: refused ({refusal}), expected a TargetError") from refusal
    raise AssertionError(f"{kind}: succeeded, expected a TargetError")
