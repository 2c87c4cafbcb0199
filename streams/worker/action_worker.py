"""The acting side of a worker: intents from the action topic to the executor, outcomes back to the shard that decided.

Guarantee on crash: the ledger's; an intent that comes again is answered from it. An outcome is acknowledged by the
broker before its intent is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import structlog
from faust.types.tuples import Message

from actions.executor import Executor
from actions.model import Outcome
from config.models import Topics
from streams.contracts.envelopes import Header, WireError, outcome_message, read_intent, shard_of
from streams.intake.codec import KafkaRecord
from streams.kafka.batches import TP
from streams.kafka.producer import Publisher
from streams.state.ledger import TopicLedger
from streams.telemetry.metrics import Telemetry
from streams.telemetry.traces import Tracing
from streams.worker.audit import Audit
from streams.worker.batch_processor import BatchProcessor

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.acting")
TIDY_EVERY_S = 3600.0
REMEMBER_S = 7 * 86_400.0
"""Longer than any limit looks back and any intent lives."""
OWNER = "actions"
"""The publisher's account for outcomes: they belong to no shard of this worker."""


@dataclass(frozen=True, slots=True)
class IntentRecord:
    """A record of the action topic as Faust hands it over. timestamp: milliseconds since the epoch."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


def intent_record(message: Message) -> IntentRecord:
    """Faust keeps the bytes as they came, and headers as a mapping or as pairs."""
    headers = message.headers or ()
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return IntentRecord(
        message.topic, message.partition, message.offset, int(message.timestamp * 1000), message.key, message.value,
        tuple(pairs),
    )


class ActionWorker:
    """Executes the intents of the partitions this worker holds."""

    def __init__(
        self, executor: Executor, ledger: TopicLedger, publisher: Publisher, desk: BatchProcessor, topics: Topics,
        telemetry: Telemetry, tracing: Tracing, source: str, now_s: Callable[[], float], shards: int, audit: Audit,
    ) -> None:
        self._executor = executor
        self._ledger = ledger
        self._publisher = publisher
        self._desk = desk
        self._topics = topics
        self._telemetry = telemetry
        self._tracing = tracing
        self._source = source
        self._now_s = now_s
        self._shards = shards
        self._audit = audit

    async def take_over(self, partitions: Iterable[int]) -> None:
        """Report what an earlier owner of these partitions left in doubt; call before their intents are executed."""
        outcomes = await self._ledger.recover(partitions)
        for outcome in outcomes:
            log.error("interrupted", key=outcome.key, kind=outcome.kind, target=outcome.target)
            await self._report(outcome, None, [])

    async def take(self, record: KafkaRecord) -> None:
        """One record of the action topic, answered completely before it returns."""
        try:
            intent = read_intent(record.value)
        except WireError as error:
            await self._desk.refuse(OWNER, TP(record.topic, record.partition), record, str(error))
            await self._publisher.flush(OWNER)
            return
        span = self._tracing.execute(
            intent.kind, intent.target, key=intent.key, topic=self._topics.actions, headers=record.headers,
        )
        with span, self._telemetry.stage("execute"):
            outcome = await self._executor.execute(intent)
            await self._report(outcome, self._decider_of(record), self._tracing.inject())

    def _decider_of(self, record: KafkaRecord) -> int | None:
        """The shard to answer; a header that names one there cannot be is as good as none."""
        shard = shard_of(record.headers)
        return shard if shard is not None and shard < self._shards else None

    async def tidy(self) -> None:
        """Go on for ever: now and then let the ledger forget what no limit asks about any more."""
        while True:
            await asyncio.sleep(TIDY_EVERY_S)
            count = await self._ledger.forget(self._now_s() - REMEMBER_S)
            log.info("ledger_tidied", forgotten=count)

    async def _report(self, outcome: Outcome, shard: int | None, trace: Sequence[Header]) -> None:
        self._telemetry.action(outcome.kind, outcome.status)
        message = outcome_message(outcome, self._source, shard, trace)
        await self._publisher.send(OWNER, self._topics.outcomes, [message])
        await self._audit.answered(OWNER, outcome)
        await self._publisher.flush(OWNER)
