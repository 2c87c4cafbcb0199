"""What the owner of a partition does for the reviews in it: it applies what people record, drafts, and forgets.

The review, its items and the entry in the audit are one transaction of the partition's fenced producer. Guarantee on
crash: what was not committed never happened, and is applied again from the same control record. Guarantee on
duplicate: a control record that is not newer than what stands changes nothing, and an incident that has a review gets
no draft. With two owners: see `request_owner.py`.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from actions.reviews.desk import Mine, ReviewChange, ReviewDesk
from actions.reviews.record import ActionItem, Review
from config.models import TopicsSection
from streams.contracts.catalogue import ITEM, REVIEW
from streams.contracts.envelopes import Message, audit_message, tombstone
from streams.contracts.people.reviews import item_message, review_message
from streams.kafka.transactions import ShardProducer
from streams.trust.authenticity import Authenticity

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.respond")

FORGET_EVERY_S = 3600.0


class ReviewDuty:
    """Serves the reviews of one partition. mine: whether the record of this subject and incident is in it."""

    def __init__(
        self, partition: int, desk: ReviewDesk, topics: TopicsSection, source: str, *, mine: Mine,
        now_s: Callable[[], float], authenticity: Authenticity,
    ) -> None:
        self._partition = partition
        self._desk = desk
        self._topics = topics
        self._source = source
        self._mine = mine
        self._now_s = now_s
        self._authenticity = authenticity
        self._forgot_s = float("-inf")

    async def work(self, producer: ShardProducer) -> None:
        """Do what is due now. Raises `Fenced` and `TransactionFailed`."""
        while (change := self._desk.next_change(self._mine)) is not None:
            await self._write(producer, change)
        now_s = self._now_s()
        for change in self._desk.drafts(now_s, self._mine):
            await self._write(producer, change)
        if now_s - self._forgot_s >= FORGET_EVERY_S:
            self._forgot_s = now_s
            for review, items in list(self._desk.finished(now_s, self._mine)):
                await self._forget(producer, review, items, now_s)

    async def _write(self, producer: ShardProducer, change: ReviewChange) -> None:
        written = [item_message(one, self._source, self._partition) for one in change.items]
        if change.review is not None:
            written.append(review_message(change.review, self._source, self._partition))
        async with producer.transaction() as transaction:
            for message in written:
                await transaction.send(self._topics.response, self._signed(message))
            await transaction.send(
                self._topics.audit, audit_message(change.entry, self._source, change.entry.subject),
            )
        self._desk.record(change)
        log.info("review", incident_id=change.entry.subject, change=change.entry.event, state=change.entry.after)

    async def _forget(
        self, producer: ShardProducer, review: Review, items: list[ActionItem], now_s: float,
    ) -> None:
        gone = [tombstone(ITEM, one.subject, self._source, now_s, self._partition) for one in items]
        gone.append(tombstone(REVIEW, review.subject, self._source, now_s, self._partition))
        async with producer.transaction() as transaction:
            for message in gone:
                await transaction.send(self._topics.response, self._signed(message))
        for one in items:
            self._desk.records.forget_item(one.id)
        self._desk.records.forget_review(review.incident_id)

    def _signed(self, message: Message) -> Message:
        return self._authenticity.signed(self._topics.response, message, "respond")
