"""Whatever crashes, repeats, steps or fails: no limit is exceeded, nothing runs twice, and what is in force ends.

Until it ends by its terms it has an owner, and somebody was told.

Source of the property: section "Limits" of the design of response. Hypothesis draws intents, crashes between any two
steps, faults of the target, changes by others, steps of the clock, duplicates, and a second owner at the same time.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from actions.ledger.remedy import Remedy
from actions.model import Fleet, Intent, RemedyTerms
from tests.actions.cases import INTENT
from tests.property.remedy_world import HOUR_S, LIMITS, Crash, Process, World, until_done

KINDS = ("circuit_breaker", "throttle")
SERVICES = ("chat", "search")


@dataclass(frozen=True)
class Op:
    """One event of the world. which: an intent or incident among those so far. two: a second owner does it too."""

    name: str
    kind: str = "throttle"
    target: str = "chat/r0"
    which: int = 0
    seconds: float = 0.0
    undo: str = "when_over"
    two: bool = False


OPS = st.one_of(
    st.builds(
        Op, st.just("intent"), st.sampled_from(KINDS),
        st.builds("{}/r{}".format, st.sampled_from(SERVICES), st.integers(0, 3)), st.integers(0, 4),
        undo=st.sampled_from(["when_over", "when_failed"]), two=st.booleans(),
    ),
    st.builds(Op, st.sampled_from(["undo", "duplicate"]), which=st.integers(0, 20), two=st.booleans()),
    st.builds(Op, st.sampled_from(["resolve", "lose", "silence"]), which=st.integers(0, 4)),
    st.builds(Op, st.just("pass"), seconds=st.sampled_from([1.0, 35.0, 70.0, 400.0, 4_000.0]), two=st.booleans()),
    st.builds(Op, st.just("step"), seconds=st.sampled_from([-7_200.0, -30.0, 30.0, 7_200.0])),
    st.builds(Op, st.sampled_from(["fault", "drift", "blind", "see", "reset"]), which=st.integers(0, 7)),
)


class Story:
    """The ops of one example, applied one after another."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.intents: list[Intent] = []
        self.process = Process(world)
        self.other = Process(world)

    def _intent(self, op: Op) -> Intent:
        service, _, replica = op.target.partition("/")
        name = f"i{op.which}"
        self.world.told.setdefault(name, "open")
        made = replace(
            INTENT, key=f"w{len(self.intents)}", incident_id=name, kind=op.kind, target=op.target, service=service,
            replica=replica, params={}, decided_at_s=self.world.now_s, expires_at_s=self.world.now_s + 120.0,
            fleet=Fleet(5, 4, 1), remedy=RemedyTerms(hold_s=HOUR_S, undo=op.undo),  # type: ignore[arg-type]
        )
        self.intents.append(made)
        return made

    def _undo(self, op: Op) -> Intent | None:
        done = [each for each in self.intents if not each.undo]
        if not done:
            return None
        of = done[op.which % len(done)]
        made = replace(of, key=f"w{len(self.intents)}u", undo=True, expires_at_s=self.world.now_s + 1e6)
        self.intents.append(made)
        return made

    async def apply(self, op: Op) -> None:
        world = self.world
        if op.name in ("intent", "undo", "duplicate"):
            intent = self._intent(op) if op.name == "intent" else self._undo(op) if op.name == "undo" else (
                self.intents[op.which % len(self.intents)] if self.intents else None)
            if intent is not None:
                await self._both(op, lambda process: process.execute(intent))
        elif op.name in ("resolve", "lose", "silence"):
            state = {"resolve": "resolved", "lose": "lost", "silence": "silent"}[op.name]
            if f"i{op.which}" in world.told:
                world.told[f"i{op.which}"] = state
        elif op.name == "pass":
            await self.let_pass(op.seconds, op)
        elif op.name == "step":
            world.now_s += op.seconds
        elif op.name == "fault":
            world.faults += [True] * (op.which % 3 + 1)
        elif op.name == "drift" and world.states:
            world.states[sorted(world.states)[op.which % len(world.states)]] = "closed"
        elif op.name in ("blind", "see"):
            world.blind = op.name == "blind"
        elif op.name == "reset" and self.process.ledger.storm_since_s() is not None:
            self.process = await until_done(world, self.process, lambda p: p.ledger.reset_storm(world.now_s))

    async def let_pass(self, seconds: float, op: Op) -> None:
        """Time goes by in steps of at most 10 s, so that incidents are told often enough."""
        left_s = seconds
        while left_s > 0:
            step_s = min(10.0, left_s)
            left_s -= step_s
            self.world.now_s += step_s
            await self._both(op, lambda process: process.settle())

    async def _both(self, op: Op, work) -> None:  # type: ignore[no-untyped-def]
        """The owner does it, and with `two` another process at the same time, which does not know that it lost."""
        if op.two:
            self.process, self.other = await asyncio.gather(
                until_done(self.world, self.process, work), until_done(self.world, self.other, work),
            )
        else:
            self.process = await until_done(self.world, self.process, work)

    def check(self) -> None:
        world = self.world
        assert world.wrong == []
        keys = [intent.key for _, intent in world.effects]
        assert len(keys) == len(set(keys)), "a key ran twice"
        last = self._remedies()
        for (kind, target), state in world.states.items():
            remedy = last.get((kind, target))
            owned = remedy is not None and (remedy.in_force or remedy.state == "kept")
            assert state == "closed" or owned, f"{kind} on {target} is {state} and nobody owns it: {remedy}"

    def _remedies(self) -> dict[tuple[str, str], Remedy]:
        ledger = Process(self.world).ledger
        return {(each.kind, each.target): each for each in ledger.remedies()}

    async def finish(self) -> None:
        """Nobody tells an incident any more, and nothing fails any more: everything ends."""
        world = self.world
        world.faults.clear()
        world.crashes.clear()
        world.blind = False
        world.told = dict.fromkeys(world.told, "silent")
        self.process = await until_done(world, Process(world), lambda process: process.recover())
        for _ in range(round((LIMITS.max_hold_s + 3 * HOUR_S) / 10.0 / 10.0)):
            await self.let_pass(100.0, Op("pass"))
            if not self.process.ledger.in_force():
                break
        assert self.process.ledger.in_force() == frozenset()
        kept = {place for place, remedy in self._remedies().items() if remedy.state == "kept"}
        assert {place for place, state in world.states.items() if state != "closed"} <= kept
        told = {outcome.key for outcome in world.outcomes}
        assert {intent.key for _, intent in world.effects} <= told, "something was done and nobody was told"


async def run(ops: list[Op], crashes: list[bool]) -> None:
    story = Story(World(crashes))
    for op in ops:
        try:
            await story.apply(op)
        except Crash as crash:
            raise AssertionError("a crash was not handled") from crash
        story.check()
    await story.finish()
    story.check()


@settings(deadline=None, max_examples=150)
@given(st.lists(OPS, min_size=1, max_size=25), st.lists(st.sampled_from([False] * 6 + [True]), max_size=120))
def test_no_limit_is_exceeded_nothing_runs_twice_and_what_is_in_force_ends(ops: list[Op], crashes: list[bool]) -> None:
    with structlog.testing.capture_logs():
        asyncio.run(run(ops, crashes))
