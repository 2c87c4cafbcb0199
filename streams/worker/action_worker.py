"""The action worker: intents from the action topic go to the executor, outcomes go back to the shard that decided.

Guarantee on crash: that of the ledger; an intent that is read again is answered from it. The broker acknowledges an
outcome before the offset of its intent is committed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import structlog
from faust.types.tuples import Message

from actions.executor import Executor
from actions.model import Outcome
from config.models import TopicsSection
from streams.contracts.envelopes import Header, WireError, outcome_message, read_intent, shard_of
from streams.intake.kafka_record import KafkaRecord
from streams.state.ledger import TopicLedger
from streams.worker.effects import Effects

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.action_worker")

PRUNE_EVERY_S = 3600.0
RETENTION_S = 7 * 86_400.0
"""Of finished keys in the ledger: longer than the time span of any limit and the life of any intent."""
SCOPE = "actions"
"""The flush scope of outcomes: they belong to no shard of this worker."""


@dataclass(frozen=True, slots=True)
class IntentRecord:
    """A record of the action topic as Faust delivers it. timestamp: milliseconds since the epoch."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


def intent_record(message: Message) -> IntentRecord:
    """The record of a Faust message, which keeps the bytes, and the headers as a mapping or as pairs."""
    headers = message.headers or ()
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return IntentRecord(
        message.topic, message.partition, message.offset, int(message.timestamp * 1000), message.key, message.value,
        tuple(pairs),
    )


class ActionWorker:
    """Executes the intents of the partitions that this worker owns. shard_count: the number of all shards."""

    def __init__(
        self, executor: Executor, ledger: TopicLedger, effects: Effects, topics: TopicsSection, shard_count: int,
    ) -> None:
        self._executor = executor
        self._ledger = ledger
        self._effects = effects
        self._topics = topics
        self._shard_count = shard_count

    async def recover(self, partitions: Iterable[int]) -> None:
        """Report the claims that earlier owners of these partitions left open; call before their intents are read."""
        outcomes = await self._ledger.recover(partitions)
        for outcome in outcomes:
            log.error("interrupted", key=outcome.key, kind=outcome.kind, target=outcome.target)
            await self._report(outcome, None, [])

    async def process(self, record: KafkaRecord) -> None:
        """Execute the intent of one record; its outcome is acknowledged before this returns."""
        try:
            intent = read_intent(record.value)
        except WireError as error:
            await self._effects.dead_letters.reject(SCOPE, record, str(error))
            await self._effects.publisher.flush(SCOPE)
            return
        tracing = self._effects.tracing
        span = tracing.execute(
            intent.kind, intent.target, key=intent.key, topic=self._topics.actions, headers=record.headers,
        )
        with span, self._effects.telemetry.stage("execute"):
            outcome = await self._executor.execute(intent)
            await self._report(outcome, self._shard_of(record), tracing.inject())

    def _shard_of(self, record: KafkaRecord) -> int | None:
        """The shard that decided; None also for a header with a number that no shard has."""
        shard = shard_of(record.headers)
        return shard if shard is not None and shard < self._shard_count else None

    async def prune_ledger(self) -> None:
        """Until cancelled: remove what no limit needs any more from the ledger, once in `PRUNE_EVERY_S`."""
        while True:
            await asyncio.sleep(PRUNE_EVERY_S)
            count = await self._ledger.forget(self._effects.clocks.now_s() - RETENTION_S)
            log.info("ledger_pruned", removed=count)

    async def _report(self, outcome: Outcome, shard: int | None, trace: Sequence[Header]) -> None:
        self._effects.telemetry.action(outcome.kind, outcome.status)
        message = outcome_message(outcome, self._effects.identity.source, shard, trace)
        await self._effects.publisher.send(SCOPE, self._topics.outcomes, [message])
        await self._effects.audit.finished(SCOPE, outcome)
        await self._effects.publisher.flush(SCOPE)
