"""The Kafka client of the batched transport, in the thread that answers the group while the application computes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

import aiokafka  # type: ignore[import-untyped]
from aiokafka.errors import (  # type: ignore[import-untyped]
    AuthenticationFailedError,
    CommitFailedError,
    GroupAuthorizationFailedError,
    IllegalStateError,
    InconsistentGroupProtocolError,
    InvalidGroupIdError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
)
from aiokafka.structs import OffsetAndMetadata, TopicPartition  # type: ignore[import-untyped]
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Transport
from faust.types import TP
from mode import Service

from streams.kafka.assignor import ShardAssignor

if TYPE_CHECKING:
    from streams.kafka.transport import BatchedApp

log = logging.getLogger(__name__)

WATCH_S = 0.5
FORGIVE_S = 10.0
"""Group errors further apart than this are not one trouble that lasts."""

HOPELESS = (
    AuthenticationFailedError, GroupAuthorizationFailedError, InconsistentGroupProtocolError, InvalidGroupIdError,
    SaslAuthenticationFailed, TopicAuthorizationFailedError,
)
CLIENT_STOP_SHARE = 0.2
"""Part of the stop's time that the Kafka client gets before its tasks are cancelled."""


class BatchConsumerThread(AIOKafkaConsumerThread):
    """The Kafka client in its thread. Refused commits are survived, group errors are not slept over, stops end."""

    app: BatchedApp

    def _create_worker_consumer(self, transport: Transport) -> aiokafka.AIOKafkaConsumer:  # noqa: ARG002
        settings = self.app.settings
        return aiokafka.AIOKafkaConsumer(
            bootstrap_servers=settings.brokers.split(","),
            client_id=settings.client,
            group_id=settings.group,
            group_instance_id=settings.instance,
            partition_assignment_strategy=[ShardAssignor],
            enable_auto_commit=False,
            auto_offset_reset="earliest",  # also for offsets that retention overtook; `from_start` is obeyed below
            max_partition_fetch_bytes=settings.fetch_max_bytes,
            fetch_max_wait_ms=settings.fetch_wait_ms,
            fetch_min_bytes=settings.fetch_min_bytes,
            session_timeout_ms=int(settings.session_timeout_s * 1000),
            heartbeat_interval_ms=int(settings.heartbeat_s * 1000),
            rebalance_timeout_ms=int(settings.rebalance_timeout_s * 1000),
            **settings.security.options(),
        )

    def lost_membership(self) -> bool:
        """The group removed this member: its partitions may have new owners, who must not be overwritten."""
        return self._consumer is None or self._consumer._coordinator.generation < 0

    async def committed_or_reset(self, tp: TP) -> int:
        """The committed offset, or without one the log's start or end, as the settings say."""
        return cast(int, await self.call_thread(self._committed_or_reset, TopicPartition(*tp)))

    async def _committed_or_reset(self, tp: TopicPartition) -> int:
        consumer = self._ensure_consumer()
        committed = await consumer.committed(tp)
        if committed is not None:
            return cast(int, committed)
        bounds = consumer.beginning_offsets if self.app.settings.from_start else consumer.end_offsets
        return cast(int, (await bounds([tp]))[tp])

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        mine = {TopicPartition(*tp): OffsetAndMetadata(o, "") for tp, o in offsets.items() if tp in self.assignment()}
        if not mine:
            return False
        try:
            await self._ensure_consumer().commit(mine)
        except (CommitFailedError, IllegalStateError) as error:
            reason = type(error.__cause__ or error).__name__
            log.warning("commit refused (%s): its records are read again by whoever owns the partitions now", reason)
            return False
        now = time.monotonic()
        self.tp_last_committed_at.update(dict.fromkeys(offsets, now))
        return True

    @Service.task
    async def _watch_coordination(self) -> None:
        # aiokafka parks an error of the group until somebody polls through its front door. Faust polls through the
        # back, so without this a lost coordinator or a missing permission would look like an idle topic.
        # A parked error, once seen, lets the client try again: most pass, so only those that last or cannot pass crash.
        first_s = last_s = float("-inf")
        async for _ in self.itertimer(WATCH_S, name="watch-coordination"):
            if self._consumer is None or self._consumer._closed:
                continue
            coordinator, now_s = self._consumer._coordinator, time.monotonic()
            try:
                coordinator.check_errors()
            except KafkaError as error:
                first_s, last_s = (now_s if now_s - last_s > FORGIVE_S else first_s), now_s
                given_up = now_s - first_s > self.app.settings.rebalance_timeout_s
                if given_up or isinstance(error, HOPELESS) or coordinator._coordination_task.done():
                    raise
                log.warning("the group answered %r; trying again", error)

    async def on_thread_stop(self) -> None:
        """Stop the client, but do not wait for a group that waits for a dead member."""
        try:
            await asyncio.wait_for(super().on_thread_stop(), self.app.settings.stop_timeout_s * CLIENT_STOP_SHARE)
        except TimeoutError:
            log.warning("the group did not let go in time; leaving it without a goodbye")
            if self._consumer is not None:
                for ending in (self._consumer._fetcher.close(), self._consumer._client.close()):
                    with contextlib.suppress(Exception):
                        await asyncio.wait_for(ending, 1.0)

    def close(self) -> None:
        """Faust closes the client from a foreign loop when a rebalance meets a stop; `on_thread_stop` does it all."""
