"""One run: a cluster, two workers, a target and live records; the faults of a plan; and then the account of it."""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

from benchmarks.chaos.account import Account, behind, read_dead_letters, read_values
from benchmarks.chaos.checkers import judge
from benchmarks.chaos.plan import KINDS, Plan, SupplyFault
from benchmarks.chaos.producers import Traffic
from benchmarks.chaos.quiet import quiet_incidents
from benchmarks.chaos.supply.brokers import DIRECT, Cluster, broker_name
from benchmarks.chaos.supply.clock import Clock
from benchmarks.chaos.supply.disk import small_disk
from benchmarks.chaos.supply.faults import INJECTIONS, Supply
from benchmarks.chaos.supply.proxy import Proxy
from benchmarks.chaos.supply.targets import Target
from benchmarks.chaos.supply.workers import TOPIC, Worker, configuration
from benchmarks.chaos.traffic import arrivals
from benchmarks.chaos.watcher import Watcher
from streams.cluster.topics import TopicSpec, ensure_topics

PARTITIONS = 4
WORKERS = ("w0", "w1")
GUEST = "w2"
PRODUCER = "producer"
START_S = 10.0
"""From the end of the history to the start of the plan: the workers start, and read it."""

Say = Callable[[str], None]


class Run:
    """One run of a plan. folder: for data and logs; it stays."""

    def __init__(self, plan: Plan, folder: Path, say: Say) -> None:
        self._plan, self._folder, self._say = plan, folder, say
        self._events: list[str] = []
        self._account = Account(plan, 0.0)
        folder.mkdir(parents=True, exist_ok=True)

    def run(self) -> dict[str, list[str]]:
        """Returns what broke each rule; the whole account is in `result.json`."""
        with self._supply() as supply:
            address = supply.cluster.address(DIRECT)
            start_s = self._account.start_s = round(time.time() + START_S, 3)
            traffic = Traffic(supply.cluster.address(PRODUCER), arrivals(self._plan, start_s), start_s)
            traffic.send_history()
            for worker in supply.workers:
                worker.start()
            traffic.start()
            with Watcher(address, "tocsin.incidents", PARTITIONS) as watcher:
                self._inject(supply)
                self._read(address, supply)
            self._account.seen_s = watcher.seen_s
            traffic.stop()
            account = self._account
            account.sent, account.stored, account.lost = traffic.sent, traffic.stored, traffic.lost
            account.poisoned = traffic.poisoned
            account.behind = behind(address)
            account.dead = read_dead_letters(address, "tocsin.dead_letters")
            account.exits = {worker.name: worker.stop() for worker in supply.workers}
            config = supply.workers[0].config
        account.quiet = quiet_incidents(self._plan, account.start_s, config)
        found = judge(account)
        self._write(found)
        return found

    @contextmanager
    def _supply(self) -> Iterator[Supply]:
        with ExitStack() as stack:
            proxy, target = stack.enter_context(Proxy()), stack.enter_context(Target())
            data = self._folder / "kafka"
            if "disk-full" in self._plan.kinds:
                for number in range(1, self._plan.brokers + 1):
                    stack.enter_context(small_disk(data / broker_name(number)))
            cluster = stack.enter_context(
                Cluster(data, self._folder, proxy, (PRODUCER, *WORKERS, GUEST), self._plan.brokers),
            )
            asyncio.run(ensure_topics(cluster.address(DIRECT), [TopicSpec(TOPIC, PARTITIONS)]))
            clocks = {name: Clock(self._folder, name) for name in WORKERS} if "clock-step" in self._plan.kinds else {}
            workers = {
                name: Worker(
                    name, configuration(cluster.address(name), None if name == GUEST else name, target.url),
                    self._folder, clocks[name].environ if name in clocks else {},
                )
                for name in (*WORKERS, GUEST)
            }
            for worker in workers.values():
                stack.callback(worker.kill)
            yield Supply(
                cluster, proxy, tuple(workers[name] for name in WORKERS), workers[GUEST], clocks, target,
            )

    def _inject(self, supply: Supply) -> None:
        """Until the end of the traffic: each fault in a thread of its own, and workers that ended start again."""
        end_s = self._account.start_s + self._plan.end_s
        waiting = [fault for fault in self._plan.supply if not KINDS[fault.kind].of_records]
        threads: list[threading.Thread] = []
        while time.time() < end_s:
            age_s = time.time() - self._account.start_s
            while waiting and waiting[0].start_s <= age_s:
                thread = threading.Thread(target=self._make, args=(supply, waiting.pop(0)), daemon=True)
                thread.start()
                threads.append(thread)
            for worker in supply.workers:
                code = worker.ended()
                if code is not None:
                    self._account.ended.append((round(age_s, 1), worker.name, code))
                    self._note(f"{worker.name} ended with {code}, started again")
                    worker.start()
            time.sleep(0.05)
        for thread in threads:
            thread.join(60.0)

    def _make(self, supply: Supply, fault: SupplyFault) -> None:
        rng = random.Random(f"{self._plan.seed}/{fault.kind}/{fault.start_s}")
        try:
            self._note(f"{fault.kind} {fault.number} for {fault.lasts_s:.1f} s")
            with INJECTIONS[fault.kind](supply, fault, rng):
                time.sleep(fault.lasts_s)
            self._note(f"{fault.kind} {fault.number} is over")
        except Exception as error:  # the run goes on, and is not judged as one that went well
            self._account.ended.append((round(fault.start_s, 1), f"fault {fault.kind}: {repr(error)[-200:]}", -1))

    def _read(self, address: str, supply: Supply) -> None:
        """While the records still come: when they stop, all services are silent."""
        account = self._account
        account.incidents = read_values(address, "tocsin.incidents")
        account.intents = read_values(address, "tocsin.actions")
        account.outcomes = read_values(address, "tocsin.outcomes")
        account.calls, account.states = list(supply.target.calls), dict(supply.target.states)

    def _note(self, text: str) -> None:
        self._events.append(f"{time.time() - self._account.start_s:.1f} s: {text}")
        self._say(self._events[-1])

    def _write(self, found: dict[str, list[str]]) -> None:
        account = self._account
        result = {
            "counts": {name: len(each) for name, each in found.items()}, "found": found, "events": self._events,
            "plan": asdict(self._plan), "start_s": account.start_s, "sent": account.sent, "stored": account.stored,
            "poisoned": len(account.poisoned), "dead": sum(account.dead.values()),
            "calls": [{**asdict(call), "at_s": account.age_s(call.at_s)} for call in account.calls],
            "incidents": list(account.last().values()), "quiet": account.quiet, "outcomes": account.outcomes,
        }
        (self._folder / "result.json").write_text(json.dumps(result, indent=1))
