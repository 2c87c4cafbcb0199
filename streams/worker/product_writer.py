"""Writes the products of a shard: dead letters, incidents with their intents, and the audit trail; and counts them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog
from faust.types import TP

from actions.model import Intent
from classifiers.incidents.triage import IncidentChange
from classifiers.series_windows import ShardReport
from config.models import TopicsSection
from streams.contracts.envelopes import (
    Message,
    incident_message,
    incident_series_message,
    intent_message,
    service_series_message,
    shard_report_message,
)
from streams.kafka.output import Output
from streams.pipeline import Products
from streams.telemetry.metrics import TransitionLabel
from streams.worker.effects import Effects

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.product_writer")

TRANSITION_LABELS: Mapping[str, TransitionLabel] = {"opened": "open", "updated": "update", "resolved": "resolve"}


class ProductWriter:
    """Writes to the topics of one installation."""

    def __init__(self, effects: Effects, topics: TopicsSection) -> None:
        self._effects = effects
        self._topics = topics

    async def write(self, output: Output, shard: int, products: Products) -> None:
        """Hand everything that is to be published to the output, in the order in which readers should see it."""
        with self._effects.telemetry.stage("publish"):
            if products.source is not None:
                await self._effects.dead_letters.write(output, TP(products.source, shard), products.dead)
            # An intent is among the actions of its incident from the step that decided it. It is published after the
            # first transition that shows it there.
            unsent = {intent.key: intent for intent in products.intents}
            for transition in products.transitions:
                keys = [action.key for action in transition.incident.actions]
                intents = [unsent.pop(key) for key in keys if key in unsent]
                await self._write_transition(output, shard, transition, intents)
            for entry in products.audit:
                await self._effects.audit.step(output, entry)
            await self._write_series(output, shard, products)
            assert not unsent, f"decided, but not among the actions of an incident: {sorted(unsent)}"

    def count(self, products: Products) -> None:
        """Count what a step saw, whether or not it publishes anything."""
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

    async def _write_transition(
        self, output: Output, shard: int, transition: IncidentChange, intents: Sequence[Intent],
    ) -> None:
        """An incident, then the intents that belong to it, in one trace."""
        incident, effects, label = transition.incident, self._effects, TRANSITION_LABELS[transition.change]
        log.info(
            "incident", change=transition.change, incident_id=incident.id, severity=incident.severity,
            title=incident.title,
        )
        effects.telemetry.incident(incident.category, incident.severity, label)
        if transition.change == "resolved":
            effects.telemetry.resolved(incident.peak_severity, incident.stage_times)

        def acknowledged() -> None:
            effects.telemetry.end_to_end(effects.clocks.now_s() - incident.opened_at_s)

        with effects.tracing.incident(incident.id, label, category=incident.category, severity=incident.severity):
            message = incident_message(
                incident, effects.identity.source, effects.clocks.now_s(), shard, effects.tracing.inject(),
            )
            signed = effects.authenticity.signed(self._topics.incidents, message, "watch")
            await output.send(
                self._topics.incidents, [signed], acknowledged if transition.change == "opened" else None,
            )
            for intent in intents:
                await self._write_intent(output, shard, intent)

    @property
    def worker(self) -> str:
        """The name of this worker."""
        return self._effects.identity.worker

    async def write_report(self, output: Output, report: ShardReport) -> None:
        """Hand on how a shard is."""
        message = shard_report_message(report, self._effects.identity.source)
        signed = self._effects.authenticity.signed(self._topics.series, message, "watch")
        await output.send(self._topics.series, [signed])

    async def _write_series(self, output: Output, shard: int, products: Products) -> None:
        source, signed = self._effects.identity.source, self._effects.authenticity.signed
        messages: list[Message] = [
            *(incident_series_message(one, source, shard) for one in products.incident_series),
            *(service_series_message(one, source, shard) for one in products.service_series),
        ]
        if messages:
            await output.send(self._topics.series, [signed(self._topics.series, one, "watch") for one in messages])

    async def _write_intent(self, output: Output, shard: int, intent: Intent) -> None:
        effects = self._effects
        with effects.tracing.decide(intent.kind, intent.target, key=intent.key, topic=self._topics.actions):
            message = intent_message(intent, effects.identity.source, shard, effects.tracing.inject())
            signed = effects.authenticity.signed(self._topics.actions, message, "watch")
            await output.send(self._topics.actions, [signed])
            await effects.audit.decided(output, intent)
