"""The owner of the notifications in one partition of the response topic: it alone changes them.

It writes with a fenced producer of its own, beside that of the requests for approval, so that neither waits for the
other. A notification is in the log as `sending` before it is sent. Guarantee on crash: what was being sent is sent
again under the same key, and what was committed is told once. Guarantee with two owners: as for requests
(`request_owner.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import structlog

from actions.channels.machine import ENDED
from actions.channels.notification import Notification, claimed
from actions.outbox.outbox import Outbox
from classifiers.model import AuditEntry
from config.models import TopicsSection
from streams.contracts.catalogue import NOTIFICATION
from streams.contracts.envelopes import audit_message, notification_message, tombstone
from streams.kafka.transactions import ShardProducer
from streams.respond.notify.senders import Senders
from streams.respond.partition_owner import PartitionOwner
from streams.telemetry.notify_metrics import NotifyMetrics
from streams.trust.authenticity import Authenticity

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.notify")

LOOK_EVERY_S = 0.1
"""How often time alone may change a notification, or free a channel."""
FORGET_EVERY_S = 60.0
MAX_AT_ONCE = 500
"""Notifications that are written in one transaction."""


class NotificationOwner(PartitionOwner):
    """Owns the notifications of one partition until cancelled. read_to_end: returns when all that was published before
    is in the outbox.
    """

    def __init__(
        self, partition: int, producer: ShardProducer, outbox: Outbox, senders: Senders, metrics: NotifyMetrics,
        log_settings: LogSettings,
    ) -> None:
        super().__init__(partition, producer, log)
        self._outbox = outbox
        self._senders = senders
        self._metrics = metrics
        self._settings = log_settings
        self._in_flight: dict[str, asyncio.Task[None]] = {}
        self._answers: list[Notification] = []
        self._forgot_s = float("-inf")

    async def _own(self) -> None:
        """Fence the former owner, read what it wrote, then tell what is due."""
        await self._producer.start()
        await self._settings.read_to_end()
        self.failure = None
        log.info("owns_notifications", partition=self._partition)
        while True:
            self._woken.clear()
            now_s = self._settings.now_s()
            answers, self._answers = self._answers, []
            changes = self._outbox.changes(now_s, self._partition, self._in_flight)
            for start in range(0, len(answers) + len(changes), MAX_AT_ONCE):
                await self._write([*answers, *changes][start:start + MAX_AT_ONCE])
            await self._audit_refused()
            await self._claim(now_s)
            if now_s - self._forgot_s >= FORGET_EVERY_S:
                self._forgot_s = now_s
                await self._forget(self._outbox.finished(now_s, self._partition))
            await self._wait(LOOK_EVERY_S)

    async def _claim(self, now_s: float) -> None:
        """Send the next message of each channel that is free."""
        claims: list[Notification] = []
        for channel in self._outbox.routes:
            if self._senders.reserve(channel):
                one = self._outbox.next_for(channel, now_s, self._partition)
                if one is None:
                    self._senders.release(channel)
                else:
                    claims.append(claimed(one, now_s))
        if not claims:
            return
        try:
            await self._write(claims)
        except BaseException:
            for one in claims:
                self._senders.release(one.channel)
            raise
        for one in claims:
            self._in_flight[one.id] = self._senders.send(one, self._outbox.to_send(one), self._answered)

    def _answered(self, one: Notification) -> None:
        self._answers.append(one)
        self.wake()

    async def _write(self, changes: Iterable[Notification]) -> None:
        """The changes and their entries in the audit, in one transaction."""
        changes = list(changes)
        topics, source = self._settings.topics, self._settings.source
        async with self._producer.transaction() as transaction:
            for one in changes:
                message = notification_message(one, source, self._partition)
                signed = self._settings.authenticity.signed(topics.response, message, "respond")
                await transaction.send(topics.response, signed)
                if one.state in ENDED or self._concerns_people(one):
                    entry = audit_message(self._entry(one), source, one.message.incident_id)
                    await transaction.send(topics.audit, entry)
        for one in changes:
            if one.state != "sending":
                self._in_flight.pop(one.id, None)
            self._outbox.record(one, self._partition)
            self._metrics.changed(one)
            log.info(
                "notification", id=one.id, channel=one.channel, about=one.message.event, state=one.state,
                incident_id=one.message.incident_id, reason=one.reason,
            )

    def _concerns_people(self, one: Notification) -> bool:
        """Whether a person is asked to release it, or has."""
        known = self._outbox.notifications.get(one.id)
        return one.state == "draft" or (known is not None and known.state == "draft")

    def _entry(self, one: Notification) -> AuditEntry:
        known = self._outbox.notifications.get(one.id)
        before = None if known is None else known.state
        event = "released" if (before, one.state) == ("draft", "queued") else one.state
        actor = one.draft.decided_by if one.draft is not None and before == "draft" else None
        to = "" if one.message.recipient is None else f" to {one.message.recipient}"
        reason = f"{one.channel}: {one.message.event}{to}: {one.reason}"
        return AuditEntry(one.changed_at_s, one.subject, event, before, one.state, reason, actor)

    async def _audit_refused(self) -> None:
        """Decisions of people about texts that do not count, each once."""
        entries = self._outbox.releases.refused(lambda name: self._outbox.partition_of(name) == self._partition)
        if entries:
            async with self._producer.transaction() as transaction:
                for entry in entries:
                    message = audit_message(entry, self._settings.source, once=True)
                    await transaction.send(self._settings.topics.audit, message)

    async def _forget(self, finished: list[Notification]) -> None:
        if not finished:
            return
        settings = self._settings
        async with self._producer.transaction() as transaction:
            for one in finished[:MAX_AT_ONCE]:
                message = tombstone(NOTIFICATION, one.subject, settings.source, settings.now_s(), self._partition)
                signed = settings.authenticity.signed(settings.topics.response, message, "respond")
                await transaction.send(settings.topics.response, signed)
        for one in finished[:MAX_AT_ONCE]:
            self._outbox.forget(one.id)

    async def _interrupt(self) -> None:
        """Stop sending."""
        tasks, self._in_flight = list(self._in_flight.values()), {}
        self._answers.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class LogSettings:
    """What all owners of a process write to and read from. now_s: the clock of deadlines."""

    def __init__(
        self, topics: TopicsSection, source: str, authenticity: Authenticity,
        read_to_end: Callable[[], Awaitable[None]], now_s: Callable[[], float],
    ) -> None:
        self.topics = topics
        self.source = source
        self.authenticity = authenticity
        self.read_to_end = read_to_end
        self.now_s = now_s
