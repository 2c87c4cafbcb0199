"""The desk: a batch comes in, the shard decides, and what it decided goes out. The body of the metric agents.

Guarantee on crash: nothing is released here, so an interrupted batch is read again. Guarantee on duplicate: the shard
skips what it contains. A record that cannot be read becomes a dead letter; a batch of nearly nothing else trips the
brake and stops the worker.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import structlog

from actions.model import Intent
from classifiers.directives import Directive
from classifiers.incidents.triage import Transition
from classifiers.model import Incident
from config.models import Topics
from streams.contracts.envelopes import Message, WireError, incident_message, intent_message, read_outcome
from streams.intake.codec import KafkaRecord
from streams.intake.dead_letters import Brake, DeadLetter
from streams.intake.dead_letters import headers as dead_headers
from streams.kafka.producer import Publisher
from streams.kafka.transport import TP, RecordBatch
from streams.pipeline import Products, Shard
from streams.state.shard_manager import ShardManager
from streams.telemetry.metrics import Telemetry
from streams.telemetry.metrics import Transition as Told
from streams.telemetry.traces import Tracing
from streams.worker.audit import Audit

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.desk")

MAX_BURIED_BYTES = 900_000
"""Of a dead letter's value. A topic may allow its records more than the dead letters' topic allows with the headers."""

TOLD: Mapping[str, Told] = {"opened": "open", "updated": "update", "resolved": "resolve"}


class BrakeTripped(RuntimeError):  # noqa: N818
    """Nearly everything that comes in is bad: a human must look before the worker goes on."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who writes: `source` of the events, consumer `group`, and the clock of decisions in seconds since the epoch."""

    source: str
    group: str
    now_s: Callable[[], float]


