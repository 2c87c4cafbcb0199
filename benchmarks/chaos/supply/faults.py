"""How each fault of the supply is made and undone."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from benchmarks.chaos.plan import SupplyFault
from benchmarks.chaos.supply.brokers import Cluster, Node
from benchmarks.chaos.supply.clock import Clock
from benchmarks.chaos.supply.disk import fill_up
from benchmarks.chaos.supply.proxy import Proxy, Route
from benchmarks.chaos.supply.targets import Target
from benchmarks.chaos.supply.workers import Worker

STARVE_STOPPED_S, STARVE_RUNNING_S = 0.4, 0.1
STEPS_S = (-120.0, -30.0, -5.0, 5.0, 30.0, 120.0)
STAY_S = (5.0, 9.0)
"""How long the guest stays: it needs 3 s to start and join."""


@dataclass(frozen=True, slots=True)
class Supply:
    """What can break. guest: the worker that joins and leaves. clocks: by worker, empty without libfaketime."""

    cluster: Cluster
    proxy: Proxy
    workers: tuple[Worker, ...]
    guest: Worker
    clocks: Mapping[str, Clock]
    target: Target

    def worker(self, fault: SupplyFault) -> Worker:
        """The one that is hit."""
        return self.workers[fault.number % len(self.workers)]

    def broker(self, fault: SupplyFault) -> Node:
        """The one that is hit."""
        return self.cluster.brokers[fault.number % len(self.cluster.brokers)]

    def routes(self, fault: SupplyFault) -> list[Route]:
        """The network of the worker that is hit."""
        return self.cluster.routes[self.worker(fault).name]


Injection = Callable[[Supply, SupplyFault, random.Random], AbstractContextManager[None]]


@contextmanager
def _kill_worker(supply: Supply, fault: SupplyFault, rng: random.Random) -> Iterator[None]:
    """Four times in ten both workers die."""
    hit = supply.workers if rng.random() < 0.4 else (supply.worker(fault),)
    for worker in hit:
        worker.kill()
    yield
    for worker in hit:
        worker.start()


@contextmanager
def _stop_worker(supply: Supply, fault: SupplyFault, _: random.Random) -> Iterator[None]:
    send = supply.worker(fault).signaller()
    send(signal.SIGSTOP)
    yield
    send(signal.SIGCONT)


@contextmanager
def _starve_worker(supply: Supply, fault: SupplyFault, _: random.Random) -> Iterator[None]:
    """A fifth of a core: stopped for 0.4 s of each 0.5 s."""
    send, is_over = supply.worker(fault).signaller(), threading.Event()

    def starve() -> None:
        while not is_over.wait(STARVE_RUNNING_S):
            send(signal.SIGSTOP)
            is_over.wait(STARVE_STOPPED_S)
            send(signal.SIGCONT)

    thread = threading.Thread(target=starve, daemon=True)
    thread.start()
    yield
    is_over.set()
    thread.join()


@contextmanager
def _kill_broker(supply: Supply, fault: SupplyFault, _: random.Random) -> Iterator[None]:
    broker = supply.broker(fault)
    with broker.is_broken:
        broker.kill()
        yield
        broker.start()
        broker.ready()


@contextmanager
def _stop_broker(supply: Supply, fault: SupplyFault, _: random.Random) -> Iterator[None]:
    broker = supply.broker(fault)
    broker.signal(signal.SIGSTOP)
    yield
    broker.signal(signal.SIGCONT)


@contextmanager
def _fill_disk(supply: Supply, fault: SupplyFault, _: random.Random) -> Iterator[None]:
    """The broker ends when it cannot write; it is started when there is room again."""
    broker = supply.broker(fault)
    with broker.is_broken:
        with fill_up(broker.folder):
            yield
            deadline_s = time.monotonic() + 10.0
            while broker.is_alive() and time.monotonic() < deadline_s:
                time.sleep(0.1)
        broker.kill()
        broker.start()
        broker.ready()


@contextmanager
def _cut_network(supply: Supply, fault: SupplyFault, rng: random.Random) -> Iterator[None]:
    """Of one worker: a black hole, or every connection ended."""
    change = rng.choice((supply.proxy.cut, supply.proxy.close))
    for route in supply.routes(fault):
        change(route)
    yield
    for route in supply.routes(fault):
        supply.proxy.heal(route)


@contextmanager
def _delay_network(supply: Supply, fault: SupplyFault, rng: random.Random) -> Iterator[None]:
    delay_s = rng.uniform(0.1, 0.6)
    for route in supply.routes(fault):
        supply.proxy.slow(route, delay_s)
    yield
    for route in supply.routes(fault):
        supply.proxy.heal(route)


@contextmanager
def _storm(supply: Supply, _: SupplyFault, rng: random.Random) -> Iterator[None]:
    """A third worker that joins, and leaves or dies, again and again."""
    is_over = threading.Event()

    def storm() -> None:
        while not is_over.is_set():
            supply.guest.start()
            is_over.wait(rng.uniform(*STAY_S))
            if rng.random() < 0.5:
                supply.guest.kill()
            else:
                supply.guest.stop()
            is_over.wait(1.0)

    thread = threading.Thread(target=storm, daemon=True)
    thread.start()
    yield
    is_over.set()
    thread.join()


@contextmanager
def _step_clock(supply: Supply, fault: SupplyFault, rng: random.Random) -> Iterator[None]:
    clock = supply.clocks[supply.worker(fault).name]
    clock.step(rng.choice(STEPS_S))
    yield
    clock.step(0.0)


@contextmanager
def _slow_target(supply: Supply, _: SupplyFault, rng: random.Random) -> Iterator[None]:
    supply.target.delay_s = rng.uniform(0.5, 2.0)
    yield
    supply.target.delay_s = 0.0


@contextmanager
def _fail_target(supply: Supply, _: SupplyFault, __: random.Random) -> Iterator[None]:
    supply.target.fails = True
    yield
    supply.target.fails = False


INJECTIONS: Mapping[str, Injection] = {
    "worker-kill": _kill_worker,
    "worker-stop": _stop_worker,
    "worker-starve": _starve_worker,
    "broker-kill": _kill_broker,
    "broker-stop": _stop_broker,
    "leader-change": _kill_broker,
    "disk-full": _fill_disk,
    "network-cut": _cut_network,
    "network-delay": _delay_network,
    "rebalance": _storm,
    "clock-step": _step_clock,
    "target-slow": _slow_target,
    "target-fail": _fail_target,
}
