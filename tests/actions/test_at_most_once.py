"""Crashes at any point: whatever the order of crashes and redeliveries, an intent acts at most once."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from actions.base import Bounds, Done, Reading, RunContext
from actions.executor import Executor
from actions.ledger.ledger import RecordedLedger
from actions.ledger.records import LedgerRecord
from actions.ledger.remedy import Remedy
from actions.limits import LimitParams
from actions.model import Intent
from tests.actions.cases import Clock, intent


class Crash(BaseException):
    """The process ends here."""


class World:
    """The state that survives a process: the log, the target, and at which points the next processes crash.

    Every durable step has two points, before and after its effect. `crashes` says at which points of the whole history
    the process crashes.
    """

    def __init__(self, crashes: list[bool]) -> None:
        self.crashes = crashes
        self.log: list[LedgerRecord | Remedy] = []
        self.acted: list[str] = []
        self.reported: list[tuple[str, str]] = []

    def maybe_crash(self) -> None:
        if self.crashes and self.crashes.pop(0):
            raise Crash

    async def append(self, record: LedgerRecord | Remedy) -> None:
        self.maybe_crash()
        self.log.append(record)
        await asyncio.sleep(0)
        self.maybe_crash()


class Effect:
    kind = "circuit_breaker"
    reversible = True
    holds = True
    bounds = Bounds(attempts=1)

    def __init__(self, world: World) -> None:
        self._world = world

    async def run(self, intent: Intent, ctx: RunContext) -> Done:
        self._world.maybe_crash()
        assert not ctx.dry_run
        self._world.acted.append(intent.key)
        await asyncio.sleep(0)
        self._world.maybe_crash()
        return Done("done")

    async def read_back(self, intent: Intent) -> Reading:
        return Reading(intent.key in self._world.acted, "as acted")


async def run_process(world: World, deliveries: list[Intent]) -> None:
    """One run of a process: recover, then execute every delivery again from the start."""
    ledger = RecordedLedger(world.append)
    ledger.replay(world.log)
    for outcome in await ledger.recover():
        world.reported.append((outcome.key, outcome.status))
    limits = LimitParams(cooldown_s=0, fleet_share=1.0)
    executor = Executor({"circuit_breaker": Effect(world)}, ledger, limits, Clock(), dry_run=False)
    for one in deliveries:
        outcome = await executor.execute(one)
        world.reported.append((outcome.key, outcome.status))


async def until_it_finishes(world: World, deliveries: list[Intent]) -> None:
    while True:
        try:
            await run_process(world, deliveries)
        except Crash:
            continue
        return


def finished(world: World) -> list[LedgerRecord]:
    return [each for each in world.log if isinstance(each, LedgerRecord) and each.event == "finished"]


@settings(deadline=None)
@given(st.lists(st.booleans(), max_size=40), st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=6))
def test_no_interleaving_of_crashes_acts_twice(crashes: list[bool], keys: list[str]) -> None:
    world = World(crashes)
    wanted = [intent(key, target=f"chat/{key}", params={"fleet_size": 3}) for key in keys]
    asyncio.run(until_it_finishes(world, wanted))
    assert len(world.acted) == len(set(world.acted))
    final = {record.key for record in finished(world)}
    assert final == set(keys)
    for key in set(keys) - set(world.acted):
        assert (key, "executed") not in world.reported


def test_each_single_crash_point_acts_at_most_once_and_says_so() -> None:
    ends = []
    for point in range(10):
        world = World([False] * point + [True])
        asyncio.run(until_it_finishes(world, [intent("a")]))
        (finish,) = finished(world)
        ends.append((len(world.acted), finish.status))
    assert ends == [
        (1, "executed"),  # before the claim was stored: it never happened, so the next process runs it
        *[(0, "interrupted")] * 4,  # claim stored, the remedy stored or not, run not begun
        (1, "interrupted"), (1, "interrupted"),  # acted, outcome not stored
        *[(1, "executed")] * 3,  # outcome stored, the remedy in force stored or not
    ]
