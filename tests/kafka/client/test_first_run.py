"""The first run and the cluster's configuration of the README, as a reader would copy them."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from config import examine
from streams.sandbox.process import WORKER
from tests.kafka.brokers import EmbeddedKafka
from tests.kafka.harness import PATIENCE_S, ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def snippet(language: str, begins: str) -> str:
    (found,) = re.findall(rf"```{language}\n({begins}.*?)```", README, re.DOTALL)
    return str(found)


async def test_the_first_run_finds_the_slow_replica(embedded: EmbeddedKafka, tmp_path: Path) -> None:
    config, producer = tmp_path / "first.yaml", tmp_path / "producer.py"
    group = f"kafka: {{brokers: '{embedded.address}', group: first-run}}\ntelemetry: {{port: 0}}\n"
    config.write_text(snippet("yaml", "inputs:\n  - {topic: inference.latency") + group)
    producer.write_text(snippet("python", "import json, random").replace("127.0.0.1:9092", embedded.address))
    pipe = asyncio.subprocess.PIPE
    worker = await asyncio.create_subprocess_exec(*WORKER, "--config", str(config), stderr=pipe)
    try:
        assert worker.stderr is not None
        await asyncio.wait_for(until(worker.stderr, b'"started"'), PATIENCE_S)
        written = await asyncio.create_subprocess_exec(sys.executable, str(producer))
        assert await written.wait() == 0
        suggested = await asyncio.wait_for(until(worker.stderr, b'"suggested"'), PATIENCE_S)
    finally:
        worker.terminate()
        await worker.communicate()
    assert b'"circuit_breaker", "target": "chat/r1"' in suggested


async def until(stream: asyncio.StreamReader, part: bytes) -> bytes:
    """The first line with this part."""
    while line := await stream.readline():
        if part in line:
            return line
    raise AssertionError(f"the worker ended before it logged {part!r}")


def test_the_configuration_of_a_cluster_is_valid_as_it_stands(tmp_path: Path) -> None:
    secret = tmp_path / "kafka"
    secret.write_text("hunter2")
    file = tmp_path / "site.yaml"
    file.write_text(snippet("yaml", "# your FILE").replace("/run/secrets/kafka", str(secret)))
    _, warnings = examine(file, {"TOCSIN_INSTANCE": "w0"})
    assert warnings == ()
