"""Helpers of the broker tests: worker processes with a journal, topics of their own, and requests to the broker."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]
from confluent_kafka import Producer

from streams.cluster.topics import TopicSpec, ensure_topics
from streams.contracts.channels import SNAPSHOT_CONFIG
from streams.shard.snapshot import Snapshot
from streams.state.snapshots import TopicSnapshots
from tests.kafka.worker import Options

ROOT = Path(__file__).parents[2]
PATIENCE_S = 40.0
PARTITIONS = 4
LAST_WORDS = 2000
"""Characters of a journal in the message of a failure."""


def unique(name: str) -> str:
    return f"{name}-{uuid.uuid4().hex[:8]}"


async def until(happened: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    """Wait for another process. Nothing can be awaited, so its effects are polled."""
    deadline_s = time.monotonic() + patience_s
    while not happened():
        if time.monotonic() > deadline_s:
            raise AssertionError(f"not within {patience_s:g} s: {what}")
        await asyncio.sleep(0.05)


class Worker:
    """A running `tests.kafka.worker` and its journal."""

    def __init__(self, options: Options, folder: Path) -> None:
        self.options = replace(options, journal=str(folder / f"{unique('journal')}.jsonl"))
        self._errors = (folder / "workers.log").open("ab")
        command = [sys.executable, "-m", "tests.kafka.worker", json.dumps(asdict(self.options))]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=self._errors, stderr=self._errors)

    def events(self, kind: str) -> list[dict[str, Any]]:
        path = Path(self.options.journal)
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
        return [event for event in map(json.loads, lines) if event["event"] == kind]

    def counted(self) -> int:
        return sum(int(event["count"]) for event in self.events("batch"))

    def last_words(self) -> str:
        """How it stands with the process, and the end of its journal, for the message of a failure."""
        return f"exit code {self.process.poll()}, {Path(self.options.journal).read_text()[-LAST_WORDS:]}"

    async def assigned(self, partitions: int, patience_s: float = PATIENCE_S) -> None:
        """Wait until the latest assignment has so many partitions."""
        await until(lambda: [len(e["partitions"]) for e in self.events("assigned")][-1:] == [partitions],
                    f"assigned {partitions} partitions", patience_s)

    async def end(self, how: signal.Signals = signal.SIGTERM, patience_s: float = PATIENCE_S) -> int:
        """Signal the process and return its exit code."""
        self.process.send_signal(how)
        await until(lambda: self.process.poll() is not None, f"ended after {how.name}", patience_s)
        return self.process.returncode

    def dispose(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        self._errors.close()


class Bench:
    """One test's topics on one broker, and the workers it started."""

    def __init__(self, address: str, folder: Path) -> None:
        self.address = address
        self._folder = folder
        self._workers: list[Worker] = []
        self.options = Options(address, unique("group"), unique("metrics"), unique("plain"), "", "")
        self.produced = [0] * PARTITIONS

    async def __aenter__(self) -> Self:
        await ensure_topics(
            self.address, [TopicSpec(self.options.metrics, PARTITIONS), TopicSpec(self.options.plain, 1)]
        )
        await self.forget_state()
        return self

    async def forget_state(self) -> None:
        """From here on snapshots go to a new topic."""
        self.options = replace(self.options, snapshots=unique("snapshots"))
        await ensure_topics(self.address, [TopicSpec(self.options.snapshots, PARTITIONS, SNAPSHOT_CONFIG)])

    async def __aexit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.dispose()

    def worker(self, **changes: Any) -> Worker:
        worker = Worker(replace(self.options, **changes), self._folder)
        self._workers.append(worker)
        return worker

    async def produce(self, each: int) -> None:
        """Append so many values to every partition; partition p's values are p+1, p+2, ... in order of offset."""
        values = []
        for partition in range(PARTITIONS):
            first = partition + 1 + self.produced[partition]
            values += [(partition, b"%d" % value) for value in range(first, first + each)]
            self.produced[partition] += each
        await asyncio.to_thread(self._send, self.options.metrics, values)

    async def write_plain(self, values: Iterable[bytes]) -> None:
        """Write to the topic that is read record by record."""
        await asyncio.to_thread(self._send, self.options.plain, [(0, value) for value in values])

    def _send(self, topic: str, values: Iterable[tuple[int, bytes]]) -> None:
        """Append values to partitions. aiokafka's producer can wait for ever after a topic was created again."""
        producer = Producer({"bootstrap.servers": self.address, "acks": "all"})
        for partition, value in values:
            producer.produce(topic, value, partition=partition)
        assert producer.flush(PATIENCE_S) == 0, f"{topic}: not all values were acknowledged"

    async def committed(self, group: str | None = None) -> list[int | None]:
        reader = AIOKafkaConsumer(
            bootstrap_servers=self.address, group_id=group or self.options.group, enable_auto_commit=False
        )
        await reader.start()
        try:
            return [await reader.committed(TopicPartition(self.options.metrics, p)) for p in range(PARTITIONS)]
        finally:
            await reader.stop()

    async def stored(self) -> list[tuple[int, int, int] | None]:
        """Per shard the stored next offset, count and sum."""
        async with TopicSnapshots(self.address, self.options.snapshots) as store:
            found = [await store.load(shard) for shard in range(PARTITIONS)]
        return [None if s is None else self._sums(s) for s in found]

    def _sums(self, snapshot: Snapshot) -> tuple[int, int, int]:
        count, total = snapshot.arrays["sums"]
        return snapshot.offsets[self.options.metrics], int(count), int(total)

    def exact(self) -> list[tuple[int, int, int]]:
        """What `stored` must be when every record produced so far was counted exactly once."""
        return [(n, n, sum(range(p + 1, p + 1 + n))) for p, n in enumerate(self.produced)]

    async def exact_state(self, patience_s: float = PATIENCE_S) -> None:
        """Wait until the stored state is exact and committed."""
        deadline_s = time.monotonic() + patience_s
        while await self.stored() != self.exact() or await self.committed() != self.produced:
            if time.monotonic() > deadline_s:
                raise AssertionError(f"stored {await self.stored()}, expected {self.exact()}; committed "
                                     f"{await self.committed()}, expected {self.produced}; workers: "
                                     f"{[worker.last_words() for worker in self._workers]}")
            await asyncio.sleep(0.1)
