"""Snapshots: whole or not at all, in memory and on both brokers."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from dataclasses import replace

import numpy as np
import orjson
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]

from streams.cluster.topics import TopicSpec, ensure_topics
from streams.contracts.channels import SNAPSHOT_CONFIG
from streams.kafka.transactions import Fenced, FencedProducer, PlainProducer
from streams.shard.snapshot import Snapshot
from streams.state.snapshots import CorruptSnapshot, MemorySnapshots, RejectionReason, TopicSnapshots, decode, encode
from tests.kafka.brokers import RealKafka
from tests.kafka.conftest import Broker
from tests.kafka.harness import unique, until

STATE = Snapshot(
    3, "c0ffee", {"inference.latency": 42},
    {"means": np.array([[1.5, np.nan], [-0.0, np.inf]]), "names": np.array(["a", "longer"]), "none": np.zeros((0, 3))},
    {"open": ["i1"], "nested": {"level": 0.5}},
)


def same(one: Snapshot | None, other: Snapshot) -> bool:
    return one is not None and encode(one) == encode(other)


def test_decode_restores_every_type_shape_and_bit() -> None:
    found = decode(encode(STATE))
    assert same(found, STATE)
    assert found.arrays["means"].dtype == np.float64
    assert found.arrays["none"].shape == (0, 3)
    assert found.arrays["names"].tolist() == ["a", "longer"]


def test_objects_are_refused_on_the_way_in() -> None:
    with pytest.raises(ValueError, match=r"'things'.*object"):
        encode(replace(STATE, arrays={"things": np.array([{}])}))


def test_objects_are_refused_on_the_way_out() -> None:
    header = orjson.dumps({"version": 1, "config_hash": "", "offsets": {}, "meta": {}, "arrays": [["x", "|O", [1], 8]]})
    with pytest.raises(CorruptSnapshot, match="objects"):
        decode(b"TSN1" + len(header).to_bytes(4, "big") + header + bytes(8))


@pytest.mark.parametrize("size", [0, 3, 7, 60, -1])
def test_a_part_of_a_snapshot_is_corrupt_wherever_it_ends(size: int) -> None:
    with pytest.raises(CorruptSnapshot):
        decode(encode(STATE)[:size])


async def test_memory_keeps_a_copy() -> None:
    store, state = MemorySnapshots(), replace(STATE, arrays={"x": np.zeros(2)})
    assert await store.load(0) is None
    await store.save(0, state, PlainProducer({}))
    state.arrays["x"][0] = 1.0
    found = await store.load(0)
    assert found is not None
    assert found.arrays["x"].tolist() == [0.0, 0.0]


class Log:
    """A snapshot topic, and ways to spoil it."""

    def __init__(self, address: str, topic: str) -> None:
        self.address, self.topic = address, topic
        self.rejected: list[str] = []

    def store(self, *versions: int) -> TopicSnapshots:
        return TopicSnapshots(
            self.address, self.topic, versions=frozenset(versions) or None, rejected=self._reject
        )

    def _reject(self, reason: RejectionReason, shard: int, detail: str) -> None:
        assert (shard, bool(detail)) == (1, True)
        self.rejected.append(reason)

    async def append(self, *records: tuple[bytes, bytes, str]) -> None:
        """Append (key, value, snapshot id) to shard 1."""
        producer = AIOKafkaProducer(bootstrap_servers=self.address)
        await producer.start()
        for key, value, name in records:
            await producer.send_and_wait(self.topic, value, key=key, partition=1, headers=[("id", name.encode())])
        await producer.stop()


@pytest_asyncio.fixture
async def log(broker: Broker) -> AsyncIterator[Log]:
    topic = unique("snapshots")
    await ensure_topics(broker.address, [TopicSpec(topic, 2, SNAPSHOT_CONFIG)])
    yield Log(broker.address, topic)


@pytest_asyncio.fixture
async def producer(broker: Broker) -> AsyncIterator[PlainProducer]:
    plain = PlainProducer({"bootstrap_servers": broker.address})
    await plain.start()
    yield plain
    await plain.stop()


class TestTopicSnapshots:
    async def test_the_last_one_saved_is_loaded_by_another_process(self, log: Log, producer: PlainProducer) -> None:
        async with log.store() as writer, log.store() as reader:
            assert await reader.load(1) is None
            for number in range(5):
                await writer.save(1, replace(STATE, offsets={"t": number}), producer)
                assert same(await reader.load(1), replace(STATE, offsets={"t": number}))
            assert await reader.load(0) is None

    async def test_an_unfinished_one_is_as_if_never_written(self, log: Log, producer: PlainProducer) -> None:
        async with log.store() as store:
            await store.save(1, STATE, producer)
            await log.append(*[(b"%d/%d" % (number % 2, number), b"x" * 100, "dead") for number in range(150)])
            assert same(await store.load(1), STATE)
        assert log.rejected == []

    async def test_a_corrupt_one_is_counted_and_the_one_before_is_loaded(
        self, log: Log, producer: PlainProducer,
    ) -> None:
        spoilt = b"not the bytes the manifest promises"
        manifest = {"id": "bad", "slot": 1, "first_offset": 0, "chunks": 1, "bytes": len(spoilt), "crc": 1}
        async with log.store() as store:
            await store.save(1, STATE, producer)
            await log.append((b"1/0", spoilt, "bad"), (b"1/manifest", orjson.dumps(manifest), "bad"))
            await log.append((b"0/manifest", b"{}", "bad"), (b"0/manifest", b"\xff", "bad"))
            assert same(await store.load(1), STATE)
        assert log.rejected == ["corrupt"]

    async def test_chunks_of_a_zombie_between_do_not_mix_in(self, log: Log, producer: PlainProducer) -> None:
        encoded = encode(STATE)
        half = len(encoded) // 2
        async with log.store() as store:
            await store.save(1, replace(STATE, version=1), producer)  # two records: offsets 0 and 1
            manifest = {"id": "me", "slot": 1, "first_offset": 2, "chunks": 2, "bytes": len(encoded),
                        "crc": zlib.crc32(encoded)}
            await log.append(
                (b"1/0", encoded[:half], "me"), (b"1/0", b"zombie", "you"), (b"1/1", b"zombie", "you"),
                (b"1/1", encoded[half:], "me"), (b"1/manifest", orjson.dumps(manifest), "me"),
            )
            assert same(await store.load(1), STATE)

    async def test_one_of_another_version_is_counted_and_skipped(self, log: Log, producer: PlainProducer) -> None:
        async with log.store(2) as store:
            await store.save(1, replace(STATE, version=2), producer)
            await store.save(1, replace(STATE, version=3), producer)
            assert same(await store.load(1), replace(STATE, version=2))
        assert log.rejected == ["version"]


async def test_fifteen_megabytes_come_back_and_the_log_stays_bounded(real: RealKafka) -> None:
    producer = FencedProducer({"bootstrap_servers": real.address}, unique("state"))
    await producer.start()
    big = np.random.default_rng(1).random(15 << 17)
    topic = unique("snapshots")
    await ensure_topics(real.address, [TopicSpec(topic, 2, SNAPSHOT_CONFIG)])
    async with TopicSnapshots(real.address, topic) as store:
        for number in range(8):
            await store.save(1, replace(STATE, offsets={"t": number}, arrays={"big": big}), producer)
        assert same(await store.load(1), replace(STATE, offsets={"t": 7}, arrays={"big": big}))
        await until(lambda: real.bytes_of(topic) < 100 << 20, "compaction removed what is no longer needed")
        assert same(await store.load(1), replace(STATE, offsets={"t": 7}, arrays={"big": big}))
    await producer.stop()


async def test_a_former_owner_stores_nothing_after_the_take_over(real: RealKafka) -> None:
    topic, name = unique("snapshots"), unique("state")
    await ensure_topics(real.address, [TopicSpec(topic, 2, SNAPSHOT_CONFIG)])
    former, owner = (FencedProducer({"bootstrap_servers": real.address}, name) for _ in range(2))
    await former.start()
    async with TopicSnapshots(real.address, topic) as store:
        await store.save(1, STATE, former)
        await owner.start()
        with pytest.raises(Fenced):
            await store.save(1, replace(STATE, offsets={"t": 99}), former)
        assert same(await store.load(1), STATE)
    await asyncio.gather(former.stop(), owner.stop())
