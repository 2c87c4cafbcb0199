"""Executors over one log and one gateway, that crash between any two steps, beside each other, with clocks that step.

Everything that would survive a process is in `World`. A process is an `Executor` with a ledger of its own view. Each
durable step and each call of the gateway is a point at which the process may crash, before and after its effect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from actions.base import Bounds, Done, Reading, RunContext, TargetError
from actions.executor import Executor
from actions.hooks import Hooks
from actions.ledger.ledger import RecordedLedger
from actions.ledger.records import LedgerRecord
from actions.ledger.remedy import Remedy
from actions.limits import LimitParams
from actions.model import HARMLESS, Intent, Outcome
from actions.remedies.incidents import KnownIncidents
from tests.actions.cases import NOW_S, incident

HOUR_S = 3600.0
LIMITS = LimitParams(
    cooldown_s=60.0, max_cooldown_s=240.0, actions_per_hour=6, service_actions_per_hour=4, max_in_force=3,
    fleet_share=0.4, storm_actions=5, storm_services=4, max_hold_s=2 * HOUR_S,
)


class Crash(BaseException):
    """The process ends here."""


@dataclass
class World:
    """crashes: whether the process crashes at the next points of the whole history. open: what is in force at the
    gateway, and since when. effects: runs of intents of shards, with the time.
    """

    crashes: list[bool]
    now_s: float = NOW_S
    log: list[LedgerRecord | Remedy] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    states: dict[tuple[str, str], str] = field(default_factory=dict)
    effects: list[tuple[float, Intent]] = field(default_factory=list)
    faults: list[bool] = field(default_factory=list)
    told: dict[str, str] = field(default_factory=dict)
    blind: bool = False
    wrong: list[str] = field(default_factory=list)

    def point(self) -> None:
        if self.crashes and self.crashes.pop(0):
            raise Crash

    def check_limits(self, of: Intent) -> None:
        """Before an intent has its effect: what the log says of others leaves room for it."""
        keys = {each.key: each for each in self.log if isinstance(each, LedgerRecord) and each.event == "claimed"}
        refused = {
            each.key for each in self.log
            if isinstance(each, LedgerRecord) and each.event == "finished" and each.status in ("refused", "cooldown")
        }
        ran = [
            each for key, each in keys.items()
            if key != of.key and key not in refused and not each.undo and each.kind not in HARMLESS
        ]
        hour = [each for each in ran if each.at_s >= self.now_s - HOUR_S and each.key in self._effected()]
        if len(hour) >= LIMITS.actions_per_hour:
            self.wrong.append(f"{of.key} is the {len(hour) + 1}th action of this hour")
        if sum(each.service == of.service for each in hour) >= LIMITS.service_actions_per_hour:
            self.wrong.append(f"{of.key} is one action too many of {of.service}")
        others = {place for place, state in self.states.items() if state != "closed" and place != (of.kind, of.target)}
        last = {(each.kind, each.target): each.state for each in self.log if isinstance(each, Remedy)}
        if sum(last.get(place) != "kept" for place in others) >= LIMITS.max_in_force:
            self.wrong.append(f"{of.key} is one remedy too many in force")
        siblings = {target for _, target in others if target.partition("/")[0] == of.service}
        if len(siblings | {of.target}) > 2:
            self.wrong.append(f"{of.key} touches the third of 5 siblings")

    def _effected(self) -> set[str]:
        return {each.key for _, each in self.effects}


class WorldAction:
    """An action of the gateway."""

    reversible = True
    holds = True
    bounds = Bounds(timeout_s=30.0, attempts=1, wait_s=0.0)

    def __init__(self, kind: str, world: World) -> None:
        self.kind, self.probes = kind, kind == "circuit_breaker"
        self._world = world

    async def run(self, intent: Intent, ctx: RunContext) -> Done:
        assert not ctx.dry_run
        world = self._world
        world.point()
        await asyncio.sleep(0)
        if world.faults and world.faults.pop(0):
            raise TargetError("500", retryable=True)
        half_open = intent.params.get("breaker") == "half_open"
        if intent.key.startswith("w"):
            if not intent.undo and not half_open and world.states.get((self.kind, intent.target)) != "half_open":
                world.check_limits(intent)
            world.effects.append((world.now_s, intent))
        state = "closed" if intent.undo else "half_open" if half_open else "open"
        world.states[self.kind, intent.target] = state
        await asyncio.sleep(0)
        world.point()
        return Done(f"set to {state}")

    async def read_back(self, intent: Intent) -> Reading:
        await asyncio.sleep(0)
        state = self._world.states.get((self.kind, intent.target), "closed")
        return Reading(None if self._world.blind else state == "open", f"it is {state}")


class SharedLedger(RecordedLedger):
    """A ledger over the log of the world: what it wrote counts once it is read back, as in a topic."""

    count = 0

    def __init__(self, world: World) -> None:
        super().__init__(self._write)
        self._world = world
        self._next = 0
        SharedLedger.count += 1
        self._name = f"process{SharedLedger.count}"
        self._claims = 0
        self.read()

    def read(self) -> None:
        self.replay(self._world.log[self._next:])
        self._next = len(self._world.log)

    async def _write(self, record: LedgerRecord | Remedy) -> None:
        self._world.point()
        self._world.log.append(record)
        await asyncio.sleep(0)
        self.read()
        self._world.point()

    def _new_owner(self) -> str:
        self._claims += 1
        return f"{self._name}/{self._claims}"

    async def _store_claim(self, record: LedgerRecord) -> None:
        await self._write(record)

    async def _store_remedy(self, remedy: Remedy) -> None:
        await self._write(remedy)


class Process:
    """One executor process; made anew after a crash, with what was told of the incidents."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.ledger = SharedLedger(world)
        self.incidents = KnownIncidents()
        self.executor = Executor(
            {kind: WorldAction(kind, world) for kind in ("circuit_breaker", "throttle")}, self.ledger, LIMITS,
            lambda: world.now_s, False, Hooks(report=self._report), self.incidents,
        )
        self.tell()

    async def recover(self) -> None:
        for outcome in await self.ledger.recover():
            await self._report(outcome, None)

    def tell(self) -> None:
        """The incidents as they were told last; those that are silent are told no more."""
        self.incidents.saw(self.executor.keeper.now_s())
        for name, state in self._world.told.items():
            if state == "open":
                self.incidents.observe(incident(id=name, severity="P3"), self.executor.keeper.now_s())
            elif state in ("resolved", "lost"):
                told = incident(id=name, state="resolved", resolution="lost" if state == "lost" else None)
                self.incidents.observe(told, self.executor.keeper.now_s())

    async def execute(self, intent: Intent) -> None:
        self.ledger.read()
        outcome = await self.executor.execute(intent, 0)
        await self._report(outcome, 0)

    async def settle(self) -> None:
        self.ledger.read()
        self.tell()
        for remedy in self.ledger.remedies():
            await self.executor.keeper.handle(remedy.kind, remedy.target)

    async def _report(self, outcome: Outcome, _: int | None) -> None:
        self._world.point()
        self._world.outcomes.append(outcome)
        self._world.point()


async def until_done(world: World, process: Process, work: Callable[[Process], Awaitable[None]]) -> Process:
    """Repeat the work in a new process after each crash, as a redelivered record would."""
    while True:
        try:
            await work(process)
            return process
        except Crash:
            process = await _started(world)


async def _started(world: World) -> Process:
    while True:
        try:
            process = Process(world)
            await process.recover()
            return process
        except Crash:
            continue
