"""The first run and the cluster's configuration, in the README and on their pages, as a reader would copy them."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from config import examine
from streams.sandbox.process import WORKER
from tests.kafka.brokers import EmbeddedKafka
from tests.kafka.client.snippets import snippet
from tests.kafka.harness import PATIENCE_S


async def test_the_first_run_finds_the_slow_replica(embedded: EmbeddedKafka, tmp_path: Path) -> None:
    config, producer = tmp_path / "first.yaml", tmp_path / "producer.py"
    group = f"kafka: {{brokers: '{embedded.address}', group: first-run}}\ntelemetry: {{port: 0}}\n"
    config.write_text(snippet("README.md", "yaml", "inputs:\n  - {topic: inference.latency") + group)
    written = snippet("README.md", "python", "import json, random")
    producer.write_text(written.replace("127.0.0.1:9092", embedded.address))
    pipe = asyncio.subprocess.PIPE
    worker = await asyncio.create_subprocess_exec(*WORKER, "--config", str(config), stderr=pipe)
    try:
        assert worker.stderr is not None
        await asyncio.wait_for(until(worker.stderr, b'"started"'), PATIENCE_S)
        wrote = await asyncio.create_subprocess_exec(sys.executable, str(producer))
        assert await wrote.wait() == 0
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
    file.write_text(snippet("README.md", "yaml", "# your FILE").replace("/run/secrets/kafka", str(secret)))
    _, warnings = examine(file, {"TOCSIN_INSTANCE": "w0"})
    assert warnings == ()


@pytest.mark.parametrize(("page", "language", "begins"), [
    ("docs/quick-start.md", "yaml", "inputs:\n  - {topic: inference.latency"),
    ("docs/quick-start.md", "python", "import json, random"), ("docs/production.md", "yaml", "# your FILE"),
    ("docs/contracts.md", "python", "from cloudevents"),
])
def test_a_page_has_the_same_as_the_readme(page: str, language: str, begins: str) -> None:
    assert snippet(page, language, begins) == snippet("README.md", language, begins)
