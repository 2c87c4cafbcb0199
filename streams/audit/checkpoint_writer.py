"""Writes the checkpoints of the audit: it follows the partitions that this process owns and signs where they stand.

Guarantee on crash: the next writer begins at the last checkpoint in the topic and comes to the same hashes. Guarantee
on duplicate: two writers of one partition write checkpoints that agree. A writer that cannot reach the broker goes on
later; the audit is covered later then, and nothing else waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from streams.audit.chain import MOST_RECORDS, Checkpoint, PartitionChain
from streams.audit.checkpoint_records import checkpoint_message, read_checkpoint
from streams.contracts.envelopes import WireError
from streams.kafka.bounded_stop import stop_within
from streams.trust.authenticity import Authenticity

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.audit")

EVERY_S = 10.0
"""Checkpoints are written so long after the first record that none covers."""
POLL_S = 1.0
RETRY_S = 5.0
STOP_S = 5.0
TAIL_RECORDS, TAIL_GROWS = 256, 8
"""Of the topic of checkpoints: how many of the last records are read first, and how many times more each time."""


class CheckpointWriter:
    """Follows the audit of the partitions in `owned()`, which may change at any time.

    client: options of a Kafka client. now_s: seconds since the epoch. mono_s: of a steady clock. covered: called with
    partition, offset and hash of each checkpoint, for the metrics.
    """

    def __init__(
        self, client: Mapping[str, Any], audit_topic: str, topic: str, authenticity: Authenticity,
        owned: Callable[[], Collection[int]], now_s: Callable[[], float], mono_s: Callable[[], float],
        covered: Callable[[int, int, str], None] = lambda *_: None,
    ) -> None:
        self._client = client
        self._audit_topic = audit_topic
        self._topic = topic
        self._authenticity = authenticity
        self._owned = owned
        self._now_s = now_s
        self._mono_s = mono_s
        self._covered = covered
        self._chains: dict[int, PartitionChain] = {}
        self._since_s: dict[int, float] = {}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._follow()
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("audit_not_covered", reason=repr(error), again_in_s=RETRY_S)
                await asyncio.sleep(RETRY_S)

    async def _follow(self) -> None:
        """Follow until the broker fails; everything is read again from the last checkpoints then."""
        self._chains.clear()
        self._since_s.clear()
        consumer = AIOKafkaConsumer(
            enable_auto_commit=False, auto_offset_reset="earliest", isolation_level="read_committed", **self._client,
        )
        producer = AIOKafkaProducer(acks="all", max_request_size=4 << 20, **self._client)
        try:
            await consumer.start()
            await producer.start()
            while True:
                await self._adapt(consumer)
                await self._poll(consumer)
                await self._write_due(producer)
        finally:
            with contextlib.suppress(KafkaError, OSError):
                await stop_within(producer.stop(), STOP_S)
                await stop_within(consumer.stop(), STOP_S)

    async def _adapt(self, consumer: AIOKafkaConsumer) -> None:
        """Follow what is owned now; a partition that is new begins at its last checkpoint."""
        known = consumer.partitions_for_topic(self._audit_topic)
        if known is None:
            await consumer._client.force_metadata_update()
            known = consumer.partitions_for_topic(self._audit_topic) or set()
        wanted = known & set(self._owned())
        if wanted == self._chains.keys():
            return
        new = wanted - self._chains.keys()
        last = await self._last_checkpoints(new) if new else {}
        for partition in list(self._chains.keys() - wanted):
            del self._chains[partition]
            self._since_s.pop(partition, None)
        for partition in new:
            one = last.get(partition)
            self._chains[partition] = (
                PartitionChain(partition) if one is None else PartitionChain(partition, one.offset, one.hash)
            )
        consumer.assign([TopicPartition(self._audit_topic, partition) for partition in sorted(wanted)])
        for partition, chain in self._chains.items():
            tp = TopicPartition(self._audit_topic, partition)
            if chain.offset is None:
                await consumer.seek_to_beginning(tp)
            else:
                consumer.seek(tp, chain.offset + 1)

    async def _last_checkpoints(self, wanted: Collection[int]) -> dict[int, Checkpoint]:
        """The checkpoint with the highest offset of each wanted partition of the audit, if its signature counts.

        The topic holds a year of them, so it is read from its end, further back until all are found.
        """
        found: dict[int, Checkpoint] = {}
        reader = AIOKafkaConsumer(
            enable_auto_commit=False, auto_offset_reset="earliest", isolation_level="read_committed", **self._client,
        )
        await reader.start()
        try:
            numbers = reader.partitions_for_topic(self._topic)
            if numbers is None:
                await reader._client.force_metadata_update()
                numbers = reader.partitions_for_topic(self._topic) or set()
            tps = [TopicPartition(self._topic, number) for number in numbers]
            reader.assign(tps)
            begins, ends = await reader.beginning_offsets(tps), await reader.end_offsets(tps)
            back, is_whole = TAIL_RECORDS, False
            while not is_whole and not found.keys() >= set(wanted):
                is_whole = all(ends[tp] - back <= begins[tp] for tp in tps)
                for tp in tps:
                    reader.seek(tp, max(begins[tp], ends[tp] - back))
                    while await reader.position(tp) < ends[tp]:
                        for record in (await reader.getmany(tp, timeout_ms=500)).get(tp, ()):
                            self._keep_last(record, found)
                back *= TAIL_GROWS
        finally:
            await stop_within(reader.stop(), STOP_S)
        return found

    def _keep_last(self, record: Any, found: dict[int, Checkpoint]) -> None:
        try:
            one = read_checkpoint(record)
        except WireError as error:
            log.warning("checkpoint_skipped", place=f"{record.partition}@{record.offset}", reason=str(error))
            return
        fault = self._authenticity.checkpoint_fault(self._topic, record, one.at_s)
        if fault is not None:
            log.warning("checkpoint_skipped", place=f"{record.partition}@{record.offset}", reason=fault)
        elif one.partition not in found or one.offset > found[one.partition].offset:
            found[one.partition] = one

    async def _poll(self, consumer: AIOKafkaConsumer) -> None:
        if not self._chains:
            await asyncio.sleep(POLL_S)
            return
        for tp, records in (await consumer.getmany(timeout_ms=int(POLL_S * 1000), max_records=MOST_RECORDS)).items():
            chain = self._chains.get(tp.partition)
            if chain is not None:
                for record in records:
                    chain.add(record)
                self._since_s.setdefault(tp.partition, self._mono_s())

    async def _write_due(self, producer: AIOKafkaProducer) -> None:
        for partition, chain in self._chains.items():
            waited_s = self._mono_s() - self._since_s.get(partition, self._mono_s())
            if chain.waiting == 0 or (waited_s < EVERY_S and chain.waiting < MOST_RECORDS):
                continue
            checkpoint = chain.checkpoint(self._now_s())
            assert checkpoint is not None
            message = self._authenticity.signed(
                self._topic, checkpoint_message(checkpoint, self._authenticity.source), "respond",
            )
            await producer.send_and_wait(
                self._topic, message.value, key=message.key, headers=list(message.headers),
            )
            chain.accepted(checkpoint)
            self._since_s.pop(partition, None)
            self._covered(partition, checkpoint.offset, checkpoint.hash)
            log.info("audit_checkpoint", partition=partition, offset=checkpoint.offset, hash=checkpoint.hash)
