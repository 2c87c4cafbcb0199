"""The batch processor: a batch comes in, its shard decides, and the products of the step go out.

Guarantee on crash: no offset is released here, so an interrupted batch is read again. Guarantee on duplicate: the shard
skips what it contains. A record that cannot be read becomes a dead letter. When most of the last records are malformed,
the brake trips and the worker stops.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import structlog

from actions.model import Intent
from classifiers.directives import Directive
from classifiers.incidents.triage import IncidentChange
from classifiers.model import Incident
from config.models import TopicsSection
from streams.contracts.envelopes import WireError, incident_message, intent_message, read_outcome
from streams.intake.dead_letters import Brake
from streams.pipeline import Products, Shard
from streams.state.shard_manager import ShardManager
from streams.telemetry.metrics import TransitionLabel
from streams.transport.batches import RecordBatch
from streams.worker.effects import Effects

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.batch_processor")

TRANSITION_LABELS: Mapping[str, TransitionLabel] = {"opened": "open", "updated": "update", "resolved": "resolve"}


class BrakeTripped(RuntimeError):  # noqa: N818
    """Most of the last records are malformed: an operator must find the reason before the worker goes on."""


class BatchProcessor:
    """Processes the batches of the shards that this worker owns, and publishes their products."""

    def __init__(self, manager: ShardManager, effects: Effects, topics: TopicsSection, brake: Brake) -> None:
        self._manager = manager
        self._effects = effects
        self._topics = topics
        self._brake = brake
        self._idle: dict[int, frozenset[str]] = {}

    async def process(self, batch: RecordBatch) -> None:
        """Process a record batch of a metric topic, or of the outcomes; raises `BrakeTripped`."""
        async with self._manager.locked(batch.partition) as shard:
            if shard is None:
                return
            span = self._effects.tracing.batch(
                batch.topic, batch.partition, group=self._effects.identity.group, records=len(batch.records),
                last_offset=batch.last_offset, headers=(record.headers for record in batch.records),
            )
            with span:
                if batch.topic == self._topics.outcomes:
                    await self._process_outcomes(shard, batch)
                else:
                    await self._process_metrics(shard, batch)

    async def advance_time(self, number: int, idle: frozenset[str]) -> None:
        """Advance the time of a shard without a record. idle: its sources that are read to their end and silent."""
        self._idle[number] = idle
        if not idle:
            return
        async with self._manager.locked(number) as shard:
            if shard is not None:
                await self._publish(number, shard.advance_time(self._effects.clocks.now_s(), idle))

    def add_directives(self, directives: Collection[Directive]) -> None:
        """Give directives to every shard of this worker; each applies them when its event time reaches them."""
        for shard in self._manager.shards.values():
            shard.add_directives(directives)

    async def apply_remote_incidents(self, incidents: Sequence[Incident]) -> None:
        """Apply published incidents to every shard of this worker; a shard ignores its own."""
        for number in list(self._manager.shards):
            async with self._manager.locked(number) as shard:
                if shard is None:
                    continue
                for incident in incidents:
                    products = shard.apply_remote_incident(incident)
                    if products.transitions:
                        await self._publish(number, products)

    async def _process_metrics(self, shard: Shard, batch: RecordBatch) -> None:
        idle = self._idle.get(batch.partition, frozenset()) - {batch.topic}
        products = shard.ingest(batch.topic, batch.records, self._effects.clocks.now_s(), idle)
        self._effects.telemetry.batch(
            batch.topic, accepted=products.accepted, late=products.late,
            dead=sum(dead.rejected for dead in products.dead),
        )
        await self._publish(batch.partition, products)
        reason = self._brake.observe(len(batch.records), products.dead)
        if reason is not None:
            raise BrakeTripped(f"{batch.topic}[{batch.partition}] up to offset {batch.last_offset}: {reason}")

    async def _process_outcomes(self, shard: Shard, batch: RecordBatch) -> None:
        for record in batch.records:
            if record.offset < shard.offsets.get(batch.topic, 0):
                continue
            try:
                products = shard.apply_outcome(read_outcome(record.value))
            except WireError as error:
                await self._effects.dead_letters.reject(batch.partition, record, str(error))
            else:
                await self._publish(batch.partition, products)
        shard.mark_processed(batch.topic, batch.next_offset)

    async def _publish(self, number: int, products: Products) -> None:
        with self._effects.telemetry.stage("publish"):
            await self._effects.dead_letters.write(number, products.dead)
            # An intent is among the actions of its incident from the step that decided it. It is published after the
            # first transition that shows it there.
            unsent = {intent.key: intent for intent in products.intents}
            for transition in products.transitions:
                keys = [action.key for action in transition.incident.actions]
                await self._publish_transition(number, transition, [unsent.pop(key) for key in keys if key in unsent])
            for entry in products.audit:
                await self._effects.audit.step(number, entry)
            assert not unsent, f"decided, but not among the actions of an incident: {sorted(unsent)}"
        self._count(products)

    def _count(self, products: Products) -> None:
        telemetry = self._effects.telemetry
        for detector, count in products.alarms.items():
            telemetry.anomalies(detector, count)
        for (topic, reason), count in products.skipped_points.items():
            telemetry.points(topic, reason, count)
        for label, count in products.overflowed.items():
            telemetry.scopes_overflowed(label, count)
        telemetry.evicted(products.evicted)
        telemetry.series_refused(products.refused_series)
        telemetry.values_dropped(products.dropped_values)

    async def _publish_transition(self, number: int, transition: IncidentChange, intents: Sequence[Intent]) -> None:
        """Publish an incident, then the intents that belong to it, in one trace."""
        incident, effects, label = transition.incident, self._effects, TRANSITION_LABELS[transition.change]
        log.info(
            "incident", change=transition.change, id=incident.id, severity=incident.severity, title=incident.title,
        )
        effects.telemetry.incident(incident.category, incident.severity, label)
        if transition.change == "resolved":
            effects.telemetry.resolved(incident.peak_severity, incident.stage_times)

        def acknowledged() -> None:
            effects.telemetry.end_to_end(effects.clocks.now_s() - incident.opened_at_s)

        with effects.tracing.incident(incident.id, label, category=incident.category, severity=incident.severity):
            message = incident_message(
                incident, effects.identity.source, effects.clocks.now_s(), effects.tracing.inject(),
            )
            await effects.publisher.send(
                number, self._topics.incidents, [message], acknowledged if transition.change == "opened" else None,
            )
            for intent in intents:
                await self._publish_intent(number, intent)

    async def _publish_intent(self, number: int, intent: Intent) -> None:
        effects = self._effects
        with effects.tracing.decide(intent.kind, intent.target, key=intent.key, topic=self._topics.actions):
            message = intent_message(intent, effects.identity.source, number, effects.tracing.inject())
            await effects.publisher.send(number, self._topics.actions, [message])
            await effects.audit.decided(number, intent)
