"""The batch processor: it gives each record batch to its shard, in a trace, and watches for malformed records.

Guarantee on crash: no offset is released here, so an interrupted batch is read again. Guarantee on duplicate: the shard
skips what it contains. When most of the last records are malformed, the brake trips and the worker stops.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Protocol

import structlog

from config.models import TopicsSection
from streams.intake.dead_letters import Brake
from streams.intake.keyless import KeylessRecords
from streams.intake.rejected import RejectedRecords
from streams.ownership.feed import NONE_REFUSED
from streams.pipeline import Products
from streams.telemetry.unwatched import UnwatchedTopics
from streams.transport.batches import RecordBatch
from streams.trust.outcome_check import OutcomeCheck
from streams.worker.effects import Effects
from streams.worker.shard_manager import ShardManager

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.batch_processor")


class BrakeTripped(RuntimeError):  # noqa: N818
    """Most of the last records are malformed: an operator must find the reason before the worker goes on."""


class Partitions(Protocol):
    """What knows the topics."""

    def partitions(self, topic: str) -> int:
        """How many partitions an input topic has."""


class BatchProcessor:
    """Processes the batches of the shards that this worker owns."""

    def __init__(
        self, manager: ShardManager, effects: Effects, topics: TopicsSection, brake: Brake, required: Partitions,
    ) -> None:
        self._manager = manager
        self._effects = effects
        self._topics = topics
        self._brake = brake
        self._required = required
        self._keyless = KeylessRecords()
        self._rejected = RejectedRecords()
        self._unwatched = UnwatchedTopics()
        self._outcomes = OutcomeCheck(
            topics.outcomes, effects.authenticity, partial(effects.telemetry.ignored, "outcome"), effects.clocks.mono_s,
        )

    def degradations(self) -> tuple[str, ...]:
        """What is read and not watched, in words."""
        return self._unwatched.complaints(self._effects.clocks.mono_s())

    def revoke(self, partitions: Sequence[tuple[str, int]]) -> None:
        """Forget what was seen of partitions that moved to another worker."""
        self._effects.telemetry.revoke_topics(self._unwatched.revoke(partitions))

    async def process(self, batch: RecordBatch) -> None:
        """Process a record batch of a metric topic, or of the outcomes; raises `BrakeTripped`.

        Outcomes that are not authentic do not reach the shard, and have an audit entry with its next tick.
        """
        span = self._effects.tracing.batch(
            batch.topic, batch.partition, group=self._effects.identity.group, records=len(batch.records),
            last_offset=batch.last_offset, headers=(record.headers for record in batch.records),
        )
        with span:
            is_outcomes = batch.topic == self._topics.outcomes
            refused = self._outcomes.refused(batch.partition, batch.records) if is_outcomes else NONE_REFUSED
            products = await self._manager.process(batch.partition, batch.topic, batch.records, refused)
            if products is not None and not is_outcomes:
                await self._check(batch, products)

    async def _check(self, batch: RecordBatch, products: Products) -> None:
        self._effects.telemetry.batch(
            batch.topic, accepted=products.accepted, late=products.late,
            dead=sum(dead.rejected for dead in products.dead),
        )
        mono_s = self._effects.clocks.mono_s()
        for warning in self._rejected.observe(batch.topic, products.dead, mono_s):
            log.warning(
                "records_rejected", topic=warning.topic, reason=warning.reason, count=warning.count,
                first=warning.first, dead_letters=self._topics.dead_letters,
            )
        keyless = self._keyless.observe(
            batch.topic, batch.records, self._required.partitions(batch.topic), mono_s,
        )
        if keyless.count:
            self._effects.telemetry.records_without_key(batch.topic, keyless.count)
        if keyless.warning is not None:
            log.warning("records_without_key", topic=batch.topic, reason=keyless.warning)
        self._check_names(batch, products, mono_s)
        reason = self._brake.observe(len(batch.records), products.dead)
        if reason is not None:
            await self._manager.publish(batch.partition)  # the dead letters show the operator what is wrong
            raise BrakeTripped(f"{batch.topic}[{batch.partition}] up to offset {batch.last_offset}: {reason}")

    def _check_names(self, batch: RecordBatch, products: Products, mono_s: float) -> None:
        """Say when the points of a topic have names that nothing watches."""
        names = products.names.get(batch.topic)
        if names is None:
            return
        notice = self._unwatched.observe(batch.topic, batch.partition, names, mono_s)
        self._effects.telemetry.unwatched(self._unwatched.unwatched(mono_s))
        if notice is not None and notice.severity == "warning":
            log.warning("points_not_watched", topic=notice.topic, reason=notice.reason)
        elif notice is not None:
            log.debug("points_of_unknown_names", topic=notice.topic, reason=notice.reason)
