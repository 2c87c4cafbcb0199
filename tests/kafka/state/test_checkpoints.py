"""The writer of checkpoints goes on where the last one is, however far from the end of its topic that is."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from dataclasses import replace

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition  # type: ignore[import-untyped]

from actions.trust.keys import KeyRing
from streams.audit import checkpoint_writer
from streams.audit.chain import Checkpoint
from streams.audit.checkpoint_records import checkpoint_message, read_checkpoint
from streams.audit.checkpoint_writer import CheckpointWriter
from streams.cluster.topics import TopicSpec, ensure_topics
from streams.contracts.envelopes import WireError
from streams.trust.authenticity import Authenticity
from tests.kafka.conftest import Broker
from tests.kafka.harness import unique


class Audit:
    """The two topics, and writers whose clock makes every checkpoint due at once."""

    def __init__(self, address: str) -> None:
        self.address, self.audit, self.checkpoints = address, unique("audit"), unique("checkpoints")

    async def open(self) -> None:
        await ensure_topics(self.address, [TopicSpec(self.audit, 4), TopicSpec(self.checkpoints, 1, at_least=1)])

    async def write(self, topic: str, *values: bytes | None) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.address)
        await producer.start()
        for value in values:
            await producer.send_and_wait(topic, value, partition=0)
        await producer.stop()

    async def covered(self, until: int) -> Checkpoint:
        """Run a writer of partition 0 until a checkpoint covers an offset, and return that one."""
        ticks = itertools.count(step=100)
        done = asyncio.Event()

        def note(_: int, offset: int, __: str) -> None:
            if offset >= until:
                done.set()

        writer = CheckpointWriter(
            {"bootstrap_servers": self.address}, self.audit, self.checkpoints, Authenticity(KeyRing(), "/tocsin/test"),
            lambda: {0}, lambda: 0.0, lambda: float(next(ticks)),
            note,
        )
        task = asyncio.create_task(writer.run())
        await asyncio.wait_for(done.wait(), 30.0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return (await self.written())[until]

    async def partitions(self, reader: AIOKafkaConsumer) -> int:
        await reader._client.force_metadata_update()
        return len(reader.partitions_for_topic(self.checkpoints) or ())

    async def written(self) -> dict[int, Checkpoint]:
        reader = AIOKafkaConsumer(bootstrap_servers=self.address, auto_offset_reset="earliest")
        await reader.start()
        tps = [TopicPartition(self.checkpoints, number) for number in range(4)][: await self.partitions(reader)]
        reader.assign(tps)
        found: dict[int, Checkpoint] = {}
        for tp, end in (await reader.end_offsets(tps)).items():
            while await reader.position(tp) < end:
                for record in (await reader.getmany(tp, timeout_ms=200)).get(tp, ()):
                    with contextlib.suppress(WireError):
                        one = read_checkpoint(record)
                        found |= {one.offset: one} if one.partition == 0 else {}
        await reader.stop()
        return found


async def test_a_new_writer_finds_the_last_checkpoint_behind_many_of_other_partitions(
    broker: Broker, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checkpoint_writer, "TAIL_RECORDS", 1)
    audit = Audit(broker.address)
    await audit.open()
    await audit.write(audit.audit, b"one", b"two")
    first = await audit.covered(1)
    others = [checkpoint_message(replace(first, partition=7, offset=at), "/tocsin/test").value for at in range(40)]
    await audit.write(audit.checkpoints, *others, b"no checkpoint")
    await audit.write(audit.audit, b"three")
    second = await audit.covered(2)
    assert (second.offset, second.previous, [offset for offset, _ in second.records]) == (2, 1, [2])
