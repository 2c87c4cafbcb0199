"""One run: a broker, six processes, a gateway that fails, people who decide; kills; quiet; and then the account."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import orjson
from confluent_kafka import Producer

from actions.ledger.log_value import read_value
from actions.ledger.remedy import Remedy
from benchmarks.chaos.account import read_records, read_values
from benchmarks.chaos.plan import REPLICAS, SERVICES, Plan, ServiceFault, SupplyFault
from benchmarks.chaos.producers import Traffic
from benchmarks.chaos.supply.workers import ROOT, TOPIC
from benchmarks.chaos.traffic import arrivals
from benchmarks.kills.account import PATHS, RULES, Account
from benchmarks.kills.gateway import Gateway, Moment
from benchmarks.kills.installation import LIMITS, Installation
from benchmarks.kills.people import People
from streams.cluster.topics import TopicSpec, ensure_topics
from streams.sandbox.process import WORKER
from tests.kafka.brokers import RealKafka

PARTITIONS = 4
START_S = 8.0
"""From the end of the history to the plan: the processes read it."""
FAULT_EVERY_S, FAULT_LASTS_S = 15.0, 30.0
STOPPED, STOP_LASTS_S = 0.06, 9.0
"""How often a process is stopped, and not killed: for longer than a session, so that it goes on as a former owner."""
TOGETHER = 0.12
"""How often both processes of a role are killed at once."""
AT_A_CALL = 0.12
"""How often an executor is killed at the moment of its call, before or after the change."""
REPEATED = 0.3
"""How often a record of the topic of actions is written again, at each kill."""
Say = Callable[[str], None]


class Run:
    """One run. seconds: in which `kills` are spread. quiet_s: how long it may take after them until nothing is under
    way; a machine that is behind needs longer. rate: records a second. folder: for data and logs; it stays.
    """

    def __init__(
        self, seed: int, kills: int, seconds: float, quiet_s: float, rate: float, folder: Path, say: Say,
    ) -> None:
        self._rng = random.Random(seed)
        self._seed, self._wanted, self._seconds, self._quiet_s, self._rate = seed, kills, seconds, quiet_s, rate
        self._folder, self._say = folder, say
        self.kills: Counter[str] = Counter()
        self.stops = self.repeated = self.decided = 0
        self._is_over = threading.Event()
        self._at_call = random.Random(seed + 2)
        self._installation: Installation | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def run(self) -> dict[str, list[str]]:
        """Returns what broke each rule; the account is in `result.json`."""
        with ExitStack() as stack:
            kafka = RealKafka(self._folder)
            stack.callback(kafka.kill)
            asyncio.run(ensure_topics(kafka.address, [TopicSpec(TOPIC, PARTITIONS)]))
            gateway = stack.enter_context(Gateway(self._seed, self._called))
            gateway.fails = self._wanted > 0
            here = self._installation = Installation(kafka.address, gateway.url, self._folder)
            for process in here.processes.values():
                stack.callback(process.kill)
            for name in here.processes:
                here.start(name)
            here.wait_until_started(*here.processes)
            start_s = round(time.time() + START_S, 3)
            traffic = Traffic(kafka.address, arrivals(self._plan(), start_s), start_s)
            traffic.send_history()
            traffic.start()
            stack.callback(traffic.stop)
            time.sleep(max(0.0, start_s - time.time()))
            with People(list(here.ports.values()), self._seed) as people:
                account = Account(20.0, LIMITS["actions_per_hour"], LIMITS["service_actions_per_hour"],
                                  LIMITS["max_in_force"])
                self._kill_all(here, account, kafka.address)
                gateway.fails = False
                self._say(f"{self.kills.total()} kills {dict(self.kills)}, {self.stops} stops; now quiet")
                self._wait_until_quiet(here, account, gateway, kafka.address)
                self.decided = people.accepted
            for name, process in here.processes.items():
                if process.stop() != 0:
                    account.ended.append(f"{name} did not stop in order")
            self._read(account, gateway, kafka.address)
            account.verified = self._verify(here)
            latencies_ms = executed_after_ms(kafka.address)
        found = {name: rule(account) for name, rule in RULES.items()}
        self._write(account, found, latencies_ms)
        return found

    def _plan(self) -> Plan:
        """Replicas that are slow, one after the other and two at a time; a third of the time records come twice."""
        faults = []
        for number in range(int((self._seconds - FAULT_LASTS_S) / FAULT_EVERY_S)):
            start_s = 5.0 + number * FAULT_EVERY_S
            service, replica = SERVICES[number % len(SERVICES)], f"r{self._rng.randrange(REPLICAS)}"
            faults.append(ServiceFault("slow", service, replica, start_s, start_s + FAULT_LASTS_S))
        twice = [SupplyFault("duplicates", 30.0 * number, 10.0, 0) for number in range(int(self._seconds / 30.0))]
        return Plan(self._seed, self._seconds, self._quiet_s + 60.0, self._rate, ("duplicates",), tuple(twice),
                    tuple(faults))

    def _kill_all(self, here: Installation, account: Account, address: str) -> None:
        """Kill at random, and start again; each process starts within two seconds."""
        began_s, every_s = time.monotonic(), self._seconds / max(1, self._wanted)
        next_s, due = began_s, dict[str, float]()
        while time.monotonic() < began_s + self._seconds or self.kills.total() < self._wanted:
            now_s = time.monotonic()
            for name, process in here.processes.items():
                code = process.ended()
                if code is not None:
                    account.ended.append(f"{now_s - began_s:.0f} s: {name} with {code}")
                if not process.runs():
                    due.setdefault(name, now_s + self._rng.uniform(0.0, 2.0))
                    if due[name] <= now_s:
                        del due[name]
                        here.start(name)
            if now_s >= next_s and self.kills.total() < self._wanted:
                next_s = max(next_s, now_s - 5 * every_s) + every_s
                self._disturb(here)
                if self._rng.random() < REPEATED:
                    self._repeat_a_record(address)
            time.sleep(0.05)
        self._is_over.set()
        for name in here.processes:
            here.start(name)

    def _disturb(self, here: Installation) -> None:
        running = [name for name, process in here.processes.items() if process.runs()]
        if not running:
            return
        name = self._rng.choice(running)
        if self._rng.random() < STOPPED:
            self.stops += 1
            send = here.processes[name].signaller()
            send(signal.SIGSTOP)
            timer = threading.Timer(STOP_LASTS_S, send, [signal.SIGCONT])
            timer.daemon = True
            timer.start()
            return
        role = name.partition("-")[0]
        hit = [each for each in running if each.startswith(role)] if self._rng.random() < TOGETHER else [name]
        for each in hit:
            here.processes[each].kill()
            self.kills[role] += 1

    def _called(self, caller: str, moment: Moment) -> None:
        if self._is_over.is_set() or not self._wanted or self._installation is None:
            return
        if self._at_call.random() >= AT_A_CALL:
            return
        self._installation.processes[caller.partition(".")[0]].kill()
        self.kills[f"execute {moment} a change"] += 1

    def _repeat_a_record(self, address: str) -> None:
        """As a producer does that retries without idempotence: the same key, headers and value."""
        records = read_records(address, "tocsin.actions")
        if records:
            record = self._rng.choice(records[-20:])
            producer = Producer({"bootstrap.servers": address, "log_level": 0})
            producer.produce("tocsin.actions", record.value(), record.key(), headers=cast("Any", record.headers()))
            producer.flush(10.0)
            self.repeated += 1

    def _wait_until_quiet(self, here: Installation, account: Account, gateway: Gateway, address: str) -> None:
        deadline_s = time.monotonic() + self._quiet_s
        while time.monotonic() < deadline_s:
            time.sleep(5.0)
            for name, process in here.processes.items():
                code = process.ended()
                if code is not None:
                    account.ended.append(f"in the quiet part: {name} with {code}")
                here.start(name)
            self._read(account, gateway, address)
            rules = ("without_outcome", "without_owner", "requests_amiss", "left_open")
            if not any(RULES[name](account) for name in rules):
                return

    def _read(self, account: Account, gateway: Gateway, address: str) -> None:
        account.intents = read_values(address, "tocsin.actions")
        account.outcomes = read_values(address, "tocsin.outcomes")
        account.incidents = {each["id"]: each for each in read_values(address, "tocsin.incidents")}
        account.requests = {each["key"]: each["state"] for each in read_values(address, "tocsin.response")}
        account.events = [
            (each["subject"], each["event"], each["at_s"]) for each in read_values(address, "tocsin.audit")
        ]
        remedies = [read_value(record.value() or b"") for record in read_records(address, "tocsin.ledger")]
        last = {each.key: each for each in sorted(
            (each for each in remedies if isinstance(each, Remedy)), key=lambda each: each.version,
        )}
        account.owned = frozenset(f"{PATHS[each.kind]}/{each.target}" for each in last.values())
        account.in_force = [f"{PATHS[each.kind]}/{each.target}" for each in last.values() if each.in_force]
        account.changes, account.held = list(gateway.changes), gateway.held()
        account.wrong = list(gateway.wrong)

    def _verify(self, here: Installation) -> tuple[int, str]:
        config = here.processes["respond-0"].config
        done = subprocess.run(
            [*WORKER[:-1], "audit", "verify", "--config", str(config)], cwd=ROOT, capture_output=True, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False, timeout=120,
        )
        return done.returncode, done.stdout + done.stderr

    def _write(self, account: Account, found: dict[str, list[str]], latencies_ms: list[int]) -> None:
        statuses = Counter(f"{each['kind']} {each['status']}" for each in account.outcomes)
        result = {
            "found": found, "kills": self.kills, "stops": self.stops, "repeated_records": self.repeated,
            "decisions": self.decided, "intents": len(account.acting()), "ran": len(account.runs()),
            "requests": Counter(account.requests.values()), "outcomes": statuses, "incidents": len(account.incidents),
            "executed_after_ms": {"count": len(latencies_ms), **{
                f"p{share}": latencies_ms[min(len(latencies_ms) - 1, len(latencies_ms) * share // 100)]
                for share in (50, 99) if latencies_ms
            }},
            "audit": account.verified[1].strip().splitlines()[-3:],
        }
        (self._folder / "result.json").write_text(json.dumps(result, indent=1))
        self._say(json.dumps({name: value for name, value in result.items() if name != "found"}))


def executed_after_ms(address: str) -> list[int]:
    """From the record of each decision to act to that of its first outcome `executed`, in ms, sorted. By the clocks of
    the writers, which are of one machine here.
    """
    decided: dict[str, int] = {}
    for record in read_records(address, "tocsin.actions"):
        intent = orjson.loads(record.value() or b"{}")
        if intent["mode"] == "auto" and intent["kind"] in PATHS:
            decided[intent["key"]] = min(record.timestamp()[1], decided.get(intent["key"], record.timestamp()[1]))
    executed: dict[str, int] = {}
    for record in read_records(address, "tocsin.outcomes"):
        outcome = orjson.loads(record.value() or b"{}")
        if outcome["status"] == "executed":
            executed[outcome["key"]] = min(record.timestamp()[1], executed.get(outcome["key"], record.timestamp()[1]))
    return sorted(executed[key] - at_ms for key, at_ms in decided.items() if key in executed)