class BatchProcessor:
    """One worker's desk."""

    def __init__(
        self, keeper: ShardManager, publisher: Publisher, topics: Topics, telemetry: Telemetry, tracing: Tracing,
        brake: Brake, identity: Identity, audit: Audit,
    ) -> None:
        self._keeper = keeper
        self._publisher = publisher
        self._topics = topics
        self._telemetry = telemetry
        self._tracing = tracing
        self._brake = brake
        self._identity = identity
        self._audit = audit
        self._idle: dict[int, frozenset[str]] = {}

    async def take(self, batch: RecordBatch) -> None:
        """One record batch of a metric topic, or of the outcomes; raises `BrakeTripped`."""
        async with self._keeper.locked(batch.partition) as shard:
            if shard is not None:
                await self._take(shard, batch)

    async def _take(self, shard: Shard, batch: RecordBatch) -> None:
        span = self._tracing.batch(
            batch.topic, batch.partition, group=self._identity.group, records=len(batch.records),
            last_offset=batch.last_offset, headers=(record.headers for record in batch.records),
        )
        with span:
            if batch.topic == self._topics.outcomes:
                await self._take_outcomes(shard, batch)
            else:
                await self._take_metrics(shard, batch)

    async def pass_time(self, number: int, idle: frozenset[str]) -> None:
        """Tell a shard which of its sources have nothing to read, so that they hold nothing back."""
        self._idle[number] = idle
        if not idle:
            return
        async with self._keeper.locked(number) as shard:
            if shard is not None:
                await self._publish(number, shard.advance_time(self._identity.now_s(), idle))

    def hear(self, directives: Collection[Directive]) -> None:
        """What people and pipelines said, for every shard here; heeded as their event time comes to it."""
        for shard in self._keeper.shards.values():
            shard.add_directives(directives)

    async def foreign(self, incidents: Sequence[Incident]) -> None:
        """Incidents of other shards, or of this one as they come back, for every shard here."""
        for number in list(self._keeper.shards):
            async with self._keeper.locked(number) as shard:
                if shard is None:
                    continue
                for incident in incidents:
                    products = shard.apply_remote_incident(incident)
                    if products.transitions:
                        await self._publish(number, products)

    async def _take_metrics(self, shard: Shard, batch: RecordBatch) -> None:
        idle = self._idle.get(batch.partition, frozenset()) - {batch.topic}
        products = shard.ingest(batch.topic, batch.records, self._identity.now_s(), idle)
        self._telemetry.batch(
            batch.topic, accepted=products.accepted, late=products.late,
            dead=sum(dead.rejected for dead in products.dead),
        )
        await self._publish(batch.partition, products)
        reason = self._brake.observe(len(batch.records), products.dead)
        if reason is not None:
            raise BrakeTripped(f"{batch.topic}[{batch.partition}] up to offset {batch.last_offset}: {reason}")

    async def _take_outcomes(self, shard: Shard, batch: RecordBatch) -> None:
        for record in batch.records:
            if record.offset < shard.offsets.get(batch.topic, 0):
                continue
            try:
                products = shard.apply_outcome(read_outcome(record.value))
            except WireError as error:
                await self.refuse(batch.partition, batch.tp, record, str(error))
            else:
                await self._publish(batch.partition, products)
        shard.mark_processed(batch.topic, batch.next_offset)

    async def refuse(self, owner: int | str, tp: TP, record: KafkaRecord, why: str) -> None:
        """A record on one of our own topics that breaks its contract: to the dead letters, with the reason."""
        log.warning("record_refused", topic=tp.topic, partition=tp.partition, offset=record.offset, reason=why)
        self._telemetry.dead_letter("invalid")
        dead = DeadLetter(
            "invalid", why, 1, tp.topic, tp.partition, record.offset, record.timestamp, record.key, record.value,
            tuple(record.headers),
        )
        await self._bury(owner, [dead])

    async def _publish(self, number: int, products: Products) -> None:
        with self._telemetry.stage("publish"):
            if products.dead:
                for dead in products.dead:
                    self._telemetry.dead_letter(dead.reason, dead.rejected)
                await self._bury(number, products.dead)
            # A decision is filed on its incident in the step that makes it: it goes out with the first that tells it.
            unsent = {intent.key: intent for intent in products.intents}
            for transition in products.transitions:
                filed = [action.key for action in transition.incident.actions]
                await self._tell(number, transition, [unsent.pop(key) for key in filed if key in unsent])
            for entry in products.audit:
                await self._audit.changed(number, entry)
            assert not unsent, f"decided and not filed: {sorted(unsent)}"
        self._count(products)

    def _count(self, products: Products) -> None:
        for detector, count in products.alarms.items():
            self._telemetry.anomalies(detector, count)
        for (topic, reason), count in products.skipped_points.items():
            self._telemetry.points(topic, reason, count)
        self._telemetry.evicted(products.evicted)

    async def _tell(self, number: int, transition: Transition, intents: Sequence[Intent]) -> None:
        """An incident, then what is to be done about it, in one trace."""
        incident, now_s = transition.incident, self._identity.now_s()
        log.info(
            "incident", change=transition.change, id=incident.id, severity=incident.severity, title=incident.title,
        )
        self._telemetry.incident(incident.category, incident.severity, TOLD[transition.change])
        if transition.change == "resolved":
            self._telemetry.ended(incident.peak_severity, incident.stage_times)

        def measured() -> None:
            self._telemetry.end_to_end(self._identity.now_s() - incident.opened_at_s)

        with self._tracing.incident(
            incident.id, TOLD[transition.change], category=incident.category, severity=incident.severity,
        ):
            message = incident_message(incident, self._identity.source, now_s, self._tracing.inject())
            await self._publisher.send(
                number, self._topics.incidents, [message], measured if transition.change == "opened" else None,
            )
            for intent in intents:
                await self._order(number, intent)

    async def _order(self, number: int, intent: Intent) -> None:
        with self._tracing.decide(intent.kind, intent.target, key=intent.key, topic=self._topics.actions):
            message = intent_message(intent, self._identity.source, number, self._tracing.inject())
            await self._publisher.send(number, self._topics.actions, [message])
            await self._audit.decided(number, intent)

    async def _bury(self, owner: int | str, dead: Sequence[DeadLetter]) -> None:
        await self._publisher.send(owner, self._topics.dead_letters, map(_letter, dead))


def _letter(dead: DeadLetter) -> Message:
    """The record as it came, and why it died; a value that no topic might take is cut, and says so."""
    headers = tuple(dead_headers(dead))
    if dead.value is None or len(dead.value) <= MAX_BURIED_BYTES:
        return Message(dead.key, dead.value, headers)
    cut = ("tocsin-cut-from-bytes", str(len(dead.value)).encode())
    return Message(dead.key, dead.value[:MAX_BURIED_BYTES], (*headers, cut))
