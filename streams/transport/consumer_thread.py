"""The Kafka client of the batched transport. Its own thread keeps up the heartbeats while the application computes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Mapping
from typing import Any, cast

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
from typing_extensions import override

from streams.cluster.group_description import describe_group
from streams.cluster.group_members import raise_if_evicted
from streams.kafka.bounded_stop import stop_within
from streams.kafka.observed_client import observe
from streams.kafka.retry import start_when_reachable
from streams.transport.assignor import assignor_of, change_metadata
from streams.transport.batched_app import BatchedApp
from streams.transport.batches import Continuity, Drain
from streams.transport.client_changes import ignore_unsubscribed, join, leave_parsed
from streams.transport.unassigned import Unassigned

log = logging.getLogger(__name__)

CHECK_EVERY_S = 0.5
DESCRIBE_TIMEOUT_S = 5.0
SAME_FAILURE_S = 10.0
"""Group errors further apart than this are counted as separate failures."""

FATAL = (
    AuthenticationFailedError, GroupAuthorizationFailedError, InconsistentGroupProtocolError, InvalidGroupIdError,
    SaslAuthenticationFailed, TopicAuthorizationFailedError,
)
CLIENT_STOP_SHARE = 0.2
"""Share of `stop_timeout_s` that the Kafka client gets before its tasks are cancelled."""


class BatchConsumerThread(AIOKafkaConsumerThread):
    """The Kafka client in its thread. A refused commit is no error, a lasting group error is one, a stop is bounded."""

    app: BatchedApp

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._continuity = Continuity()
        self._member_assignor = assignor_of(self.app.settings.client)

    @override
    def _create_worker_consumer(self, transport: Transport) -> aiokafka.AIOKafkaConsumer:
        settings = self.app.settings
        consumer = aiokafka.AIOKafkaConsumer(
            bootstrap_servers=settings.brokers.split(","),
            client_id=settings.client,
            group_id=settings.group,
            group_instance_id=settings.instance,
            partition_assignment_strategy=[self._member_assignor],
            enable_auto_commit=False,
            isolation_level="read_committed",
            # For offsets that retention deleted. Where no offset is committed `BatchConsumer` decides.
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=settings.fetch_max_bytes,
            metadata_max_age_ms=int(settings.metadata_max_age_s * 1000),
            fetch_max_wait_ms=settings.fetch_wait_ms,
            fetch_min_bytes=settings.fetch_min_bytes,
            session_timeout_ms=int(settings.session_timeout_s * 1000),
            heartbeat_interval_ms=int(settings.heartbeat_s * 1000),
            rebalance_timeout_ms=int(settings.rebalance_timeout_s * 1000),
            **settings.security.options(),
        )
        observe(consumer._client, self.app.sight)
        ignore_unsubscribed(consumer)
        start_when_reachable(consumer, "start the consumer")
        return consumer

    def rejoin(self) -> None:
        """Ask the coordinator, in its thread, to join the group again."""
        if self._consumer is not None:
            self.thread_loop.call_soon_threadsafe(self._consumer._coordinator.request_rejoin)

    def lost_membership(self) -> bool:
        """Whether the group removed this member. Then its partitions may have new owners."""
        return self._consumer is None or self._consumer._coordinator.generation < 0

    async def committed_offsets(self, tps: Collection[TP]) -> dict[TP, int]:
        """The committed offset of each partition that has one."""
        return {TP(*tp): offset for tp, offset in (await self.call_thread(self._committed_offsets, tps)).items()}

    async def _committed_offsets(self, tps: Collection[TP]) -> dict[TopicPartition, int]:
        coordinator = self._ensure_consumer()._coordinator
        found = await coordinator.fetch_committed_offsets([TopicPartition(*tp) for tp in tps])
        return {tp: committed.offset for tp, committed in found.items() if committed.offset >= 0}

    async def bounds(self, tps: Collection[TP]) -> dict[TP, tuple[int, int]]:
        """The first offset of each partition, and the one after its last."""
        return {TP(*tp): found for tp, found in (await self.call_thread(self._bounds, tps)).items()}

    async def _bounds(self, tps: Collection[TP]) -> dict[TopicPartition, tuple[int, int]]:
        wanted = [TopicPartition(*tp) for tp in tps]
        consumer = self._ensure_consumer()
        begins, ends = await consumer.beginning_offsets(wanted), await consumer.end_offsets(wanted)
        return {tp: (begins[tp], ends[tp]) for tp in wanted}

    async def beginnings(self, tps: Collection[TP]) -> dict[TP, int]:
        """The first offset that retention has left in each partition. Raises KafkaError."""
        return {TP(*tp): offset for tp, offset in (await self.call_thread(self._beginnings, tps)).items()}

    async def _beginnings(self, tps: Collection[TP]) -> Mapping[TopicPartition, int]:
        found = await self._ensure_consumer().beginning_offsets([TopicPartition(*tp) for tp in tps])
        return cast(Mapping[TopicPartition, int], found)

    @override
    async def _fetch_records(
        self, consumer: aiokafka.AIOKafkaConsumer, active_partitions: set[TP], timeout: float | None = None,
        max_records: int | None = None,
    ) -> dict[TP, Any]:
        """Each record list of a batched partition as a `Drain`, which says from where the client read it.

        Without a timeout the stock function does not suspend, so the positions before and after it belong to it.
        """
        end_s = time.monotonic() + (timeout or 0.0)
        while self.consumer.flow_active:
            assignment = _assignment(consumer)
            before = _positions(assignment)
            leave_parsed(consumer, self.app.settings.batched)
            polled = await super()._fetch_records(consumer, active_partitions, 0, max_records)
            if assignment is not _assignment(consumer):  # it waited for the end of a rebalance
                self._continuity.clear()
                before = {}
            starts = self._note_drain(before, _positions(_assignment(consumer)), polled)
            if polled:
                batched = self.app.settings.batched
                return {
                    tp: Drain(join(records), starts.get(tp)) if tp.topic in batched else records
                    for tp, records in polled.items()
                }
            left_s = end_s - time.monotonic()
            if left_s <= 0.0 or not await _fetched(consumer, left_s):
                break
        return {}

    def _note_drain(
        self, before: Mapping[TopicPartition, int], after: Mapping[TopicPartition, int], polled: Mapping[TP, Any]
    ) -> dict[TP, int]:
        """Write down the client's positions; returns the start of each drain where it is known."""
        starts = {}
        for topic_partition, position in after.items():
            tp = TP(*topic_partition)
            next_offset = polled[tp][-1].offset + 1 if tp in polled else None
            self.app.sight.drained(tp, position, next_offset)
            if topic_partition in before:
                starts[tp] = self._continuity.start(tp, before[topic_partition], position, next_offset)
        return starts

    @override
    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        own = {TopicPartition(*tp): OffsetAndMetadata(o, "") for tp, o in offsets.items() if tp in self.assignment()}
        if not own:
            return False
        try:
            await self._ensure_consumer().commit(own)
        except (CommitFailedError, IllegalStateError) as error:
            reason = type(error.__cause__ or error).__name__
            log.warning("commit refused (%s): the present owners of the partitions read its records again", reason)
            return False
        now = time.monotonic()
        self.tp_last_committed_at.update(dict.fromkeys(offsets, now))
        return True

    @Service.task
    async def _watch_coordination(self) -> None:
        # aiokafka keeps an error of the group until `getmany` raises it. Faust reads from the fetcher instead, so
        # without this task a lost coordinator or a missing permission would look like an idle topic. `check_errors`
        # clears the error and the client tries again. Most errors pass, so only a lasting or fatal one crashes the
        # worker.
        first_s = last_s = float("-inf")
        async for _ in self.itertimer(CHECK_EVERY_S, name="watch-coordination"):
            if self._consumer is None or self._consumer._closed:
                continue
            coordinator, now_s = self._consumer._coordinator, time.monotonic()
            try:
                coordinator.check_errors()
            except KafkaError as error:
                first_s, last_s = (now_s if now_s - last_s > SAME_FAILURE_S else first_s), now_s
                await raise_if_evicted(self.app.settings)
                is_lasting = now_s - first_s > self.app.settings.rebalance_timeout_s
                if is_lasting or isinstance(error, FATAL) or coordinator._coordination_task.done():
                    raise
                log.warning("the group answered %r; trying again", error)

    @Service.task
    async def _watch_assignment(self) -> None:
        """Join again, with a rebalance, where nobody in the group has partitions of this worker's topics."""
        unassigned = Unassigned()
        checked_s = float("-inf")
        async for _ in self.itertimer(CHECK_EVERY_S, name="watch-assignment"):
            is_due = time.monotonic() - checked_s >= self.app.settings.metadata_max_age_s / 2.0
            if not is_due or self._consumer is None or self.lost_membership():
                continue
            checked_s = time.monotonic()
            try:
                group = await asyncio.wait_for(describe_group(self.app.settings), DESCRIBE_TIMEOUT_S)
            except (KafkaError, OSError, TimeoutError) as error:
                log.info("the group could not be described: %r", error)
                continue
            if group is None or group.is_rebalancing:
                continue
            missing = unassigned.observe(_partitions(self._consumer) - group.assigned)
            if missing:
                names = ", ".join(f"{tp.topic}[{tp.partition}]" for tp in sorted(missing))
                log.warning("no worker has %s: joining the group again", names)
                change_metadata(self._member_assignor)
                self._consumer._coordinator.request_rejoin()

    @override
    async def on_thread_stop(self) -> None:
        """Stop the client within a time limit: the group may itself wait for a member that has died."""
        limit_s = self.app.settings.stop_timeout_s * CLIENT_STOP_SHARE
        if not await stop_within(super().on_thread_stop(), limit_s) and self._consumer is not None:
            log.warning("the client did not leave the group; closing it without that")
            for closing in (self._consumer._fetcher.close(), self._consumer._client.close()):
                await stop_within(closing, 1.0)

    @override
    def close(self) -> None:
        """Does nothing: Faust calls it from another event loop when a rebalance meets a stop. See `on_thread_stop`."""


def _partitions(consumer: aiokafka.AIOKafkaConsumer) -> frozenset[TP]:
    """The partitions of the subscribed topics, as far as the client knows."""
    subscription = consumer._subscription.subscription
    return frozenset(
        TP(topic, partition) for topic in (() if subscription is None else subscription.topics)
        for partition in consumer.partitions_for_topic(topic) or ()
    )


def _assignment(consumer: aiokafka.AIOKafkaConsumer) -> Any:
    subscription = consumer._subscription.subscription
    return None if subscription is None else subscription.assignment


def _positions(assignment: Any) -> dict[TopicPartition, int]:
    """The client's position in each assigned partition that has one."""
    if assignment is None:
        return {}
    states = {tp: assignment.state_value(tp) for tp in assignment.tps}
    return {tp: state.position for tp, state in states.items() if state.has_valid_position}


async def _fetched(consumer: aiokafka.AIOKafkaConsumer, timeout_s: float) -> bool:
    """Wait for the next answered fetch; False if none comes in time. Raises what the client could not read."""
    waiter = consumer._fetcher._create_fetch_waiter()
    done, _ = await asyncio.wait([waiter], timeout=timeout_s)
    if not done:
        waiter.cancel()
        return False
    waiter.result()
    return True
