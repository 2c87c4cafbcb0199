"""The membership of this process in the group that shares the partitions of the response topic.

Which partitions a process has only says who is to start the producers of them; that start fences whoever had them
before (`request_owner.py`). Guarantee on failure: it joins again, for as long as it takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]
from typing_extensions import override

from streams.kafka.bounded_stop import stop_within
from streams.kafka.settings import KafkaSettings

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.respond")

POLL_MS = 500
RETRY_S = 1.0
STOP_S = 5.0
START_TIMEOUT_S = 15.0

OnPartitions = Callable[[Collection[int]], Awaitable[None]]


class GroupMembership:
    """Joins `group` for `topic`. assigned, revoked: called with partition numbers, one call at a time."""

    def __init__(
        self, settings: KafkaSettings, group: str, topic: str, assigned: OnPartitions, revoked: OnPartitions,
    ) -> None:
        self._settings = settings
        self._group = group
        self._topic = topic
        self._assigned = assigned
        self._revoked = revoked
        self.failure: str | None = "it has not joined its group"

    async def run(self) -> None:
        """Be a member until cancelled; then leave, after `revoked` was called."""
        while True:
            client = self._client()
            listener = _Listener(self)
            try:
                client.subscribe([self._topic], listener=listener)
                async with asyncio.timeout(START_TIMEOUT_S):
                    await client.start()
                await self._poll(client)
            except (KafkaError, OSError, TimeoutError) as error:
                self.failure = repr(error)
                log.warning("group_left", group=self._group, reason=self.failure)
            finally:
                await self._revoked(listener.owned)
                await stop_within(client.stop(), STOP_S)
            await asyncio.sleep(RETRY_S)

    def _client(self) -> AIOKafkaConsumer:
        settings = self._settings
        return AIOKafkaConsumer(
            bootstrap_servers=settings.brokers.split(","), group_id=self._group, enable_auto_commit=False,
            group_instance_id=settings.instance, client_id=settings.client,
            session_timeout_ms=int(settings.session_timeout_s * 1000),
            heartbeat_interval_ms=int(settings.heartbeat_s * 1000),
            rebalance_timeout_ms=int(settings.rebalance_timeout_s * 1000),
            metadata_max_age_ms=int(settings.metadata_max_age_s * 1000), **settings.security.options(),
        )

    async def _poll(self, client: AIOKafkaConsumer) -> None:
        """Stay a member. Records are read by the broadcast consumer, so nothing is fetched here."""
        while True:
            client.pause(*client.assignment())
            await client.getmany(timeout_ms=POLL_MS)

    async def take(self, listener: _Listener, tps: Collection[TopicPartition]) -> None:
        """The group has given these partitions to this process."""
        self.failure = None
        listener.owned = frozenset(tp.partition for tp in tps)
        await self._assigned(listener.owned)

    async def give(self, listener: _Listener) -> None:
        """The group takes all partitions back."""
        owned, listener.owned = listener.owned, frozenset()
        await self._revoked(owned)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Hands the calls of the client on. owned: the partitions that this process has."""

    def __init__(self, membership: GroupMembership) -> None:
        self._membership = membership
        self.owned: frozenset[int] = frozenset()

    @override
    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        await self._membership.give(self)

    @override
    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        await self._membership.take(self, assigned)
