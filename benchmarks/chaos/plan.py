"""The plan of a run: when a service is really in trouble, and when the supply of Tocsin is. Seeded and pure.

All times are seconds from the start of the plan. Most of what is before 0 is history, stored before workers start.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

SERVICES = ("chat", "search", "code", "voice")
REPLICAS = 3
HISTORY_S = 75.0
"""Long enough for the detectors to be warm when the plan begins."""
SILENCE_S = 20.0
BEFORE_SILENCE_S = 14.0
"""No fault of the supply so long before a real silence: nobody could tell that silence from the fault."""
SLOW_EVERY_S = 45.0
SHORT_RUN_S = 150.0
TOGETHER = 0.3
"""The share of faults that begin while the one before is still on."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault. low_s, high_s: how long it lasts. after_s: until a broker that has to start again has done so.
    of_records: it is in the records, and nothing is broken."""

    low_s: float
    high_s: float
    after_s: float = 0.0
    of_records: bool = False


KINDS: Mapping[str, Kind] = {
    "worker-kill": Kind(0.0, 9.0),
    "worker-stop": Kind(8.0, 20.0),
    "worker-starve": Kind(6.0, 12.0),
    "broker-kill": Kind(0.0, 5.0, after_s=7.0),
    "broker-stop": Kind(4.0, 14.0),
    "leader-change": Kind(3.0, 8.0, after_s=7.0),
    "disk-full": Kind(2.0, 6.0, after_s=12.0),
    "network-cut": Kind(3.0, 14.0),
    "network-delay": Kind(5.0, 12.0),
    "rebalance": Kind(12.0, 24.0),
    "clock-step": Kind(8.0, 15.0),
    "target-slow": Kind(6.0, 12.0),
    "target-fail": Kind(2.0, 5.0),
    "poison": Kind(5.0, 10.0, of_records=True),
    "duplicates": Kind(5.0, 10.0, of_records=True),
    "disorder": Kind(5.0, 10.0, of_records=True),
    "producer-delay": Kind(5.0, 10.0, of_records=True),
    "flush": Kind(0.0, 0.0, of_records=True),
}
"""flush: a producer that sends every 6 s, from the history to the end."""
SOFT = ("target-slow", "target-fail", "poison", "duplicates", "disorder", "producer-delay")
"""Kinds that come beside the others, on a timeline of their own."""
TWO_BROKERS = frozenset({"leader-change"})


@dataclass(frozen=True, slots=True)
class SupplyFault:
    """A fault of the supply. number: which worker or broker, taken modulo how many there are."""

    kind: str
    start_s: float
    lasts_s: float
    number: int

    @property
    def end_s(self) -> float:
        """When it is over."""
        return self.start_s + self.lasts_s


@dataclass(frozen=True, slots=True)
class ServiceFault:
    """A real fault, which must be found. slow: the latency of one replica. silent: the service sends no records."""

    kind: Literal["slow", "silent"]
    service: str
    replica: str | None
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Plan:
    """seconds: with faults. tail_s: traffic without any fault after them."""

    seed: int
    seconds: float
    tail_s: float
    rate: float
    kinds: tuple[str, ...]
    supply: tuple[SupplyFault, ...]
    services: tuple[ServiceFault, ...]

    @property
    def end_s(self) -> float:
        """When the traffic ends."""
        return self.seconds + self.tail_s

    @property
    def brokers(self) -> int:
        """How many brokers the run needs."""
        return 2 if TWO_BROKERS & set(self.kinds) else 1

    @property
    def command(self) -> str:
        """The command that makes the same run again."""
        return (f"python -m benchmarks.chaos --seconds {self.seconds:g} --seed {self.seed} --tail {self.tail_s:g} "
                f"--rate {self.rate:g} --faults {','.join(self.kinds)}")

    def active(self, kind: str, at_s: float) -> bool:
        """Whether a fault of this kind of record is on at a time."""
        return any(fault.kind == kind and fault.start_s <= at_s < fault.end_s for fault in self.supply)


def make_plan(seed: int, seconds: float, kinds: Sequence[str], tail_s: float = 30.0, rate: float = 300.0) -> Plan:
    """The plan of this seed; raises ValueError for an unknown kind. Each kind occurs at least once if there is time."""
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        raise ValueError(f"unknown faults {', '.join(unknown)}; expected some of {', '.join(KINDS)}")
    rng = random.Random(seed)
    silence_s = seconds - SILENCE_S - 2.0 if seconds < SHORT_RUN_S else seconds * rng.uniform(0.4, 0.7)
    services = _service_faults(rng, seconds, silence_s)
    hard = [kind for kind in kinds if kind not in SOFT and kind != "flush"]
    soft = [kind for kind in kinds if kind in SOFT]
    gaps_s = (3.0, 6.0) if seconds < SHORT_RUN_S else (6.0, 16.0)
    supply = [*_timeline(rng, hard, seconds, silence_s, gaps_s), *_timeline(rng, soft, seconds, silence_s, gaps_s)]
    return Plan(
        seed, seconds, tail_s, rate, tuple(kinds), tuple(sorted(supply, key=lambda fault: fault.start_s)), services,
    )


def _service_faults(rng: random.Random, seconds: float, silence_s: float) -> tuple[ServiceFault, ...]:
    order = rng.sample(SERVICES, len(SERVICES))
    faults = [ServiceFault("silent", order[-1], None, silence_s, silence_s + SILENCE_S)]
    number, start_s = 0, 8.0
    while start_s + 24.0 < seconds:
        begins_s = start_s + rng.uniform(0.0, 6.0)
        ends_s = begins_s + rng.uniform(16.0, 18.0)
        replica = f"r{rng.randrange(REPLICAS)}"
        if ends_s < silence_s - 20.0 or begins_s > silence_s + SILENCE_S + 20.0:
            faults.append(ServiceFault("slow", order[number % len(order)], replica, begins_s, ends_s))
        number, start_s = number + 1, start_s + SLOW_EVERY_S
    return tuple(sorted(faults, key=lambda fault: fault.start_s))


def _timeline(
    rng: random.Random, kinds: Sequence[str], seconds: float, silence_s: float, gaps_s: tuple[float, float],
) -> Iterable[SupplyFault]:
    if not kinds:
        return
    queue, at_s, started_s = rng.sample(kinds, len(kinds)), rng.uniform(2.0, 4.0), 0.0
    while at_s < seconds - 2.0:
        kind = queue.pop() if queue else rng.choice(kinds)
        high_s = KINDS[kind].high_s if seconds >= SHORT_RUN_S else min(KINDS[kind].high_s, KINDS[kind].low_s + 2.0)
        lasts_s = rng.uniform(KINDS[kind].low_s, high_s)
        after_s = KINDS[kind].after_s
        if after_s:  # one at a time
            at_s = max(at_s, started_s)
        if silence_s - BEFORE_SILENCE_S - lasts_s - after_s < at_s < silence_s + SILENCE_S + 3.0:
            queue.append(kind)
            at_s = silence_s + SILENCE_S + rng.uniform(3.0, 6.0)
            continue
        yield SupplyFault(kind, at_s, lasts_s, rng.randrange(2))
        if after_s:
            started_s = at_s + lasts_s + after_s
        is_joined = rng.random() < TOGETHER
        at_s += rng.uniform(0.5, 3.0) if is_joined else lasts_s + after_s + rng.uniform(*gaps_s)
