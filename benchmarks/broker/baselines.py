"""What Tocsin is compared with: a bare consumer loop, and a plain Faust agent that feeds river detectors per record.

Run as a process of its own: `python -m benchmarks.broker.baselines {bare|plain} BROKERS TOPIC SKIPPED TOTAL`. Prints a
JSON object: records, CPU seconds (all threads) and wall seconds from the batch that completes the skipped records to
the one that completes the total; imports and joining the group are thus excluded.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import faust
import orjson
from aiokafka import AIOKafkaConsumer  # type: ignore[import-untyped]
from river import anomaly, drift

FETCH_BYTES = 4 << 20
"""As the worker has it."""


class Meter:
    """CPU and wall time between two counts of records."""

    def __init__(self, skipped: int, total: int) -> None:
        self._skip = max(skipped, 1)
        self._total = total
        self._seen = 0
        self._from: tuple[int, float, float] | None = None

    def add(self, count: int) -> bool:
        """Count records; True when all were counted."""
        self._seen += count
        if self._from is None and self._seen >= self._skip:
            self._from = self._seen, time.process_time(), time.perf_counter()
        return self._seen >= self._total

    def report(self) -> None:
        """Print the figures as one JSON line."""
        assert self._from is not None
        seen, cpu_s, wall_s = self._from
        figures = {
            "records": self._seen - seen, "cpu_s": time.process_time() - cpu_s, "wall_s": time.perf_counter() - wall_s,
        }
        sys.stdout.write(orjson.dumps(figures).decode() + "\n")
        sys.stdout.flush()


async def bare(brokers: str, topic: str, meter: Meter) -> None:
    """aiokafka `getmany` and orjson, adding up one metric: the floor for anything that reads JSON from Kafka."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=brokers, group_id=None, auto_offset_reset="earliest",
        max_partition_fetch_bytes=FETCH_BYTES,
    )
    await consumer.start()
    total, done = 0.0, False
    while not done:
        for polled in (await consumer.getmany(timeout_ms=500)).values():
            for record in polled:
                total += orjson.loads(record.value)["metrics"]["latency_ms"]
            done = meter.add(len(polled)) or done
    meter.report()
    await consumer.stop()


def plain(brokers: str, topic: str, meter: Meter) -> None:
    """What Faust's tutorial leads to: one agent, one record at a time, two river detectors per metric and service."""
    app = faust.App(
        f"plain-{time.time_ns()}", broker=f"kafka://{brokers}", web_enabled=False, topic_disable_leader=True,
        store="memory://", consumer_auto_offset_reset="earliest", consumer_max_fetch_size=FETCH_BYTES,
        datadir=Path(tempfile.gettempdir()) / "tocsin-baseline",
    )
    source = app.topic(topic, key_serializer="raw", value_serializer="raw")
    drifts: defaultdict[tuple[str, str], Any] = defaultdict(drift.ADWIN)
    scorers: defaultdict[tuple[str, str], Any] = defaultdict(anomaly.GaussianScorer)

    @app.agent(source)
    async def watch(stream: Any) -> None:
        async for value in stream:
            record = orjson.loads(value)
            for metric, number in record["metrics"].items():
                key = (record["service"], metric)
                drifts[key].update(number)
                scorer = scorers[key]
                scorer.score_one(None, number)
                scorer.learn_one(None, number)
            if meter.add(1):
                meter.report()
                os._exit(0)  # the figures are printed, and Faust needs seconds to stop

    faust.Worker(app, loglevel="ERROR", quiet=True, redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    kind, address, source_topic = sys.argv[1:4]
    gauge = Meter(int(sys.argv[4]), int(sys.argv[5]))
    if kind == "bare":
        asyncio.run(bare(address, source_topic, gauge))
    else:
        plain(address, source_topic, gauge)
