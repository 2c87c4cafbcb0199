"""A small simulated fleet: replicas that answer requests second by second, watched by one shard."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import orjson

from actions.model import Intent, Status
from actions.playbooks.playbook import Match, Playbook, Step
from streams.pipeline import Shard
from streams.shard.plan import Plan
from tests.simulation.run import LATENCY, Run
from tests.streams.fakes import default_plan, outcome
from tests.streams.records import FakeRecord

T = 1_795_420_000
BREAKER = Playbook(
    "cut", 1, Match(scopes=("replica",)), "auto", (Step("circuit_breaker", "{service}/{replica}"),), on_open=(),
    on_failure=(),
)
PLAN = replace(default_plan(), sources={LATENCY: True})
ACTING = replace(PLAN, decisions=replace(PLAN.decisions, playbooks=(BREAKER,)))


@dataclass
class Second:
    """The requests of a replica in one second; None stands for a silent replica. more: further metrics."""

    latency_ms: float = 100.0
    confidence: float = 0.8
    version: str = "v1"
    each: int = 10
    more: Mapping[str, float] = field(default_factory=dict)


Behaviour = Callable[[int, str], Second | None]


def steady(_: int, __: str) -> Second:
    return Second()


@dataclass
class Fleet:
    """Replicas that are simulated one second at a time; event time is wall time."""

    run: Run
    replicas: Sequence[str]
    second: int = 0
    sent: int = 0
    rng: random.Random = field(default_factory=lambda: random.Random(7))

    @property
    def now_s(self) -> float:
        return float(T + self.second)

    def play(self, seconds: int, behaviour: Behaviour = steady) -> Fleet:
        for _ in range(seconds):
            records = self.next_second(behaviour)
            if records:
                self.run.ingest(records)
        return self

    def next_second(self, behaviour: Behaviour = steady) -> list[FakeRecord]:
        """The records of the next second, for who gives them to the shard."""
        records = [
            FakeRecord(orjson.dumps(value), self.sent + at, LATENCY, 0)
            for at, value in enumerate(self._requests(behaviour))
        ]
        self.sent += len(records)
        self.second += 1
        return records

    def silence(self, seconds: int, step: float = 0.1) -> Fleet:
        """No replica sends anything; time advances from when the source counts as idle."""
        ticks = round(seconds / step)
        for tick in range(1, ticks + 1):
            if tick * step >= 3.0:
                self.run.advance_time(self.now_s + tick * step)
        self.second += seconds
        return self

    def answer(self, status: Status = "executed", since: int = 0) -> list[Intent]:
        """Apply an outcome of this status for every intent from number `since` on; returns them."""
        asked = self.run.intents[since:]
        for intent in asked:
            self.run.answer(outcome(intent, status, self.now_s))
        return asked

    def _requests(self, behaviour: Behaviour) -> Iterator[dict[str, object]]:
        found = []
        for replica in self.replicas:
            answered = behaviour(self.second, replica)
            for number in range(0 if answered is None else answered.each):
                assert answered is not None
                found.append({
                    "ts": T + self.second + number / answered.each, "service": "chat", "model": "gpt",
                    "version": answered.version, "replica": replica,
                    "metrics": {
                        "latency_ms": answered.latency_ms * self.rng.uniform(0.9, 1.1),
                        "confidence": answered.confidence + self.rng.uniform(-0.01, 0.01),
                        **answered.more,
                    },
                })
        yield from sorted(found, key=lambda request: float(str(request["ts"])))


def fleet(plan: Plan = PLAN, replicas: Sequence[str] = ("r0", "r1", "r2", "r3")) -> Fleet:
    return Fleet(Run(Shard(plan)), replicas)


def sick(replica: str, latency_ms: float = 600.0) -> Behaviour:
    return lambda _, name: Second(latency_ms=latency_ms) if name == replica else Second()


def silent(replica: str) -> Behaviour:
    return lambda _, name: None if name == replica else Second()


def kinds(run: Run) -> list[tuple[str, str, str | None]]:
    return [(change, one.category, one.replica) for change, one in run.changes if change != "updated"]
