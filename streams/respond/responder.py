"""The role `respond` of a process: it owns what waits for people, and reads what that needs.

It joins a group of its own. Nothing of it waits for the shards or the executor, and they do not wait for it.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import structlog
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]
from aiokafka.partitioner import DefaultPartitioner  # type: ignore[import-untyped]

from actions.approvals.desk import Desk, RequestChange
from actions.escalation.desk import EscalationDesk
from actions.outbox.pages import EscalationPages
from actions.outbox.releases import Releases
from actions.playbooks.identity import digest
from actions.reviews.desk import ReviewDesk
from actions.trust.approvals import ApprovalCheck
from config.audiences.build import audience_texts_of
from config.models import Config
from config.oncall.build import channel_contacts_of, rules_of
from config.trust.build import directory_of
from streams.audit.checkpoint_writer import CheckpointWriter
from streams.cluster.fencing import can_fence
from streams.cluster.topics import BrokerUnavailable
from streams.contracts.envelopes import source_of
from streams.kafka.broadcast_consumer import BroadcastConsumer
from streams.kafka.settings import KafkaSettings
from streams.kafka.transactions import FencedProducer, PlainProducer, ShardProducer
from streams.respond.escalation_duty import EscalationDuty
from streams.respond.http.control_log import ControlLog
from streams.respond.http.readings import Known
from streams.respond.http.server import HttpServer
from streams.respond.membership import GroupMembership
from streams.respond.notifier import ActionNotifier
from streams.respond.notify.break_glass_notice import BreakGlassNotice
from streams.respond.notify.notifier import Notifier
from streams.respond.notify.owner import LogSettings
from streams.respond.notify.pages import ChannelNotifier
from streams.respond.notify.slack_clicks import SlackClicks
from streams.respond.page.page import Page
from streams.respond.partition_owner import PartitionOwners
from streams.respond.read_news import ReadLag, ReadNews
from streams.respond.request_owner import RequestOwner
from streams.respond.review_duty import ReviewDuty
from streams.respond.topic_reader import INCIDENTS_BACK_S, TopicReader
from streams.respond.vendors.vendors import ServiceNowPolls
from streams.telemetry.respond_metrics import RespondMetrics
from streams.trust.setup import authenticity_of

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.respond")

RETRY_S = 1.0
OBSERVE_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class ResponderClocks:
    """now_s: the clock of decisions, since the epoch. wall_s: the wall clock. mono_s: monotonic."""

    now_s: Callable[[], float]
    wall_s: Callable[[], float]
    mono_s: Callable[[], float]


class Responder:
    """Owns its part of the requests while it runs. shard_count: of the installation. partitions: of a topic.
    file: of the configuration, None for the shipped default."""

    def __init__(
        self, config: Config, settings: KafkaSettings, clocks: ResponderClocks, shard_count: Callable[[], int],
        partitions: Callable[[str], int], file: Path | None = None,
    ) -> None:
        self.config = config
        self.source = source_of(config.kafka.group)
        authenticity = authenticity_of(config, self.source)
        directory = directory_of(config.people, config.owners_of, config.respond.vendor_roles)
        self.check = ApprovalCheck(directory, authenticity.ring, self.source)
        self.desk = Desk(self.check)
        rules = rules_of(config, directory, lambda: self.escalations.overrides, self.now_s)
        self.escalations = EscalationDesk(rules, self.desk.waiting)
        self.reviews = ReviewDesk(config.review.rule())
        self._action_notifier = ActionNotifier(config, self.now_s, self._service_of, self._wake)
        self._settings = settings
        self._clocks = clocks
        self._shard_count = shard_count
        self._partitions = partitions
        self._last_s = float("-inf")
        self._owners = PartitionOwners[RequestOwner]()
        self._listeners: list[Callable[[RequestChange], None]] = []
        self._fences = False
        self._failure: str | None = "it has not started"
        self.group = f"{config.kafka.group}-respond"
        self.metrics = RespondMetrics(config.channels)
        self._reader = TopicReader(
            config, self.desk, self.check, authenticity, self._wake, self.now_s, self.metrics.ignored, self.escalations,
            self.reviews,
        )
        topics = config.topics
        self._broadcast = BroadcastConsumer(
            settings.brokers, self._reader.back_s, self._reader.process, now_s=clocks.wall_s, mono_s=clocks.mono_s,
            lag=ReadLag(self.desk, self.escalations, self.now_s).note, security=settings.security,
        )
        self.on_change(lambda change: self.metrics.changed(change.request.state))
        self.on_change(lambda change: self.escalations.note(change.request.intent.incident_id))
        self.page = page = Page(
            config, settings, authenticity, lambda: self.escalations.overrides, self.complaints, self.now_s,
            clocks.wall_s, clocks.mono_s, file,
        )
        self.reconfigure(config)
        releases = Releases(directory)
        known = Known(
            self.desk, self._reader.in_force, releases, self.escalations.fault, page.on_call, self.reviews.records,
            page.state.silences,
        )
        self.http = HttpServer(
            config, settings, known, directory, authenticity.signer, self.metrics, self.complaints, page,
            clocks.now_s,
        )
        self._authenticity = authenticity
        settings_of_log = LogSettings(
            topics, self.source, authenticity, self._broadcast.caught_up_again, self.now_s,
        )
        control = ControlLog(self._client(), topics, self.source, authenticity.signer, clocks.now_s)
        clicks = SlackClicks(
            self.desk, directory, control, clocks.now_s, releases, config.control.remember_s,
        )
        contacts = channel_contacts_of(config)
        pages = EscalationPages(
            self.escalations, contacts, self.source, audience_texts_of(config.audiences, self.source),
        )
        self.notifier = Notifier(
            config, settings_of_log, self._place, lambda number: self._producer(number, "notifications"),
            self.metrics.notify, clocks.wall_s() - INCIDENTS_BACK_S, clocks.mono_s, (clicks, control), pages, releases,
        )
        self.desk.notified = BreakGlassNotice(
            self.notifier, contacts, lambda service: directory.with_role("commander", service), self.desk.incident,
            self.source,
        )
        self._servicenow = ServiceNowPolls(
            config, self.desk, directory,
            ControlLog(self._client(), topics, self.source, authenticity.signer, clocks.now_s),
            lambda incident_id: self._place(incident_id) in self.owned,
            lambda message, channel: self.notifier.tell(message, channel, urgent=False), clocks.now_s, clocks.mono_s,
        )
        self._escalation_notifier = ChannelNotifier(
            pages, self.notifier.outbox, self._action_notifier, self.notifier.wake,
        )
        self.escalations.on_change = self.notifier.outbox.note
        ReadNews(self.escalations, self.http.events, self.notifier).follow(self._reader)
        self._membership = GroupMembership(settings, self.group, topics.response, self._assigned, self._revoked)

    def reconfigure(self, config: Config) -> None:
        """Release requests of these playbooks from now on, and show these runbooks and maintenance windows."""
        self.desk.digests = {book.name: digest(book) for book in config.playbooks}
        self.page.reconfigure(config)

    async def run(self) -> None:
        """Respond until cancelled, however often the broker fails."""
        while True:
            try:
                await self._run()
            except* (BrokerUnavailable, KafkaError) as errors:
                self._failure = repr(errors.exceptions[0])
                log.warning("responder_failed", reason=self._failure)
            await asyncio.sleep(RETRY_S)

    async def _run(self) -> None:
        probe = f"{self.group}/fencing-probe/{uuid.uuid4().hex}"
        self._fences = await can_fence(self._settings.brokers, self._settings.security, probe)
        if not self._fences:
            log.warning("broker_does_not_fence", effect="after a take-over a former owner of requests may still write")
        self._failure = None
        async with asyncio.TaskGroup() as group:
            group.create_task(self._broadcast.run())
            group.create_task(self._membership.run())
            group.create_task(self._observe())
            group.create_task(self.http.run())
            group.create_task(self._action_notifier.run())
            group.create_task(self.notifier.run())
            group.create_task(self._servicenow.run())
            if self._authenticity.may_cover_audit:
                group.create_task(self._checkpoint_writer().run())

    async def _observe(self) -> None:
        while True:
            self.metrics.observe((each.state for each in self.desk.requests.values()), len(self.owned))
            self.metrics.observe_escalations(self.escalations.escalations.values())
            await asyncio.sleep(OBSERVE_EVERY_S)

    def on_change(self, listener: Callable[[RequestChange], None]) -> None:
        """Call this with every change that this process commits."""
        self._listeners.append(listener)

    @property
    def owned(self) -> frozenset[int]:
        """The partitions that the group has given to this process."""
        return self._owners.partitions

    def complaints(self) -> tuple[str, ...]:
        """Why requests are not served; empty while they are."""
        own = [f"requests of partition {number}: {reason}" for number, reason in self._owners.failures()]
        if self._failure is not None:
            return (f"respond: {self._failure}",)
        joined = () if self._membership.failure is None else (f"{self.group}: {self._membership.failure}",)
        http = () if self.http.failure is None else (self.http.failure,)
        return (*self._broadcast.complaints(), *joined, *own, *self.notifier.complaints(), *http)

    def now_s(self) -> float:
        """The clock of deadlines, which never runs back."""
        self._last_s = max(self._last_s, self._clocks.now_s())
        return self._last_s

    def partition_of(self, key: str, incident_id: str) -> int:
        """The partition of a request: where it stands, else that of its incident."""
        stands = self._reader.partition_of(key)
        return self._place(incident_id) if stands is None else stands

    def _place(self, incident_id: str) -> int:
        return _partition_of(incident_id, self._shard_count())

    def _service_of(self, incident_id: str) -> str:
        incident = self.desk.incident(incident_id)
        return incident_id if incident is None else incident.service

    def _client(self) -> dict[str, Any]:
        """Keyword arguments of a Kafka client."""
        return {"bootstrap_servers": self._settings.brokers.split(","), **self._settings.security.options()}

    def _checkpoint_writer(self) -> CheckpointWriter:
        """Whoever owns partition k of the requests covers partition k of the audit, and what the audit has beyond."""
        topics = self.config.topics

        def owned() -> set[int]:
            count = self._shard_count()
            return {number for number in range(self._partitions(topics.audit)) if number % count in self.owned}

        return CheckpointWriter(
            self._client(), topics.audit, topics.checkpoints, self._authenticity, owned, self._clocks.wall_s,
            self._clocks.mono_s, self.metrics.audit_covered,
        )

    async def _assigned(self, partitions: Collection[int]) -> None:
        for number in partitions:
            owner = RequestOwner(
                number, self._producer(number, "requests"), self.desk, self.config.topics, self.source,
                read_to_end=self._broadcast.caught_up_again, mine=self._mine(number), now_s=self.now_s,
                shard_count=self._shard_count, on_change=self._tell, authenticity=self._authenticity,
                duties=[self._escalation_duty(number), self._review_duty(number)],
            )
            self._owners.start(number, owner)
        await self.notifier.assigned(partitions)

    def _escalation_duty(self, number: int) -> EscalationDuty:
        return EscalationDuty(
            number, self.escalations, self._escalation_notifier, self.config.topics, self.source,
            mine=self._mine(number), now_s=self.now_s, authenticity=self._authenticity,
            on_change=self.metrics.escalated,
        )

    def _review_duty(self, number: int) -> ReviewDuty:
        return ReviewDuty(
            number, self.reviews, self.config.topics, self.source, mine=self._mine(number), now_s=self.now_s,
            authenticity=self._authenticity,
        )

    async def _revoked(self, partitions: Collection[int]) -> None:
        await self._owners.stop(partitions)
        await self.notifier.revoked(partitions)

    def _mine(self, number: int) -> Callable[[str, str], bool]:
        return lambda key, incident_id: self.partition_of(key, incident_id) == number

    def _producer(self, number: int, of: str) -> ShardProducer:
        if not self._fences:
            return PlainProducer(self._client())
        return FencedProducer(self._client(), f"{self.group}/{number}/{of}")

    def _tell(self, change: RequestChange) -> None:
        for listener in self._listeners:
            listener(change)

    def _wake(self) -> None:
        self._owners.wake()
        self.notifier.wake()


@lru_cache(maxsize=65_536)
def _partition_of(incident_id: str, count: int) -> int:
    """The partition that the producer of the incidents chooses."""
    partitions = list(range(count))
    return int(DefaultPartitioner()(incident_id.encode(), partitions, partitions))
