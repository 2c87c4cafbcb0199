"""Two executors over one ledger, of which one stands still at any point and goes on after the other took over.

An intent has its effect once at most. Who lost its lease meanwhile does not begin a run, so nothing is set in force
behind the back of the successor, which has read the target and concluded that nothing ran.
"""

from __future__ import annotations

import asyncio

import pytest

from actions.base import Bounds, Done, Reading, RunContext, TargetError
from actions.executor import Executor
from actions.hooks import Hooks
from actions.ledger.records import LedgerRecord
from actions.ledger.remedy import Remedy
from actions.limits import LimitParams
from actions.model import Intent, Outcome
from actions.remedies.terms import IN_FLIGHT_S
from actions.running import LEASE_LOST
from tests.actions.cases import Clock, intent
from tests.property.remedy_world import SharedLedger, World

POINTS = range(1, 9)
BEFORE_THE_RUN = range(1, 5)
"""Before and after the claim is stored, before and after it is stored that the run begins."""
LIMITS = LimitParams(cooldown_s=0.0)


class Standstill:
    """Where a process stands still. point: the number of the step before which it does; 0 for never."""

    def __init__(self, point: int = 0) -> None:
        self.point = point
        self.count = 0
        self.stands, self.goes_on = asyncio.Event(), asyncio.Event()

    async def step(self) -> None:
        self.count += 1
        if self.count == self.point:
            self.stands.set()
            await self.goes_on.wait()


class SteppedLedger(SharedLedger):
    def __init__(self, world: World, standstill: Standstill) -> None:
        self._standstill = standstill
        super().__init__(world)

    async def _write(self, record: LedgerRecord | Remedy) -> None:
        await self._standstill.step()
        await super()._write(record)
        await self._standstill.step()


class Breaker:
    """A breaker of the world's gateway. faults: of the next runs."""

    kind = "circuit_breaker"
    reversible = True
    holds = True
    bounds = Bounds(attempts=3, wait_s=0.0)

    def __init__(self, world: World, standstill: Standstill) -> None:
        self._world, self._standstill = world, standstill
        self.faults: list[TargetError] = []

    async def run(self, one: Intent, ctx: RunContext) -> Done:
        assert not ctx.dry_run
        await self._standstill.step()
        if self.faults:
            raise self.faults.pop(0)
        self._world.effects.append((0.0, one))
        self._world.states[one.kind, one.target] = "closed" if one.undo else "open"
        await self._standstill.step()
        return Done("set")

    async def read_back(self, one: Intent) -> Reading:
        state = self._world.states.get((one.kind, one.target), "closed")
        return Reading(state == "open", f"it is {state}")


class Owner:
    """An executor process. lease: whether it holds its lease."""

    def __init__(self, world: World, clock: Clock, point: int = 0) -> None:
        self.standstill = Standstill(point)
        self.ledger = SteppedLedger(world, self.standstill)
        self.action = Breaker(world, self.standstill)
        self.lease = True
        self.executor = Executor(
            {"circuit_breaker": self.action}, self.ledger, LIMITS, clock, False, Hooks(holds_lease=lambda: self.lease),
        )

    async def take_over(self) -> list[Outcome]:
        self.ledger.read()
        return await self.ledger.recover()


def runs(world: World) -> list[str]:
    return [one.key for _, one in world.effects if not one.undo]


async def _stood_still(world: World, clock: Clock, point: int) -> tuple[list[Outcome], Outcome, Outcome]:
    """What the successor reported at the take-over and of the intent, and what the first owner said in the end."""
    old, new = Owner(world, clock, point), Owner(world, clock)
    first = asyncio.ensure_future(old.executor.execute(intent()))
    await old.standstill.stands.wait()
    old.lease = False
    interrupted = await new.take_over()
    again = await new.executor.execute(intent())
    clock.now_s += IN_FLIGHT_S + 1.0
    await new.executor.keeper.handle("circuit_breaker", "chat/r0")
    old.standstill.goes_on.set()
    late = await first
    new.ledger.read()
    return interrupted, again, late


@pytest.mark.parametrize("point", POINTS)
async def test_who_goes_on_after_a_take_over_never_runs_an_intent_again(point: int) -> None:
    world = World([])
    interrupted, again, _ = await _stood_still(world, Clock(), point)
    assert len(runs(world)) <= 1
    if point > 1:  # the claim may be in the log, so the successor does not run it
        assert again.status in ("duplicate", "interrupted")
        assert [one.status for one in interrupted] == ["interrupted"] or again.status == "duplicate"


@pytest.mark.parametrize("point", BEFORE_THE_RUN)
async def test_who_lost_the_lease_after_its_claim_does_not_begin_the_run(point: int) -> None:
    world = World([])
    _, again, late = await _stood_still(world, Clock(), point)
    assert runs(world) == (["k1"] if again.status == "executed" else [])
    assert late.status in ("refused", "duplicate", "interrupted")
    in_force = {each.target for each in SharedLedger(world).remedies() if each.in_force}
    assert {target for (_, target), state in world.states.items() if state == "open"} == in_force


async def test_without_a_take_over_the_run_is_begun() -> None:
    world, clock = World([]), Clock()
    outcome = await Owner(world, clock).executor.execute(intent())
    assert (outcome.status, runs(world)) == ("executed", ["k1"])


async def test_a_lease_that_is_lost_between_two_tries_ends_them() -> None:
    world, clock = World([]), Clock()
    owner = Owner(world, clock)
    owner.action.faults = [TargetError("answered 503", retryable=True)]
    await_run = owner.action.run

    async def loses_lease(one: Intent, ctx: RunContext) -> Done:
        owner.lease = False
        return await await_run(one, ctx)

    owner.action.run = loses_lease  # type: ignore[method-assign]
    outcome = await owner.executor.execute(intent())
    assert (outcome.status, outcome.detail, runs(world)) == ("failed", "answered 503", [])


async def test_a_run_that_is_not_begun_says_why() -> None:
    world, clock = World([]), Clock()
    owner = Owner(world, clock)
    owner.lease = False
    outcome = await owner.executor.execute(intent())
    assert (outcome.status, outcome.detail) == ("refused", LEASE_LOST)
    assert SharedLedger(world).in_force() == frozenset()
