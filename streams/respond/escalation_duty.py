"""What the owner of a partition does for the escalations in it: it writes each change, and then has it notified.

The changed escalation and its entries in the audit, for the change and for each page, are one transaction of the
partition's fenced producer. Guarantee on crash: what was not committed never happened; what was committed and not yet
taken is offered again under the same id. So each step is taken once over restarts, and no page is lost. Guarantee with
two owners: see `request_owner.py`.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from actions.escalation.desk import EscalationDesk
from actions.escalation.engine import EscalationChange
from actions.escalation.paged import page_entries
from actions.escalation.record import Escalation
from config.models import TopicsSection
from streams.contracts.catalogue import ESCALATION
from streams.contracts.envelopes import audit_message, escalation_message, tombstone
from streams.kafka.transactions import ShardProducer
from streams.respond.notifier import Notifier
from streams.trust.authenticity import Authenticity

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.respond")

Mine = Callable[[str, str], bool]
FORGET_EVERY_S = 60.0


class EscalationDuty:
    """Serves the escalations of one partition. mine: whether the escalation of this subject and incident is in it."""

    def __init__(
        self, partition: int, desk: EscalationDesk, notifier: Notifier, topics: TopicsSection, source: str, *,
        mine: Mine, now_s: Callable[[], float], authenticity: Authenticity, on_change: Callable[[str], None],
    ) -> None:
        self._partition = partition
        self._desk = desk
        self._notifier = notifier
        self._topics = topics
        self._source = source
        self._mine = mine
        self._now_s = now_s
        self._authenticity = authenticity
        self._on_change = on_change
        self._looks = desk.looks()
        self._forgot_s = float("-inf")

    async def work(self, producer: ShardProducer) -> None:
        """Do what is due now. Raises `Fenced` and `TransactionFailed`."""
        now_s = self._now_s()
        for change in self._desk.changes(now_s, self._mine, self._looks):
            await self._write(producer, change)
            self._offer(change.escalation)
        pending = self._desk.pending(self._mine)
        for one in pending:
            self._notifier.offer(one)
        taken = self._notifier.taken(pending)
        for change in self._desk.handed_over(taken, self._now_s(), self._mine):
            await self._write(producer, change)
        if now_s - self._forgot_s >= FORGET_EVERY_S:
            self._forgot_s = now_s
            await self._forget(producer, now_s)

    async def _forget(self, producer: ShardProducer, now_s: float) -> None:
        for ended in self._desk.finished(now_s, self._mine):
            message = tombstone(ESCALATION, ended.subject, self._source, now_s, self._partition)
            async with producer.transaction() as transaction:
                await transaction.send(
                    self._topics.response, self._authenticity.signed(self._topics.response, message, "respond"),
                )
            self._desk.forget(ended.incident_id)

    async def _write(self, producer: ShardProducer, change: EscalationChange) -> None:
        one = change.escalation
        pages = page_entries(self._desk.escalations.get(one.incident_id), one)
        async with producer.transaction() as transaction:
            message = escalation_message(one, self._source, self._partition)
            await transaction.send(
                self._topics.response, self._authenticity.signed(self._topics.response, message, "respond"),
            )
            if change.event != "hand_over":
                await transaction.send(self._topics.audit, audit_message(change.entry, self._source, one.incident_id))
            for entry in pages:
                await transaction.send(self._topics.audit, audit_message(entry, self._source, one.incident_id))
        self._desk.record(one)
        self._on_change(change.event)
        if change.event != "hand_over":
            log.info("escalation", incident_id=one.incident_id, change=change.event, state=one.state, reason=one.reason)

    def _offer(self, escalation: Escalation) -> None:
        for one in escalation.pending:
            self._notifier.offer(one)
