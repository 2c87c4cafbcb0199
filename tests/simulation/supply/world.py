"""A small world drawn from a seed: services, workers and a broker, real faults, and faults of the supply."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from classifiers.directives import Deployment, Directive
from tests.simulation.supply.broker import Broker, Written
from tests.simulation.supply.detection import supply_plan
from tests.simulation.supply.log import CONTROL
from tests.simulation.supply.owner import Owner
from tests.simulation.supply.producers import Producer, T, Trouble
from tests.simulation.supply.worker import Gateway, Worker

STEP_S = 0.2
SESSION_S = 6.0
WARM_S = 16.0
"""Absence needs ten windows."""
TAIL_S = 32.0
"""Quiet time after the last fault: a session, a hold, a resolution, and what a slow producer adds."""
MAX_END_S = 140.0
KINDS = (
    "kill", "freeze", "outage", "clock", "cut", "storm", "starve", "ambiguous", "aborting", "configuration", "target",
    "backlog", "hang",
)


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of the supply. worker: that it hits, where it hits one. size: seconds of a clock's step."""

    kind: str
    begin_s: float
    end_s: float
    worker: int = 0
    size: float = 0.0


@dataclass(frozen=True, slots=True)
class Script:
    """Everything that happens. flush_s: of the producers."""

    seed: int
    shards: int
    workers: int
    sources: tuple[str, ...]
    flush_s: float
    skew_s: float
    disorder_s: float
    repeats: float
    troubles: tuple[Trouble, ...]
    faults: tuple[Fault, ...]

    @property
    def end_s(self) -> float:
        ends_s = [WARM_S, *(each.end_s for each in self.troubles), *(each.end_s for each in self.faults)]
        last_s = max(ends_s)
        return min(MAX_END_S, last_s + TAIL_S + 2.0 * self.flush_s)


def script_of(seed: int, kinds: Sequence[str] = KINDS, troubles: int | None = None) -> Script:
    """What a seed stands for. troubles: number of real faults; None draws it."""
    rng = random.Random(seed)
    flush_s = rng.choice((0.02, 0.2, 0.2, 1.0, 2.0, 4.0, 6.0))
    begins = [WARM_S + 2.0 * flush_s + rng.uniform(0.0, 14.0)]
    begins.append(begins[0] + rng.uniform(38.0, 44.0))
    count = rng.choice((0, 1, 1, 1, 2)) if troubles is None else troubles
    found = []
    for begin_s in begins[:count]:
        service, replica = rng.choice((("chat", "r1"), ("chat", "r0"), ("chat", None), ("search", None)))
        found.append(Trouble(service, replica, begin_s, begin_s + (20.0 if replica is None else 12.0)))
    workers = rng.choice((1, 2, 2, 3))
    faults = [_fault(rng, rng.choice(kinds), workers, flush_s) for _ in range(rng.choice((1, 1, 2, 3)) if kinds else 0)]
    return Script(
        seed, rng.choice((1, 1, 2)), workers, rng.choice((("latency",), ("latency",), ("latency", "tokens"))), flush_s,
        rng.choice((0.0, 0.0, 0.3, -0.3)), rng.choice((0.0, 0.0, 0.1, 0.3)), rng.choice((0.0, 0.0, 0.2)),
        tuple(found), tuple(sorted(faults, key=lambda fault: fault.begin_s)),
    )


def _fault(rng: random.Random, kind: str, workers: int, flush_s: float) -> Fault:
    begin_s = rng.uniform(WARM_S + 2.0 * flush_s, 50.0)
    longest_s = {
        "kill": 8.0, "freeze": 25.0, "outage": 25.0, "clock": 20.0, "cut": 20.0, "storm": 8.0, "starve": 15.0,
        "configuration": 4.0, "target": 20.0, "backlog": 20.0, "hang": 20.0,
    }.get(kind, 10.0)
    size = rng.choice((-86_400.0, -600.0, -20.0, 5.0, 60.0, 3600.0)) if kind == "clock" else 0.0
    return Fault(kind, begin_s, begin_s + rng.uniform(0.3, longest_s), rng.randrange(workers), size)


MakeWorker = Callable[["World", int], Worker]


def new_worker(world: World, number: int) -> Worker:
    """A worker of the rules under test."""
    return Worker(
        number, world.broker, world.plan, world.gateway, random.Random(f"{world.script.seed}/{number}"),
        boot_s=1000.0 * number,
    )


