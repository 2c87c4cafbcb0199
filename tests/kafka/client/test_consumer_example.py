"""The consumer in the README, as a reader would copy it, against a broker with an incident on it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from streams.cluster.topics import TopicSpec, ensure_topics
from streams.contracts.envelopes import incident_message, source_of
from streams.kafka.producer import Publisher
from tests.kafka.client.snippets import snippet
from tests.kafka.conftest import Broker
from tests.kafka.harness import PATIENCE_S, unique
from tests.streams.fakes import T, incident


def example() -> str:
    return snippet("README.md", "python", "from cloudevents")


def test_the_example_is_of_ten_lines() -> None:
    assert len([line for line in example().splitlines() if line]) <= 10


async def test_the_example_prints_the_incident(broker: Broker, tmp_path: Path) -> None:
    topic = unique("incidents")
    await ensure_topics(broker.address, [TopicSpec(topic, 1)])
    async with Publisher({"bootstrap_servers": broker.address}) as publisher:
        await publisher.send("test", topic, [incident_message(incident(), source_of("tocsin"), T)])
        await publisher.flush("test")
    file = tmp_path / "pager.py"
    file.write_text(
        example().replace("127.0.0.1:9092", broker.address).replace("tocsin.incidents", topic)
        .replace('"pager"', f'"{unique("pager")}"'), encoding="utf-8",
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-u", str(file), stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), PATIENCE_S)
    finally:
        process.kill()
        await process.wait()
    event_id, severity, state, title = line.decode().strip().split(" ", 3)
    assert event_id.startswith("inc-1/")
    assert (severity, state, title) == ("P2", "open", incident().title)
