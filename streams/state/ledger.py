"""The ledger of actions in a compacted Kafka topic: each key is won once, also if two executors own its partition.

A claim is written to the partition of its target, acknowledged by all replicas, and then read back. The first claim of
the key in the log has won, and every reader of the log agrees on it. The same holds for a zombie, which does not know
that it lost its partition. Every ledger reads all partitions, so limits and the storm brake count the actions of the
whole fleet. The new owner of a partition finishes the open claims of that partition.

Crash: a claim without an outcome is in doubt and never runs again; `recover` reports it as `interrupted`. A claim whose
write may have failed is in doubt as well, whether or not it appears in the log. Cost: a claim waits for one write and
one read of the log, some milliseconds. Memory: one entry per key until `forget`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Iterable
from functools import partial
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]
from aiokafka.partitioner import DefaultPartitioner  # type: ignore[import-untyped]

from actions.ledger.ledger import BaseLedger
from actions.ledger.records import LedgerRecord
from actions.ledger.remedy import REMEDY_EVENT, Remedy
from actions.model import Outcome
from streams.kafka.bounded_stop import stop_within
from streams.kafka.retry import while_unreachable
from streams.kafka.settings import Security
from streams.state.topic_store import STOP_S, TopicStore

log = logging.getLogger(__name__)

RETRY_S = 1.0


class TopicLedger(TopicStore, BaseLedger):
    """An `actions.ledger.Ledger` over a topic configured as `channels.COMPACTED`. Use as an async context manager.

    owner: the name of this worker in the log; every claim appends a token of its own. The topic must have as many
    partitions as the action topic. Both are keyed by target, so partition k here holds the claims of the intents in
    partition k there.
    """

    def __init__(
        self, brokers: str, topic: str, *, owner: str, security: Security | None = None, timeout_s: float = 15.0
    ) -> None:
        TopicStore.__init__(self, brokers, topic, security=security, timeout_s=timeout_s)
        BaseLedger.__init__(self)
        self._owner = owner
        self._reader: AIOKafkaConsumer
        self._partitions: list[int] = []
        self._read: dict[int, int] = {}
        self._progress = asyncio.Condition()
        self._log_keys: dict[str, set[tuple[int, bytes]]] = {}
        self._own_tokens: set[str] = set()
        self._abandoned_tokens: set[str] = set()
        self._follower: asyncio.Task[None] | None = None
        self._following = False

    async def start(self) -> None:
        """Connect and read the whole log. Raises BrokerUnavailable."""
        self._reader = self._consumer(fetch_max_wait_ms=100)
        await super().start()

    async def _connected(self) -> None:
        await self._reader.start()
        self._partitions = sorted(await self._producer.partitions_for(self._topic))
        tps = [TopicPartition(self._topic, p) for p in self._partitions]
        self._reader.assign(tps)
        self._read = {tp.partition: at for tp, at in (await self._reader.beginning_offsets(tps)).items()}
        self._following = True
        self._follower = asyncio.create_task(self._follow())
        await self._catch_up()

    async def stop(self) -> None:
        """Stop reading the log and close the clients."""
        if self._follower is not None:
            self._follower.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._follower
        await stop_within(self._reader.stop(), STOP_S)
        await super().stop()

    def partition_of(self, target: str) -> int:
        """The partition that holds a target's claims: Kafka's default, the same as for a record keyed by the target."""
        return int(DefaultPartitioner()(target.encode(), self._partitions, self._partitions))

    async def recover(self, partitions: Iterable[int] | None = None) -> list[Outcome]:
        """Finish the claims that earlier owners of these partitions (None: all) left open; returns their outcomes.

        Call it when the partitions were assigned, before their intents are executed, and publish the outcomes. Claims
        of this ledger that are still running stay as they are.
        """
        await while_unreachable("read the claims", self._caught_up)
        owned = set(self._partitions if partitions is None else partitions)
        outcomes = self.view.put_in_doubt(
            lambda record: record.owner not in self._own_tokens and self.partition_of(record.target) in owned
        )
        outcomes = [o for o in outcomes if self.partition_of(o.target) in owned]
        for outcome in outcomes:
            await while_unreachable("finish a claim in doubt", partial(self.finish, outcome))
        return outcomes

    async def _caught_up(self) -> None:
        async with asyncio.timeout(self._timeout_s):
            await self._catch_up()

    def abandon(self, key: str) -> None:
        """See `Ledger.abandon`."""
        record = self.view.record(key)
        if record is not None and record.owner in self._own_tokens:
            self._abandon_claim(record)

    async def forget(self, before_s: float) -> int:
        """Drop finished keys older than `before_s` here and in the log (see `LedgerView.forget`); returns how many."""
        forgotten = self.view.forget(before_s)
        async with asyncio.timeout(self._timeout_s):
            for key in forgotten:
                for partition, log_key in self._log_keys.pop(key, set()):
                    await self._producer.send_and_wait(self._topic, None, key=log_key, partition=partition)
        return len(forgotten)

    def _new_owner(self) -> str:
        return f"{self._owner}/{uuid.uuid4().hex}"

    async def _store(self, record: LedgerRecord) -> None:
        self._own_tokens.discard(record.owner)
        async with asyncio.timeout(self._timeout_s):
            await self._append(record, f"{record.key}/{record.event}")

    async def _store_claim(self, record: LedgerRecord) -> None:
        self._own_tokens.add(record.owner)
        async with asyncio.timeout(self._timeout_s):
            # Each claim has its own record key: compaction must never remove the first claim.
            partition, offset = await self._append(record, f"{record.key}/claimed/{record.owner}")
            await self._until(partition, offset + 1)
            # All that others claimed before: of two that claim at once, at least one knows the other.
            await self._catch_up()
        if not self._holds(record):
            self._own_tokens.discard(record.owner)

    async def _store_remedy(self, remedy: Remedy) -> None:
        earlier = self._log_keys.get(remedy.key, set()).copy()
        async with asyncio.timeout(self._timeout_s):
            # Each writer has its own record key: compaction must never remove the first record of a version.
            log_key = f"{remedy.key}/{remedy.version}/{remedy.owner}"
            partition, offset = await self._append(remedy, log_key)
            await self._until(partition, offset + 1)
            # Only after the new version is in the log.
            for place, old_key in earlier:
                await self._producer.send(self._topic, None, key=old_key, partition=place)
        self._log_keys[remedy.key] = self._log_keys.get(remedy.key, set()) - earlier

    def _abandon_claim(self, record: LedgerRecord) -> None:
        self._abandoned_tokens.add(record.owner)
        self._own_tokens.discard(record.owner)
        self.view.put_in_doubt(lambda claim: claim.owner == record.owner)

    async def _append(self, record: LedgerRecord | Remedy, log_key: str) -> tuple[int, int]:
        value, partition = orjson.dumps(record.to_json()), self.partition_of(record.target)
        stored = await self._producer.send_and_wait(self._topic, value, key=log_key.encode(), partition=partition)
        return stored.partition, stored.offset

    async def _catch_up(self) -> None:
        ends = await self._reader.end_offsets([TopicPartition(self._topic, p) for p in self._partitions])
        for tp, end in ends.items():
            await self._until(tp.partition, end)

    async def _until(self, partition: int, offset: int) -> None:
        async with self._progress:
            await self._progress.wait_for(lambda: self._read[partition] >= offset or not self._following)
        if not self._following:
            raise KafkaError(f"ledger {self._topic}: the log is no longer being read")

    async def _follow(self) -> None:
        """Read the log until cancelled. While it cannot be read, claims end at their time limit."""
        try:
            while True:
                try:
                    await self._poll()
                except KafkaError as error:
                    log.warning("ledger %s: the log cannot be read, trying again: %r", self._topic, error)
                    await asyncio.sleep(RETRY_S)
        finally:
            self._following = False
            await self._notify()

    async def _poll(self) -> None:
        for records in (await self._reader.getmany(timeout_ms=500)).values():
            for record in records:
                self._apply(record)
        # The position and not the last record: records at the end that compaction removed count as read.
        for tp in self._reader.assignment():
            self._read[tp.partition] = await self._reader.position(tp)
        await self._notify()

    async def _notify(self) -> None:
        async with self._progress:
            self._progress.notify_all()

    def _apply(self, record: Any) -> None:
        if record.value is None:  # a tombstone of `forget`
            return
        try:
            value = orjson.loads(record.value)
            if isinstance(value, dict) and value.get("event") == REMEDY_EVENT:
                remedy = Remedy.from_json(value)
                self._log_keys.setdefault(remedy.key, set()).add((record.partition, record.key))
                self.view.apply_remedy(remedy)
                return
            entry = LedgerRecord.from_json(value)
        except ValueError as error:
            log.error("ledger %s[%d]: offset %d skipped: %s", self._topic, record.partition, record.offset, error)
            return
        self._log_keys.setdefault(entry.key, set()).add((record.partition, record.key))
        self.view.apply(entry)
        if entry.owner in self._abandoned_tokens:
            self.view.put_in_doubt(lambda claim: claim.owner == entry.owner)
