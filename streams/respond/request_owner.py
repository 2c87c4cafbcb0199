"""The owner of one partition of the response topic: it alone changes the requests and all else in it.

It writes with the fenced producer of the partition, as the owner of a shard does. The new state of a request, the
outcome for the shard and the entry of the audit are one transaction: readers see all of it or nothing. Guarantee on
crash: what was not committed never happened, and the next owner decides it again from the same records. Guarantee with
two owners: who started later has fenced the former one, whose transaction fails. With a broker that does not fence, a
crash may leave a state without its outcome, and a former owner may write after a new one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import structlog

from actions.approvals.desk import Desk, RequestChange
from actions.reviews.broken_glass import glass_item
from classifiers.model import AuditEntry
from config.models import TopicsSection
from streams.contracts.catalogue import APPROVAL
from streams.contracts.envelopes import Message, approval_message, audit_message, outcome_message, tombstone
from streams.contracts.people.reviews import item_message
from streams.kafka.transactions import ShardProducer
from streams.respond.partition_owner import PartitionOwner
from streams.trust.authenticity import Authenticity

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.respond")

LOOK_EVERY_S = 0.25
"""How often time alone may end a request."""


class Duty(Protocol):
    """What the owner of a partition does beside the requests, with the same fenced producer."""

    async def work(self, producer: ShardProducer) -> None:
        """Do what is due now, and wait for nothing but the broker. Raises `Fenced` and `TransactionFailed`."""


class RequestOwner(PartitionOwner):
    """Changes the requests of one partition until cancelled.

    read_to_end: returns when all that was published before is in the desk. mine: whether the request of this key and
    incident is of this partition. on_change: called with each change that is committed. authenticity: signs what it
    writes. duties: what else is served in the partition.
    """

    def __init__(
        self, partition: int, producer: ShardProducer, desk: Desk, topics: TopicsSection, source: str, *,
        read_to_end: Callable[[], Awaitable[None]], mine: Callable[[str, str], bool], now_s: Callable[[], float],
        shard_count: Callable[[], int], on_change: Callable[[RequestChange], None], authenticity: Authenticity,
        duties: Sequence[Duty] = (),
    ) -> None:
        super().__init__(partition, producer, log)
        self._desk = desk
        self._topics = topics
        self._source = source
        self._read_to_end = read_to_end
        self._mine = mine
        self._now_s = now_s
        self._shard_count = shard_count
        self._on_change = on_change
        self._authenticity = authenticity
        self._duties = duties

    async def _own(self) -> None:
        """Fence the former owner, read what it wrote, then change what is due."""
        await self._producer.start()
        await self._read_to_end()
        self.failure = None
        log.info("owns_requests", partition=self._partition)
        while True:
            self._woken.clear()
            for change in self._desk.changes(self._now_s(), self._mine):
                await self._write(change)
            if entries := self._desk.refused(self._mine):
                await self._audit(entries)
            for request in self._desk.finished(self._now_s()):
                if self._mine(request.key, request.intent.incident_id):
                    await self._forget(request.key, request.subject)
            for duty in self._duties:
                await duty.work(self._producer)
            await self._wait(LOOK_EVERY_S)

    async def _audit(self, entries: list[AuditEntry]) -> None:
        async with self._producer.transaction() as transaction:
            for entry in entries:
                await transaction.send(self._topics.audit, audit_message(entry, self._source, once=True))

    async def _write(self, change: RequestChange) -> None:
        request = change.request
        async with self._producer.transaction() as transaction:
            message = approval_message(request, self._source, self._partition)
            await transaction.send(self._topics.response, self._signed(self._topics.response, message))
            if change.broken_glass is not None:
                item = item_message(glass_item(request, change.broken_glass), self._source, self._partition)
                await transaction.send(self._topics.response, self._signed(self._topics.response, item))
            if change.outcome is not None:
                known = request.shard is not None and request.shard < self._shard_count()
                outcome = outcome_message(change.outcome, self._source, request.shard if known else None)
                await transaction.send(self._topics.outcomes, self._signed(self._topics.outcomes, outcome))
            entry = audit_message(change.entry, self._source, request.intent.incident_id)
            await transaction.send(self._topics.audit, entry)
        self._desk.record(request)
        self._on_change(change)
        log.info(
            "request", incident_id=request.intent.incident_id, key=request.key, state=request.state,
            target=request.intent.target, reason=request.reason,
        )

    def _signed(self, topic: str, message: Message) -> Message:
        return self._authenticity.signed(topic, message, "respond")

    async def _forget(self, key: str, subject: str) -> None:
        async with self._producer.transaction() as transaction:
            message = tombstone(APPROVAL, subject, self._source, self._now_s(), self._partition)
            await transaction.send(self._topics.response, self._signed(self._topics.response, message))
        self._desk.forget(key)
