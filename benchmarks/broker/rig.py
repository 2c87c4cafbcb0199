"""The test rig: a broker, topics full of load, and a worker as an operator starts and observes it.

The worker is the command `tocsin worker` with the shipped configuration; only addresses, topic names and what a
benchmark names are changed. Its records and stage times come from its /metrics, its CPU time from the
operating system (all threads of the process).
"""

from __future__ import annotations

import asyncio
import json
import math
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psutil
from confluent_kafka import Producer
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console

from streams.cluster.topics import TopicSpec, ensure_topics
from streams.sandbox.process import WORKER
from tests.kafka.brokers import EmbeddedKafka, KafkaMissing, RealKafka
from tests.ports import free_ports

ROOT = Path(__file__).parents[2]
PARTITIONS = 4
EMBEDDED_RECORDS = 20_000
"""The embedded broker keeps a few MB a partition and forgets what came before."""
STOP_WITHIN_S = 20.0
PRODUCER = {"linger.ms": 2, "queue.buffering.max.messages": 200_000, "log_level": 3}

console = Console(width=None if sys.stdout.isatty() else 118)


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the benchmark runs. real: an Apache Kafka, else the embedded broker."""

    address: str
    real: bool


@contextmanager
def broker() -> Iterator[Broker]:
    """A real Apache Kafka for the length of the block, or the embedded broker, with a warning, where there is none."""
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        kafka: RealKafka | EmbeddedKafka
        try:
            kafka = RealKafka(Path(folder))
        except KafkaMissing as error:
            console.print(f"[bold red]NO REAL KAFKA HERE[/] ({error}).\nThe embedded broker is used instead. It keeps "
                          "little and answers too fast: the results below are no figures.")
            kafka = EmbeddedKafka()
        try:
            yield Broker(kafka.address, isinstance(kafka, RealKafka))
        finally:
            kafka.stop()


def unique(name: str) -> str:
    """A name that no earlier run has used."""
    return f"{name}-{uuid.uuid4().hex[:8]}"


def make_topic(address: str, topic: str) -> None:
    """Create a topic of `PARTITIONS`; raises as `ensure_topics` does."""
    asyncio.run(ensure_topics(address, [TopicSpec(topic, PARTITIONS)]))


def partition_of(key: bytes) -> int:
    """Services go to the partitions in turn, so that the load is as even as possible."""
    return int(key.rpartition(b"-")[2]) % PARTITIONS


class Feeder:
    """A producer that never blocks for longer than its queue is full; keys say the partition (`partition_of`)."""

    def __init__(self, producer: Producer, topic: str) -> None:
        self._topic = topic
        self._producer = producer

    @classmethod
    def at(cls, address: str, topic: str) -> Self:
        """One that asks for little: a record counts as delivered once the leader has it."""
        return cls(Producer({**PRODUCER, "bootstrap.servers": address, "acks": "1"}), topic)

    def send(self, key: bytes, value: bytes) -> None:
        """Queue a record; waits while the queue is full."""
        while True:
            try:
                self._producer.produce(self._topic, value, key, partition_of(key))
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def send_all(self, records: Iterable[tuple[bytes, bytes]]) -> None:
        """Send (key, value) records and wait until all are delivered; raises as `flush` does."""
        for key, value in records:
            self.send(key, value)
        self.flush()

    def poll(self) -> None:
        """Let the producer forget what was delivered."""
        self._producer.poll(0)

    def flush(self) -> None:
        """Wait until all is delivered; raises RuntimeError when some is not."""
        left = self._producer.flush(60.0)
        if left:
            raise RuntimeError(f"{left} records were not delivered within 60 s")


def fill(address: str, topic: str, records: Iterable[tuple[bytes, bytes]]) -> None:
    """Make a topic and put (key, value) records into it."""
    make_topic(address, topic)
    Feeder.at(address, topic).send_all(records)


@contextmanager
def backlog(where: Broker, topic: str, records: Iterable[tuple[bytes, bytes]]) -> Iterator[None]:
    """Put records into a topic, which consumers that read committed records see all at once, at the end of the block.

    The embedded broker has no transactions: there they are seen as they come.
    """
    transactional = {"transactional.id": unique("backlog")} if where.real else {}
    producer = Producer({**PRODUCER, **transactional, "bootstrap.servers": where.address})
    if where.real:
        producer.init_transactions()
        producer.begin_transaction()
    Feeder(producer, topic).send_all(records)
    yield
    if where.real:
        producer.commit_transaction()


@dataclass(frozen=True, slots=True)
class WorkerSample:
    """A worker at one instant. records: consumed since its start. cpu_s: user and system. stage_s: wall, by stage.
    shards: the partitions it owns. decided_until_s: by partition, event time up to which its windows are closed, to a
    second; those that have closed none are missing."""

    wall_s: float
    cpu_s: float
    records: int
    stage_s: Mapping[str, float]
    shards: frozenset[int]
    decided_until_s: Mapping[int, float]


class WorkerProcess:
    """One `tocsin worker` of a group. Its one input is the topic `source`; its own topics bear the group's name."""

    def __init__(self, address: str, group: str, source: str, folder: Path, **over: Any) -> None:
        self.instance = unique("worker")
        (self._port,) = free_ports(1)
        self._log = folder / f"{self.instance}.log"
        config = folder / f"{self.instance}.yaml"
        config.write_text(json.dumps({**configuration(address, group, source, self.instance, self._port), **over}))
        self._command = [*WORKER, "--config", str(config)]
        self._process: subprocess.Popen[bytes] | None = None
        self._seen: psutil.Process | None = None

    def __enter__(self) -> WorkerProcess:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it; returns at once."""
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(self._command, cwd=ROOT, stdout=output, stderr=output)
        self._seen = psutil.Process(self._process.pid)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_WITHIN_S)

    def stop(self) -> None:
        """SIGTERM, SIGKILL where that is not enough. Safe to call twice."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def sample(self) -> WorkerSample | None:
        """Its progress; None while it does not answer. Raises RuntimeError when it has ended."""
        self._must_live()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=5.0) as answer:
                text = answer.read().decode()
        except (urllib.error.URLError, OSError):
            return None
        assert self._seen is not None
        cpu = self._seen.cpu_times()
        return _sample(text, time.time(), cpu.user + cpu.system)

    def _is_ready(self) -> bool:
        self._must_live()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/readyz", timeout=5.0) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    async def until(
        self, happened: Callable[[WorkerSample], bool], every_s: float, patience_s: float = 60.0,
    ) -> WorkerSample:
        """Sample until a sample fits, and return that one; raises TimeoutError."""
        async with asyncio.timeout(patience_s):
            while True:
                found = await asyncio.to_thread(self.sample)
                if found is not None and happened(found):
                    return found
                await asyncio.sleep(every_s)

    async def ready(self, patience_s: float = 60.0) -> None:
        """Wait until its partitions are assigned and restored; raises TimeoutError."""
        async with asyncio.timeout(patience_s):
            while True:
                if await asyncio.to_thread(self._is_ready):
                    return
                await asyncio.sleep(0.1)

    def log_end(self) -> str:
        """The newest 2,000 characters of its log."""
        return self._log.read_text()[-2000:]

    def _must_live(self) -> None:
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError(f"the worker is not running; the end of its log:\n{self.log_end()}")


