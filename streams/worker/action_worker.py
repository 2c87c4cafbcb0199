"""The action worker: intents from the action topic go to the executor, outcomes go back to the shard that decided.

Guarantee on crash: that of the ledger; an intent that is read again is answered from it. The broker acknowledges an
outcome before the offset of its intent is committed. An intent whose signature does not count is refused before the
executor sees it, and leaves no trace in the ledger: else a forged one could use up the key of a true one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import structlog

from actions.executor import Executor, outcome_of
from actions.model import Intent, Outcome
from actions.trust.keys import SignatureError
from config.models import TopicsSection
from streams.contracts.envelopes import Header, WireError, outcome_message, read_intent, shard_of
from streams.intake.kafka_record import KafkaRecord
from streams.state.ledger import TopicLedger
from streams.transport.batches import TP, RecordBatch
from streams.trust.refused_records import RefusedRecords, place_of
from streams.worker.effects import Effects
from streams.worker.targets.queues import TargetQueues

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.action_worker")

PRUNE_EVERY_S = 3600.0
LEASE_RETRY_S = 0.05
RETENTION_S = 7 * 86_400.0
"""Of finished keys in the ledger: longer than the time span of any limit and the life of any intent."""
SCOPE = "actions"
"""The flush scope of outcomes: they belong to no shard of this worker."""


class Ownership(Protocol):
    """What the transport knows of this worker's partitions."""

    def holds_lease(self) -> bool: ...

    def owns(self, tp: TP) -> bool: ...

    def release(self, tp: TP, next_offset: int) -> bool: ...


class ActionWorker:
    """Executes the intents of the partitions that this worker owns. shard_count: the number of all shards."""

    def __init__(
        self, executor: Executor, ledger: TopicLedger, ownership: Ownership, effects: Effects, topics: TopicsSection,
        shard_count: Callable[[], int],
    ) -> None:
        self._executor = executor
        self._ledger = ledger
        self._ownership = ownership
        self._effects = effects
        self._topics = topics
        self._shard_count = shard_count
        self._output = effects.publisher.output(SCOPE)
        self._refusals = RefusedRecords(effects.clocks.mono_s)
        self.queues = TargetQueues(self._process_owned, ownership.release)

    async def recover(self, partitions: Iterable[int]) -> None:
        """Report the claims that earlier owners of these partitions left open; call before their intents are read."""
        partitions = set(partitions)
        self.queues.forget({TP(self._topics.actions, partition) for partition in partitions})
        outcomes = await self._ledger.recover(partitions)
        for outcome in outcomes:
            log.error(
                "interrupted", incident_id=outcome.incident_id, key=outcome.key, kind=outcome.kind,
                target=outcome.target,
            )
            await self._report(outcome, None, [])

    async def process_batch(self, batch: RecordBatch) -> None:
        """Queue the intents of one batch by target; returns once all are queued.

        Intents of one target are executed one after another, each only while the group certainly counts on us. The
        offset of an intent is released once its outcome and those of all before it are acknowledged. Intents whose
        partition was lost in between are dropped: its new owner reads them. Raises what the execution of an intent
        raised.
        """
        for record in batch.records:
            await self.queues.put(batch.tp, record)

    async def _process_owned(self, tp: TP, record: KafkaRecord) -> bool:
        while not self._ownership.holds_lease():
            if not self._ownership.owns(tp):
                return False
            await asyncio.sleep(LEASE_RETRY_S)
        if not self._ownership.owns(tp):
            return False
        await self.process(tp, record)
        return True

    async def process(self, tp: TP, record: KafkaRecord) -> None:
        """Execute the intent of one record; its outcome is acknowledged before this returns."""
        try:
            intent = read_intent(record.value)
        except WireError as error:
            await self._effects.dead_letters.reject(self._output, tp, record, str(error))
            await self._effects.publisher.flush(SCOPE)
            return
        try:
            self._effects.authenticity.check(self._topics.actions, record, intent, self._effects.clocks.now_s())
        except SignatureError as error:
            await self._refuse(tp, record, intent, error)
            return
        tracing = self._effects.tracing
        span = tracing.execute(
            intent.kind, intent.target, key=intent.key, topic=self._topics.actions, headers=record.headers,
        )
        with span, self._effects.telemetry.stage("execute"):
            shard = self._shard_of(record)
            outcome = await self._executor.execute(intent, shard)
            await self._report(outcome, shard, tracing.inject())

    async def _refuse(self, tp: TP, record: KafkaRecord, intent: Intent, error: SignatureError) -> None:
        """Refuse an intent that nobody with a key wrote. Only without any keys may it be a shard's, which is told."""
        effects = self._effects
        effects.telemetry.unauthentic(error.reason)
        now_s = effects.clocks.now_s()
        if not effects.authenticity.has_keys:
            await self._report(outcome_of(intent, "refused", str(error), now_s, {}), self._shard_of(record), [])
            return
        entry = self._refusals.entry(place_of(tp.topic, tp.partition, record.offset), intent.key, error, now_s)
        if entry is not None:
            await effects.audit.unauthentic(self._output, entry)
            await effects.publisher.flush(SCOPE)

    def _shard_of(self, record: KafkaRecord) -> int | None:
        """The shard that decided; None also for a header with a number that no shard has."""
        shard = shard_of(record.headers)
        return shard if shard is not None and shard < self._shard_count() else None

    async def prune_ledger(self) -> None:
        """Until cancelled: remove what no limit needs any more from the ledger, once in `PRUNE_EVERY_S`."""
        while True:
            await asyncio.sleep(PRUNE_EVERY_S)
            count = await self._ledger.forget(self._effects.clocks.now_s() - RETENTION_S)
            log.info("ledger_pruned", removed=count)

    async def _report(self, outcome: Outcome, shard: int | None, trace: Sequence[Header]) -> None:
        self._effects.telemetry.action(outcome.kind, outcome.status)
        message = outcome_message(outcome, self._effects.identity.source, shard, trace)
        signed = self._effects.authenticity.signed(self._topics.outcomes, message, "execute")
        await self._output.send(self._topics.outcomes, [signed])
        await self._effects.audit.finished(self._output, outcome)
        await self._effects.publisher.flush(SCOPE)
