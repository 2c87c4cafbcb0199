"""The ledger of actions in a compacted Kafka topic: each key is won once, even among executors that disagree who lives.

A claim is written to the partition of its target, acknowledged by all replicas, and then read back: the first claim of
the key in the log has won, and everyone who reads the log agrees. A zombie that still believes in its partition meets
the same order. Every ledger reads all partitions, so limits and the storm brake count the whole fleet's actions; the
claims that a new owner of a partition must settle are those of that partition.

Crash: a claim without an outcome is in doubt and never runs again; `recover` reports it as `interrupted`. A claim whose
write may have failed is in doubt as well, whether or not it turns up in the log. Cost: a claim waits for one write and
one read of the log, some milliseconds; memory is one entry per key until `forget`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]
from aiokafka.partitioner import DefaultPartitioner  # type: ignore[import-untyped]

from actions.ledger import Claim, ViewedLedger
from actions.model import Intent, Outcome
from actions.records import STORM_KEY, LedgerRecord
from streams.kafka.topics import BrokerUnavailable, Security

log = logging.getLogger(__name__)


class TopicLedger(ViewedLedger):
    """An `actions.ledger.Ledger` over a topic configured as `channels.COMPACTED`. Use as an async context manager.

    owner: a name for the log; every claim adds a token of its own. With as many partitions as the action topic, keyed
    by target, partition k here settles the intents of partition k there.
    """

    def __init__(
        self, brokers: str, topic: str, *, owner: str, security: Security | None = None, timeout_s: float = 15.0
    ) -> None:
        super().__init__()
        self._brokers, self._topic, self._owner, self._timeout_s = brokers, topic, owner, timeout_s
        self._options = (security or Security()).options()
        self._partitions: list[int] = []
        self._read: dict[int, int] = {}
        self._progress = asyncio.Condition()
        self._log_keys: dict[str, set[tuple[int, bytes]]] = {}
        self._mine: set[str] = set()
        self._given_up: set[str] = set()
        self._tail: asyncio.Task[None] | None = None
        self._following = False

    async def start(self) -> None:
        """Connect and read the whole log. Raises BrokerUnavailable."""
        servers = self._brokers.split(",")
        self._producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all", **self._options)
        self._reader = AIOKafkaConsumer(
            bootstrap_servers=servers, enable_auto_commit=False, auto_offset_reset="earliest", fetch_max_wait_ms=100,
            **self._options,
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._producer.start()
                await self._reader.start()
                self._partitions = sorted(await self._producer.partitions_for(self._topic))
                tps = [TopicPartition(self._topic, p) for p in self._partitions]
                self._reader.assign(tps)
                self._read = {tp.partition: at for tp, at in (await self._reader.beginning_offsets(tps)).items()}
                self._following = True
                self._tail = asyncio.create_task(self._follow())
                await self._catch_up()
        except (KafkaError, OSError, TimeoutError) as error:
            await self.stop()
            raise BrokerUnavailable(self._brokers, self._timeout_s, error or "no complete answer") from error

    async def stop(self) -> None:
        if self._tail is not None:
            self._tail.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._tail
        await self._reader.stop()
        await self._producer.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def partition_of(self, target: str) -> int:
        """The partition that holds a target's claims: Kafka's default, the same as for a record keyed by the target."""
        return int(DefaultPartitioner()(target.encode(), self._partitions, self._partitions))

    async def recover(self, partitions: Iterable[int] | None = None) -> list[Outcome]:
        """Settle what earlier owners of these partitions (None: all) left open; returns the outcomes to publish.

        Call it when the partitions were assigned and before their intents are executed. Claims of this ledger that are
        still running are left alone.
        """
        async with asyncio.timeout(self._timeout_s):
            await self._catch_up()
        concerned = set(self._partitions if partitions is None else partitions)
        outcomes = self.view.restart(
            lambda record: record.owner not in self._mine and self.partition_of(record.target) in concerned
        )
        outcomes = [o for o in outcomes if self.partition_of(o.target) in concerned]
        for outcome in outcomes:
            await self.finish(outcome)
        return outcomes

    async def claim(self, intent: Intent, now_s: float) -> Claim:
        """See `Ledger.claim`. Raises KafkaError or TimeoutError when the log could not be written or read back."""
        lost = self.view.seen(intent.key)
        if lost is not None:
            return lost
        token = f"{self._owner}/{uuid.uuid4().hex}"
        self._mine.add(token)
        record = LedgerRecord.claimed(intent, now_s, token)
        try:
            async with asyncio.timeout(self._timeout_s):
                partition, offset = await self._append(record, f"{intent.key}/claimed/{token}")
                await self._until(partition, offset + 1)
        except BaseException:
            self._give_up(token)
            raise
        first = self.view.record(intent.key)
        if first is not None and first.owner == token and self.view.state(intent.key) == "claimed":
            return Claim(True, "first claim of this key in the log")
        self._mine.discard(token)
        return self.view.seen(intent.key) or Claim(False, "the key was claimed and forgotten meanwhile")

    async def finish(self, outcome: Outcome) -> None:
        """See `Ledger.finish`. The view learns it first: what ran has run, whether or not the log could be told."""
        claim = self.view.record(outcome.key)
        record = LedgerRecord.finished(outcome, claim)
        if not self.view.apply(record).accepted:
            return
        if claim is not None:
            self._mine.discard(claim.owner)
        async with asyncio.timeout(self._timeout_s):
            await self._append(record, f"{outcome.key}/finished")

    def abandon(self, key: str) -> None:
        """See `Ledger.abandon`."""
        record = self.view.record(key)
        if record is not None and record.owner in self._mine:
            self._give_up(record.owner)

    async def forget(self, before_s: float) -> int:
        """Drop finished keys older than `before_s` here and in the log (see `LedgerView.forget`); returns how many."""
        old = self.view.forget(before_s)
        async with asyncio.timeout(self._timeout_s):
            for key in old:
                for partition, log_key in self._log_keys.pop(key, set()):
                    await self._producer.send_and_wait(self._topic, None, key=log_key, partition=partition)
        return len(old)

    async def _note(self, record: LedgerRecord) -> None:
        if self.view.apply(record).accepted:
            async with asyncio.timeout(self._timeout_s):
                await self._append(record, f"{STORM_KEY}/{record.event}")

    async def _append(self, record: LedgerRecord, log_key: str) -> tuple[int, int]:
        # A key of its own for each claim: compaction must never remove the claim that came first.
        value, partition = orjson.dumps(record.to_json()), self.partition_of(record.target)
        stored = await self._producer.send_and_wait(self._topic, value, key=log_key.encode(), partition=partition)
        return stored.partition, stored.offset

    def _give_up(self, token: str) -> None:
        self._given_up.add(token)
        self._mine.discard(token)
        self.view.restart(lambda record: record.owner == token)

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
        try:
            while True:
                for records in (await self._reader.getmany(timeout_ms=500)).values():
                    for record in records:
                        self._take(record)
                # The position and not the last record: what compaction removed at the end is read as well.
                for tp in self._reader.assignment():
                    self._read[tp.partition] = await self._reader.position(tp)
                await self._tell()
        except KafkaError:
            log.exception("ledger %s: the log cannot be read any more; claims will fail", self._topic)
        finally:
            self._following = False
            await self._tell()

    async def _tell(self) -> None:
        async with self._progress:
            self._progress.notify_all()

    def _take(self, record: Any) -> None:
        if record.value is None:  # forgotten
            return
        try:
            entry = LedgerRecord.from_json(orjson.loads(record.value))
        except ValueError as error:
            log.error("ledger %s[%d]: offset %d passed over: %s", self._topic, record.partition, record.offset, error)
            return
        self._log_keys.setdefault(entry.key, set()).add((record.partition, record.key))
        self.view.apply(entry)
        if entry.owner in self._given_up:
            self.view.restart(lambda claim: claim.owner == entry.owner)
