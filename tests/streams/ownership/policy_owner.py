"""An owner of a shard as its policy sees it, with clocks that the test moves."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from streams.contracts.ticks import Tick
from streams.ownership.outage import Contact
from streams.ownership.tick_policy import (
    HANGS_AFTER_S,
    Pending,
    SupplyView,
    TickPolicy,
)
from streams.pipeline import Shard
from streams.shard.event_time import Arrival
from streams.shard.plan import Plan
from tests.streams.fakes import LATENCY, T, batch, default_plan, requests

PLAN: Plan = replace(default_plan(), sources={LATENCY: True})
ALL = frozenset({LATENCY})
WATCHED = Contact(-1e6)
"""Of a worker that has been in contact with the broker for long."""
SEES = SupplyView(True, True, ALL, contact=WATCHED)
BACKLOG = replace(SEES, at_end=frozenset())
NO_LEASE = replace(SEES, holds_lease=False)
NO_SIGHT = replace(SEES, sees=False)
WRITES = replace(SEES, transaction_s=HANGS_AFTER_S - 0.1)
HANGS = replace(SEES, transaction_s=HANGS_AFTER_S)


@dataclass
class Owner:
    """A policy with a shard, and clocks: the wall clock is `T` when the steady one is 0."""

    steady_s: float = 100.0
    shard: Shard = field(default_factory=lambda: Shard(PLAN))
    ticks: list[Tick] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.policy = TickPolicy(3, self.steady_s)
        self.apply(self.policy.opening(self.shard, self.steady_s, self.wall_s))

    @property
    def wall_s(self) -> float:
        return T + self.steady_s

    def apply(self, tick: Tick) -> None:
        self.ticks.append(tick)
        self.shard.apply_tick(tick)

    def arrive(self, age_s: float = 0.1) -> None:
        """One record."""
        newest_s = self.wall_s - age_s
        first = self.shard.offsets.get(LATENCY, 0)
        self.shard.ingest(LATENCY, batch(requests(1, start=int(newest_s - T), each=1), first=first).records)
        lesson = self.policy.lesson(self.steady_s, from_backlog=False)
        self.shard.event_time.observe(LATENCY, Arrival(self.steady_s, newest_s, newest_s, 0.0), lesson)

    def step(self, view: SupplyView = SEES, pending: Pending | None = None, after_s: float = 0.1) -> Tick | None:
        self.steady_s += after_s
        self.policy.observe(view, self.steady_s)
        tick = self.policy.due(self.shard, view, pending or Pending(), self.steady_s, self.wall_s)
        if tick is not None:
            self.apply(tick)
        return tick

    def pass_time(self, seconds: float, view: SupplyView = SEES) -> list[Tick]:
        """Ten steps a second."""
        found = [self.step(view) for _ in range(round(10 * seconds))]
        return [tick for tick in found if tick is not None]

    def live(self, seconds: int) -> None:
        """A record each second, and ticks as they are due."""
        for _ in range(seconds):
            self.arrive()
            self.pass_time(1.0)

    def closed_s(self) -> float:
        """Relative to the wall clock."""
        return self.shard.windower.closed_s - self.wall_s


def closings(ticks: list[Tick]) -> list[Tick]:
    return [tick for tick in ticks if tick.close_until_s is not None]


def settled() -> Owner:
    """An owner that has long seen a source with a record each second."""
    owner = Owner()
    owner.live(30)
    return owner
