"""An installation without detection: its topics, people with keys, and responders in this process."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from aiokafka import AIOKafkaProducer, TopicPartition  # type: ignore[import-untyped]
from click.testing import CliRunner, Result

from actions.approvals.request import ApprovalRequest
from actions.model import ApprovalTerms, Intent, Outcome
from actions.trust.key_files import write_private
from actions.trust.keys import public_text
from classifiers.model import Incident
from config import load
from config.models import Config
from streams.cli import main
from streams.client.response_log import read_requests
from streams.client.topic_reader import open_reader, partitions_of_topics, read_to_end
from streams.cluster.required_topics import prepare_topics
from streams.contracts.envelopes import (
    Message,
    incident_message,
    intent_message,
    read_outcome,
    source_of,
)
from streams.kafka.settings import Security, settings_of
from streams.respond.responder import Responder, ResponderClocks
from streams.trust.setup import authenticity_of
from tests.kafka.harness import unique

T = TypeVar("T")
PATIENCE_S = 30.0
SHARDS = 4


@dataclass
class People:
    """People and their key files. roles: by name."""

    folder: Path
    files: dict[str, Path] = field(default_factory=dict)

    def section(self, **roles: list[str]) -> dict[str, Any]:
        """The section `people`, with a key for each."""
        made: dict[str, Any] = {}
        for name, held in roles.items():
            self.files[name] = self.folder / f"{unique(name)}.pem"
            public = public_text(write_private(self.files[name]).public_key())
            made[name] = {"roles": held, "keys": [{"id": f"{name}-1", "public": public}]}
        return made


class Installation:
    """Topics of its own on one broker."""

    def __init__(self, address: str, folder: Path, **over: Any) -> None:
        self.name = unique("respond")
        self.people = People(folder)
        names = ("incidents", "actions", "outcomes", "audit", "dead_letters", "state", "ticks", "ledger", "control",
                 "response", "checkpoints", "series")
        settings: dict[str, Any] = {
            "version": 1, "kafka": {"brokers": [address], "group": self.name},
            "inputs": [{"topic": f"{self.name}.latency"}],
            "topics": {name: f"{self.name}.{name}" for name in names},
            "people": self.people.section(anna=["approver"], ben=["approver"], cleo=["commander"], dan=["responder"]),
            **over,
        }
        self.file = folder / f"{self.name}.yaml"
        self.file.write_text(json.dumps(settings))
        self.config: Config = load(self.file, {})
        self.source = source_of(self.name)

    async def prepare(self) -> None:
        """Create the topics."""
        await prepare_topics(self.config, Security())

    @asynccontextmanager
    async def responder(self, now_s: Callable[[], float] = time.time) -> AsyncIterator[Responder]:
        """A responder that runs in this process."""
        responder = Responder(
            self.config, settings_of(self.config), ResponderClocks(now_s, time.time, time.monotonic), lambda: SHARDS,
            lambda _: SHARDS,
        )
        task = asyncio.create_task(responder.run())
        try:
            yield responder
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def suggest(self, key: str, incident_id: str = "inc-1", **over: Any) -> Intent:
        """Write an open incident and an intent that waits for people, as shard 2 would."""
        now_s = time.time()
        intent = Intent(
            key, incident_id, "throttle", "chat/v2", "suggest", "version v2 alone is slow", now_s, now_s + 3600.0,
            "chat", approval=over.pop("approval", ApprovalTerms()), **over,
        )
        topics, keys = self.config.topics, authenticity_of(self.config, self.source)
        told = incident_message(open_incident(incident_id), self.source, now_s)
        await self.send(topics.incidents, keys.signed(topics.incidents, told, "watch"))
        await self.send(topics.actions, keys.signed(topics.actions, intent_message(intent, self.source, 2), "watch"))
        return intent

    async def send(self, topic: str, message: Message) -> None:
        """Append a record."""
        producer = AIOKafkaProducer(bootstrap_servers=self.config.kafka.brokers, acks="all")
        await producer.start()
        try:
            await producer.send_and_wait(topic, message.value, key=message.key, headers=list(message.headers))
        finally:
            await producer.stop()

    async def cli(self, person: str | None, *arguments: str) -> Result:
        """A command in a thread, since it has a loop of its own; with the key of a person where one is named."""
        key = [] if person is None else ["--key-file", str(self.people.files[person])]
        return await asyncio.to_thread(
            CliRunner().invoke, main, [*arguments, "--config", str(self.file), *key],
        )

    async def request(self, key: str, state: str) -> ApprovalRequest:
        """The request of this key once it has this state."""
        async def found() -> ApprovalRequest | None:
            one = (await read_requests(self.config)).get(key)
            return one if one is not None and one.state == state else None

        return await eventually(found, f"{key} {state}")

    async def records(self, topic: str) -> list[Any]:
        """Everything in a topic."""
        async with open_reader(self.config) as reader:
            numbers = (await partitions_of_topics(self.config))[topic]
            return [record async for record in read_to_end(reader, [TopicPartition(topic, each) for each in numbers])]

    async def outcomes(self, key: str) -> list[tuple[int, Outcome]]:
        """The outcomes of an intent, each with its partition."""
        found = [(one.partition, read_outcome(one.value)) for one in await self.records(self.config.topics.outcomes)]
        return [(partition, outcome) for partition, outcome in found if outcome.key == key]


def open_incident(incident_id: str, **over: Any) -> Incident:
    """An incident of the service `chat`."""
    values: dict[str, Any] = {
        "id": incident_id, "state": "open", "opened_at_s": 1.0, "onset_at_s": 1.0, "resolved_at_s": None,
        "category": "performance_degradation", "severity": "P2", "peak_severity": "P2", "service": "chat",
        "model": None, "version": "v2", "replica": None, "tenant": None, "title": "v2 is slow",
    }
    return Incident(**{**values, **over})


async def eventually(
    look: Callable[[], Coroutine[Any, Any, T | None]], what: str, patience_s: float = PATIENCE_S,
) -> T:
    """Wait until `look` finds something, since another task or process does it."""
    deadline_s = time.monotonic() + patience_s
    while (found := await look()) is None:
        assert time.monotonic() < deadline_s, f"not within {patience_s:g} s: {what}"
        await asyncio.sleep(0.1)
    return found