@dataclass
class World:
    """A script under way."""

    script: Script
    make_worker: MakeWorker = new_worker
    at_s: float = 0.0
    gateway: Gateway = field(default_factory=Gateway)

    def __post_init__(self) -> None:
        script = self.script
        self.configuration = 0
        self.plan = supply_plan(script.sources)
        self.broker = Broker(script.shards, SESSION_S)
        self.workers = [self.make_worker(self, number) for number in range(script.workers)]
        self.producers = self._producers()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        for fault in script.faults:
            self._plan_fault(fault)
        deployed: Directive = Deployment("chat", "m", "v2", T + WARM_S + 20.0)
        self._at(WARM_S + 19.0, lambda: self._write_control(deployed))
        self._events.sort(key=lambda event: event[:2])

    def _write_control(self, directive: Directive) -> None:
        self.broker.append([Written(CONTROL, 0, directive)])

    def _bring_broker_back(self) -> None:
        self.broker.up = True
        self.broker.group.restart(self.at_s)

    def run(self) -> World:
        script, number = self.script, 0
        end_s = script.end_s
        while self.at_s < end_s:
            number += 1
            self.at_s = number * STEP_S
            while self._events and self._events[0][0] <= self.at_s:
                self._events.pop(0)[2]()
            for producer in self.producers:
                producer.step(self.at_s, self.broker, script.troubles, end_s)
            if self.broker.up:
                self.broker.group.pass_time(self.at_s)
            for worker in self.workers:
                worker.step(self.at_s)
        return self

    @property
    def owners(self) -> dict[int, Owner]:
        """The owner of each shard now, by the group."""
        found = {}
        for worker in self.workers:
            if worker.is_alive and worker.generation == self.broker.group.generation:
                found.update(worker.owners)
        return found

    def _producers(self) -> list[Producer]:
        script, found = self.script, []
        for at, (service, replicas) in enumerate((("chat", ("r0", "r1", "r2")), ("search", ("r0",)))):
            for topic in script.sources:
                if topic == "tokens" and service == "search":
                    continue  # with two shards, a topic with nothing in a partition
                rng = random.Random(f"{script.seed}/{service}/{topic}")
                found.append(Producer(
                    service, topic, at % script.shards, replicas,
                    "latency_ms" if topic == "latency" else "completion_tokens", 0.5 + 0.07 * at, script.flush_s,
                    script.skew_s * at, script.disorder_s, script.repeats, rng, next_s=rng.uniform(0.0, 0.5),
                    flush_at_s=rng.uniform(0.0, script.flush_s),
                ))
        return found

    def _at(self, at_s: float, event: Callable[[], None]) -> None:
        self._events.append((at_s, len(self._events), event))

    def _plan_fault(self, fault: Fault) -> None:
        worker, broker, begin_s, end_s = self.workers[fault.worker], self.broker, fault.begin_s, fault.end_s

        def change(target: object, **values: object) -> Callable[[], None]:
            def event() -> None:
                for name, value in values.items():
                    setattr(target, name, value)
            return event

        match fault.kind:
            case "kill":
                self._at(begin_s, worker.kill)
                self._at(end_s, change(worker, is_alive=True))
            case "freeze":
                self._at(begin_s, change(worker, frozen=True))
                self._at(end_s, change(worker, frozen=False))
            case "outage":
                self._at(begin_s, change(broker, up=False))
                self._at(end_s, self._bring_broker_back)
            case "clock":
                self._at(begin_s, change(worker, wall_step_s=fault.size))
                self._at(end_s, change(worker, wall_step_s=0.0))
            case "cut":
                self._at(begin_s, change(worker, is_cut_off=True))
                self._at(end_s, change(worker, is_cut_off=False))
            case "hang":
                self._at(begin_s, change(worker, hangs=True))
                self._at(end_s, change(worker, hangs=False))
            case "starve":
                self._at(begin_s, change(worker, step_every_s=1.0 + (end_s - begin_s) / 5.0))
                self._at(end_s, change(worker, step_every_s=0.0))
            case "ambiguous" | "aborting":
                self._at(begin_s, change(broker, **{fault.kind: 1}))
            case "storm":
                for at in range(int(end_s - begin_s) + 1):
                    self._at(begin_s + at, lambda: broker.group.join(99, self.at_s))
                    self._at(begin_s + at + 0.5, lambda: broker.group.leave(99, self.at_s))
            case "target":
                self._at(begin_s, change(self.gateway, failing=True))
                self._at(end_s, change(self.gateway, failing=False))
            case "backlog" | "configuration":
                for each in self.workers:
                    self._at(begin_s, each.kill)
                    if fault.kind == "configuration":
                        self._at(begin_s, change(each, plan=supply_plan(self.script.sources, 1)))
                    self._at(end_s, change(each, is_alive=True))
            case kind:
                raise AssertionError(kind)


def quiet(script: Script) -> Script:
    """The same real faults with a perfect supply."""
    return replace(script, faults=())