def configuration(address: str, group: str, source: str, instance: str, port: int) -> dict[str, Any]:
    """The operator's file: what differs from the shipped one."""
    topics = (
        "incidents", "actions", "outcomes", "audit", "dead_letters", "state", "ticks", "ledger", "control", "response",
        "series",
    )
    return {
        "version": 1,
        "kafka": {"brokers": [address], "group": group, "instance_id": instance},
        "inputs": [{"topic": source, "count_requests": True}],
        "topics": {topic: f"{group}.{topic}" for topic in topics},
        "telemetry": {"port": port},
    }


def _sample(text: str, wall_s: float, cpu_s: float) -> WorkerSample:
    records, stages, shards, decided_until_s = 0.0, {}, set(), dict[int, float]()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "tocsin_records_total":
                records += sample.value
            elif sample.name == "tocsin_stage_seconds_sum":
                stages[sample.labels["stage"]] = sample.value
            elif sample.name == "tocsin_lag_records":
                shards.add(int(sample.labels["partition"]))
            elif sample.name == "tocsin_watermark_lag_seconds" and not math.isnan(sample.value):
                decided_until_s[int(sample.labels["partition"])] = wall_s - sample.value
    return WorkerSample(wall_s, cpu_s, int(records), stages, frozenset(shards), decided_until_s)
