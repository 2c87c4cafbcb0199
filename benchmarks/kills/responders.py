"""Processes that respond, with signed records, and the incidents that are told in place of their shards."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]

from actions.escalation.record import Escalation
from actions.trust.key_files import read_private, write_private
from actions.trust.keys import Signer, public_text
from benchmarks.broker.rig import unique
from benchmarks.kills.processes import RoleProcess, forking
from classifiers.model import Incident
from config import load
from streams.client.topic_reader import partitions_of_topics
from streams.cluster.required_topics import prepare_topics
from streams.contracts.envelopes import Message, escalation_message, incident_message, source_of
from streams.contracts.signatures import sign_message
from streams.kafka.settings import Security

TOPICS = (
    "incidents", "actions", "outcomes", "audit", "dead_letters", "state", "ticks", "ledger", "control", "response",
    "checkpoints",
)
SESSION_S = 6.0


class Responders:
    """One installation of processes that respond. sections: of the configuration, beside topics, kafka and keys."""

    def __init__(self, address: str, folder: Path, count: int, sections: Mapping[str, Any]) -> None:
        group = unique("bench-respond")
        keys = {role: folder / f"{role}.key" for role in ("watch", "respond")}
        public = {role: public_text(write_private(file).public_key()) for role, file in keys.items()}
        self._settings: dict[str, Any] = {
            "version": 1, "kafka": {"brokers": [address], "group": group, "session_timeout": f"{SESSION_S:g}s"},
            "inputs": [{"topic": f"{group}.latency"}], "topics": {name: f"{group}.{name}" for name in TOPICS},
            "telemetry": {"port": 0}, "signing": {
                "private_file": str(keys["respond"]),
                "keys": [{"id": role, "for": role, "public": text} for role, text in public.items()],
            },
            **sections,
        }
        self.file = folder / "site.yaml"
        self.file.write_text(json.dumps(self._settings))
        self.config = load(self.file, {})
        self.source = source_of(group)
        context = forking()
        self.processes = [RoleProcess(f"respond-{number}", ("respond",), folder, context) for number in range(count)]
        self._signers = {role: Signer(role, read_private(file)) for role, file in keys.items()}
        self._producer: AIOKafkaProducer | None = None
        self._partitions = 0

    @asynccontextmanager
    async def prepared(self) -> AsyncIterator[None]:
        """The topics exist and can be written to; the processes are killed at the end."""
        await prepare_topics(self.config, Security())
        self._producer = AIOKafkaProducer(bootstrap_servers=self.config.kafka.brokers, acks="all", linger_ms=2)
        await self._producer.start()
        self._partitions = len((await partitions_of_topics(self.config))[self.config.topics.response])
        try:
            yield
        finally:
            for process in self.processes:
                process.kill()
            await self._producer.stop()

    def start(self, process: RoleProcess) -> None:
        """Start a process, if it does not run."""
        if not process.runs():
            named = {**self._settings["kafka"], "instance_id": process.name}
            process.start({**self._settings, "kafka": named})

    async def tell(self, incident: Incident) -> None:
        """Write an incident, as its shard would."""
        await self._send(self.config.topics.incidents, incident_message(incident, self.source, time.time()), "watch")

    async def escalated(self, incident: Incident, policy: str, number: int) -> None:
        """Write the escalation of an incident that waits for its next step, as a process before would have. number: of
        the incident, which says the partition.
        """
        one = Escalation(
            incident.id, 2, "active", f"{incident.severity} is reached", policy, incident.severity,
            incident.opened_at_s, incident.opened_at_s, round_at_s=incident.opened_at_s,
        )
        message = escalation_message(one, self.source, number % self._partitions)
        await self._send(self.config.topics.response, message, "respond")

    async def _send(self, topic: str, message: Message, role: str) -> None:
        assert self._producer is not None, "use it while it is prepared"
        made = sign_message(topic, message, self._signers[role])
        await self._producer.send_and_wait(
            topic, made.value, key=made.key, headers=list(made.headers), partition=made.partition,
        )


def opened(name: str, service: str, severity: str) -> Incident:
    """An incident that opens now."""
    now_s = time.time()
    made = Incident(
        id=name, state="open", opened_at_s=now_s, onset_at_s=now_s - 5.0, resolved_at_s=None, severity="P3",
        peak_severity="P3", category="performance_degradation", service=service, model="gpt", version="v2",
        replica=None, tenant=None, title="latency_ms is 5 times what is expected",
    )
    return replace(made, severity=severity, peak_severity=severity)  # type: ignore[arg-type]
