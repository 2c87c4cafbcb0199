"""Snapshots: the state of a shard, stored whole or not at all, in a compacted topic with one partition per shard.

The format is our own, nothing is unpickled: a JSON header (types, shapes, lengths, offsets) and the raw bytes of the
arrays, cut into chunks that fit into a record, then a manifest as the last record. A snapshot counts only with its
manifest. Chunks without a manifest, with a wrong checksum or of another snapshot are ignored, and the snapshot before
is loaded. Two slots are written in turn, so compaction keeps the last complete snapshot while the next is written.

Crash: the snapshot before the unfinished one is loaded. A former owner is fenced and completes none. Where the broker
does not fence, its chunks carry another id and never mix with those of the present owner, and a snapshot that it
completes last is loaded with its own offsets, so state and records still agree. Cost: encoding copies the arrays once.
Loading reads backwards from the end of the log to the last complete snapshot.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol, cast

import numpy as np
import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]
from numpy.typing import NDArray

from streams.contracts.envelopes import Message
from streams.kafka.bounded_stop import stop_within
from streams.kafka.settings import Security
from streams.kafka.transactions import ShardProducer, Transaction
from streams.shard.snapshot import Snapshot
from streams.state.topic_store import STOP_S, TopicStore, read_range

log = logging.getLogger(__name__)

CHUNK_BYTES = 900_000
"""A broker accepts records of up to 1 MiB unless configured otherwise."""

MAGIC = b"TSN1"
FIRST_READ = 4
"""Records read at the end of the log at first; each further read takes `READ_GROWTH` times as many."""
READ_GROWTH = 8
RejectionReason = Literal["version", "corrupt"]
Arrays = Mapping[str, NDArray[Any]]


class CorruptSnapshot(ValueError):  # noqa: N818
    """The bytes are not a complete snapshot."""


class SnapshotStore(Protocol):
    """A store of snapshots. `save` returns when the snapshot is durable. It raises when the snapshot may not be
    durable; the one before is then still there. `load` returns the last complete snapshot, None if there is none."""

    async def save(self, shard: int, snapshot: Snapshot, producer: ShardProducer) -> None: ...

    async def load(self, shard: int) -> Snapshot | None: ...


class MemorySnapshots:
    """A store for replays and tests. It keeps encoded bytes, so it shares no array with the caller."""

    def __init__(self) -> None:
        self._encoded: dict[int, bytes] = {}

    async def save(self, shard: int, snapshot: Snapshot, producer: ShardProducer) -> None:  # noqa: ARG002
        self._encoded[shard] = encode(snapshot)

    async def load(self, shard: int) -> Snapshot | None:
        encoded = self._encoded.get(shard)
        return None if encoded is None else decode(encoded)


class TopicSnapshots(TopicStore):
    """A store in a Kafka topic (configured as `channels.SNAPSHOT_CONFIG`); shard k lives in partition k.

    versions: each `Snapshot.version` that can be read; None for all. rejected: called for each snapshot that is
    skipped, with "version" or "corrupt", the shard, and the reason in words. Use as an async context manager, or
    `start` and `stop`.
    """

    def __init__(
        self, brokers: str, topic: str, *, security: Security | None = None, versions: frozenset[int] | None = None,
        rejected: Callable[[RejectionReason, int, str], None] = lambda *_: None, timeout_s: float = 30.0,
    ) -> None:
        # Not idempotent on purpose. A repeated chunk does no harm, since it carries the id of the snapshot and its own
        # number. An idempotent producer cannot be used again after a long loss of the broker.
        super().__init__(brokers, topic, security=security, timeout_s=timeout_s, max_batch_size=CHUNK_BYTES)
        self._versions = versions
        self._rejected = rejected
        self._slots: dict[int, int] = {}
        self._locks: dict[int, asyncio.Lock] = {}

    async def save(self, shard: int, snapshot: Snapshot, producer: ShardProducer) -> None:
        """Store durably, in a transaction of the shard's owner.

        Raises what the producer raises when that is not certain, and ValueError for object arrays.
        """
        async with self._locks.setdefault(shard, asyncio.Lock()):
            if shard not in self._slots:
                await self._find(shard)  # so as not to write over the slot of the last complete snapshot
            slot = 1 - self._slots.get(shard, 1)
            async with producer.transaction() as transaction:
                await self._write(transaction, shard, slot, encode(snapshot))
            self._slots[shard] = slot

    async def _write(self, transaction: Transaction, shard: int, slot: int, encoded: bytes) -> None:
        name = uuid.uuid4().hex
        chunks = [encoded[at:at + CHUNK_BYTES] for at in range(0, len(encoded), CHUNK_BYTES)]
        header = (("id", name.encode()),)
        sent = [
            await transaction.send(self._topic, Message(b"%d/%d" % (slot, number), chunk, header, shard))
            for number, chunk in enumerate(chunks)
        ]
        await transaction.acknowledged()
        first = sent[0].result()
        manifest = {
            "id": name, "slot": slot, "first_offset": first.offset, "chunks": len(chunks),
            "bytes": len(encoded), "crc": zlib.crc32(encoded),
        }
        await transaction.send(self._topic, Message(b"%d/manifest" % slot, orjson.dumps(manifest), (), shard))

    async def load(self, shard: int) -> Snapshot | None:
        """The last complete snapshot that can be read. Raises BrokerUnavailable when the broker does not answer."""
        async with self._locks.setdefault(shard, asyncio.Lock()):
            return await self._find(shard)

    async def _find(self, shard: int) -> Snapshot | None:
        reader = self._consumer(fetch_max_wait_ms=50, max_partition_fetch_bytes=4 << 20)
        try:
            async with self._request():
                await reader.start()
                return await self._search(reader, shard)
        finally:
            await stop_within(reader.stop(), STOP_S)

    async def _search(self, reader: AIOKafkaConsumer, shard: int) -> Snapshot | None:
        tp = TopicPartition(self._topic, shard)
        reader.assign([tp])
        begin = (await reader.beginning_offsets([tp]))[tp]
        high = (await reader.end_offsets([tp]))[tp]
        size = FIRST_READ
        while high > begin:
            low = max(begin, high - size)
            # The manifest is the last record of a snapshot. Newest manifest first, then the chunks that it points to.
            records = await read_range(reader, tp, low, high)
            manifests = [(r.offset, m) for r in records if (m := _manifest(r)) is not None]
            for offset, manifest in reversed(manifests):
                found = await self._assemble(reader, tp, manifest, offset)
                if found is not None:
                    self._slots[shard] = int(manifest["slot"])
                    return found
            high, size = low, size * READ_GROWTH
        return None

    async def _assemble(
        self, reader: AIOKafkaConsumer, tp: TopicPartition, manifest: Mapping[str, Any], end: int
    ) -> Snapshot | None:
        prefix, name = b"%d/" % manifest["slot"], str(manifest["id"]).encode()
        parts = {
            int(r.key[len(prefix):]): r.value
            for r in await read_range(reader, tp, int(manifest["first_offset"]), end)
            if dict(r.headers).get("id") == name and r.key.startswith(prefix)
        }
        encoded = b"".join(parts[number] for number in sorted(parts))
        if len(encoded) != manifest["bytes"] or zlib.crc32(encoded) != manifest["crc"]:
            self._reject(tp, "corrupt", f"{len(parts)} of {manifest['chunks']} chunks match the manifest")
            return None
        try:
            snapshot = decode(encoded)
        except CorruptSnapshot as error:
            self._reject(tp, "corrupt", str(error))
            return None
        if self._versions is not None and snapshot.version not in self._versions:
            self._reject(tp, "version", f"it is version {snapshot.version}, expected {sorted(self._versions)}")
            return None
        return snapshot

    def _reject(self, tp: TopicPartition, reason: RejectionReason, detail: str) -> None:
        log.warning("snapshot in %s[%d] skipped: %s", tp.topic, tp.partition, detail)
        self._rejected(reason, tp.partition, detail)


def _manifest(record: Any) -> Mapping[str, Any] | None:
    if record.key is None or not record.key.endswith(b"/manifest") or record.value is None:
        return None
    try:
        manifest = orjson.loads(record.value)
    except orjson.JSONDecodeError:
        return None
    numbers = ("slot", "first_offset", "chunks", "bytes", "crc")
    known = isinstance(manifest, dict) and isinstance(manifest.get("id"), str) and all(
        isinstance(manifest.get(name), int) and manifest[name] >= 0 for name in numbers
    )
    return cast(Mapping[str, Any], manifest) if known else None


def encode(snapshot: Snapshot) -> bytes:
    """Magic, header length, JSON header, arrays. Raises ValueError for an array of objects."""
    layout, parts = [], []
    for name, array in snapshot.arrays.items():
        if array.dtype.hasobject:
            raise ValueError(f"snapshot array {name!r}: dtype {array.dtype}, expected one without objects")
        raw = np.ascontiguousarray(array).tobytes()
        layout.append([name, array.dtype.str, list(array.shape), len(raw)])
        parts.append(raw)
    header = orjson.dumps({
        "version": snapshot.version, "config_hash": snapshot.config_hash, "offsets": snapshot.offsets,
        "meta": snapshot.meta, "arrays": layout,
    })
    return b"".join((MAGIC, len(header).to_bytes(4, "big"), header, *parts))


def decode(encoded: bytes) -> Snapshot:
    """The inverse of `encode`; the arrays are read-only views. Raises CorruptSnapshot, saying where."""
    if encoded[:4] != MAGIC:
        raise CorruptSnapshot(f"starts with {encoded[:4]!r}, expected {MAGIC!r}")
    at = 8 + int.from_bytes(encoded[4:8], "big")
    try:
        header = orjson.loads(encoded[8:at])
        arrays = {}
        for name, kind, shape, size in header["arrays"]:
            dtype = np.dtype(kind)
            if dtype.hasobject:
                raise CorruptSnapshot(f"array {name!r} has dtype {kind}, expected one without objects")
            arrays[name] = np.frombuffer(encoded[at:at + size], dtype).reshape(shape)
            at += size
        if at != len(encoded):
            raise CorruptSnapshot(f"is {len(encoded)} bytes long, expected {at}")
        return Snapshot(header["version"], header["config_hash"], header["offsets"], arrays, header["meta"])
    except (KeyError, TypeError, ValueError) as error:
        raise error if isinstance(error, CorruptSnapshot) else CorruptSnapshot(f"unreadable: {error}") from error
