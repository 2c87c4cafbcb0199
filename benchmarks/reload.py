"""What a reload costs and loses on 10,000 series: `python -m benchmarks.reload`.

A shard learns, its configuration changes between two windows, and a second shard that never changed is the reference.
Printed: series, windows that closed in each, rows that learned otherwise, and how long the shard stood still.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import orjson

from config import load
from config.models import Config
from streams.contracts.ticks import Tick
from streams.intake.kafka_record import KafkaRecord
from streams.pipeline import Shard
from streams.planning import plan_of

TOPIC = "inference.latency"
T = 1_795_420_000.0
SERVICES, REPLICAS = 50, 20
"""Each replica has a version of its own."""
METRICS = ("latency_ms", "ttft_ms", "tokens_per_s", "error", "kv_cache_usage")
BEFORE, AFTER = 33, 3


@dataclass(frozen=True, slots=True)
class Record:
    """A record as the client of Kafka gives it."""

    value: bytes
    offset: int
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    topic: str = TOPIC
    partition: int = 0
    timestamp: int = 0


@dataclass(frozen=True, slots=True)
class Figures:
    """series: of the shard. kept: of which nothing is learned anew. windows: closed without and with the reload.
    untouched: rows that the change does not concern. differing: columns of theirs that are not as without the reload.
    stood_s: how long the shard stood still."""

    series: int
    kept: int
    windows: tuple[int, int]
    untouched: int
    differing: int
    stood_s: float


def second(number: int, services: int, replicas: int, values: np.random.Generator) -> Iterator[KafkaRecord]:
    """One second of requests, one of each replica of each service."""
    count = services * replicas
    for at in range(count):
        replica = at // services
        sample = {
            "ts": T + number + at / count, "service": f"s{at % services}", "model": "m", "replica": f"r{replica}",
            "version": f"v{replica}", "metrics": {name: float(values.normal(100.0, 5.0)) for name in METRICS},
        }
        yield Record(orjson.dumps(sample), number * count + at)


def changed(config: Config) -> Config:
    """Other triage, and another minimum deviation of the profile of latency."""
    profiles = tuple(
        replace(one, min_rel=0.5) if one.name == "latency" else one for one in config.detection.profiles
    )
    return config.model_copy(update={
        "detection": replace(config.detection, profiles=profiles),
        "triage": replace(config.triage, confirm_instants=config.triage.confirm_instants + 1),
    })


def measure(services: int, replicas: int) -> Figures:
    """Feed two shards the same, and reload one of them."""
    config = load(None, {})
    config = config.model_copy(update={
        "windows": config.windows.model_copy(update={"min_count": 1}),
        "scopes": config.scopes.model_copy(update={"max_series": 50_000, "max_values_per_label": 1_000}),
    })
    plan, other = plan_of(config), plan_of(changed(config))
    shards = [Shard(plan), Shard(plan)]
    windows = [0, 0]
    stood_s = 0.0
    values = np.random.default_rng(1)
    for number in range(BEFORE + AFTER):
        records = list(second(number, services, replicas, values))
        for at, shard in enumerate(shards):
            shard.apply_tick(Tick(1, T + number, dict(shard.offsets)))
            shard.ingest(TOPIC, records)
            if at == 1 and number == BEFORE:
                began_s = time.perf_counter()
                shard.apply_tick(Tick(1, T + number, dict(shard.offsets), configuration=other.written))
                stood_s = time.perf_counter() - began_s
            windows[at] += shard.apply_tick(Tick(1, T + number, dict(shard.offsets), T + number)).windows
    reference, reloaded = shards
    migration = reloaded.migration
    assert migration is not None
    rows = reloaded.series.active()
    metric = np.array([reloaded.series.key(row)[0] for row in rows.tolist()])
    untouched = rows[metric != "latency_ms"]
    expected, found = reference.suite.snapshot(untouched), reloaded.suite.snapshot(untouched)
    differing = sum(not np.array_equal(expected[name], found[name], equal_nan=True) for name in expected)
    return Figures(
        migration.series, migration.kept, (windows[0], windows[1]), len(untouched), differing, stood_s,
    )


def main() -> None:
    """Print the figures."""
    found = measure(SERVICES, REPLICAS)
    print(f"series                         {found.series}")
    print(f"kept, learned anew             {found.kept}, {found.series - found.kept}")
    print(f"windows without, with reload   {found.windows[0]}, {found.windows[1]}")
    print(f"untouched rows, columns differ {found.untouched}, {found.differing}")
    print(f"stood still for                {found.stood_s:.2f} s")


if __name__ == "__main__":
    main()
