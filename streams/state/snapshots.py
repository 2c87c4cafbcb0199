"""Snapshots: the state of a shard, stored whole or not at all, in a compacted topic with one partition per shard.

A snapshot is framed by us, never unpickled: a JSON header (types, shapes, lengths, offsets) and the raw bytes of the
arrays, cut into chunks of less than a record's limit, and a manifest as the last record. Only a manifest makes a
snapshot; chunks without one, with a wrong checksum or of another snapshot are as if never written, and the one before
counts. Two slots are written in turn, so compaction keeps the last complete snapshot while the next is under way.

Crash: the snapshot before the unfinished one is loaded. Duplicate or zombie writer: its chunks carry another id and mix
with nothing; if it completes an older snapshot last, that one is loaded, with the offsets that belong to it, so state
and records still agree. Cost: encoding copies the arrays once; loading reads backwards from the end of the log, as far
as the last complete snapshot.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
import zlib
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Literal, Protocol, Self, cast

import numpy as np
import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]
from numpy.typing import NDArray

from streams.kafka.topics import BrokerUnavailable, Security
from streams.shard.snapshot import Snapshot

log = logging.getLogger(__name__)

CHUNK_BYTES = 900_000
"""A broker takes records of 1 MiB unless told otherwise."""

MAGIC = b"TSN1"
FIRST_LOOK = 4
WIDEN = 8
Reason = Literal["version", "corrupt"]
Arrays = Mapping[str, NDArray[Any]]


class CorruptSnapshot(ValueError):  # noqa: N818
    """These bytes are not a snapshot, or not a whole one."""


class SnapshotStore(Protocol):
    """Where state is kept. `save` returns when the snapshot is durable and raises when it may not be; the state before
    it then still stands. `load` returns the last complete snapshot, None if there is none that can be used."""

    async def save(self, shard: int, blob: Snapshot) -> None: ...

    async def load(self, shard: int) -> Snapshot | None: ...


class MemorySnapshots:
    """A store for replays and tests. It keeps encoded bytes, so nothing is shared with what was saved."""

    def __init__(self) -> None:
        self._blobs: dict[int, bytes] = {}

    async def save(self, shard: int, blob: Snapshot) -> None:
        self._blobs[shard] = encode(blob)

    async def load(self, shard: int) -> Snapshot | None:
        encoded = self._blobs.get(shard)
        return None if encoded is None else decode(encoded)


class TopicSnapshots:
    """A store in a Kafka topic (configured as `channels.SNAPSHOT_CONFIG`); shard k lives in partition k.

    versions: which `Snapshot.version` can be read; None for all. rejected: called for each snapshot that was passed
    over, with "version" or "corrupt", the shard, and the reason in words. Use as an async context manager, or `start`
    and `stop`.
    """

    def __init__(
        self, brokers: str, topic: str, *, security: Security | None = None, versions: frozenset[int] | None = None,
        rejected: Callable[[Reason, int, str], None] = lambda *_: None, timeout_s: float = 30.0,
    ) -> None:
        self._brokers, self._topic, self._timeout_s = brokers, topic, timeout_s
        self._options = (security or Security()).options()
        self._versions = versions
        self._rejected = rejected
        self._producer: AIOKafkaProducer | None = None
        self._slots: dict[int, int] = {}
        self._locks: dict[int, asyncio.Lock] = {}

    async def start(self) -> None:
        """Connect. Raises BrokerUnavailable."""
        # Not idempotent on purpose: a repeated chunk is harmless, since it carries the snapshot's id and its number,
        # while an idempotent producer that outlives a long loss of the broker is broken for good.
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._brokers.split(","), acks="all", max_batch_size=CHUNK_BYTES, **self._options
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._producer.start()
        except (KafkaError, OSError, TimeoutError) as error:
            raise BrokerUnavailable(self._brokers, self._timeout_s, error) from error

    async def stop(self) -> None:
        if self._producer is not None:
            await self._producer.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def save(self, shard: int, blob: Snapshot) -> None:
        """Store durably. Raises KafkaError or TimeoutError when that is not certain, ValueError for object arrays."""
        async with self._locks.setdefault(shard, asyncio.Lock()):
            if shard not in self._slots:
                await self._find(shard)  # not to write over the slot of the last complete snapshot
            slot = 1 - self._slots.get(shard, 1)
            async with asyncio.timeout(self._timeout_s):
                await self._write(shard, slot, encode(blob))
            self._slots[shard] = slot

    async def _write(self, shard: int, slot: int, encoded: bytes) -> None:
        if self._producer is None:
            raise RuntimeError("TopicSnapshots: save before start")
        name = uuid.uuid4().hex
        chunks = [encoded[at:at + CHUNK_BYTES] for at in range(0, len(encoded), CHUNK_BYTES)]
        sent = []
        for number, chunk in enumerate(chunks):
            sent.append(await self._producer.send(
                self._topic, chunk, key=b"%d/%d" % (slot, number), partition=shard, headers=[("id", name.encode())]
            ))
        stored = await asyncio.gather(*sent)
        manifest = {
            "id": name, "slot": slot, "first_offset": stored[0].offset, "chunks": len(chunks),
            "bytes": len(encoded), "crc": zlib.crc32(encoded),
        }
        await self._producer.send_and_wait(
            self._topic, orjson.dumps(manifest), key=b"%d/manifest" % slot, partition=shard
        )

    async def load(self, shard: int) -> Snapshot | None:
        """The last complete snapshot that can be read. Raises BrokerUnavailable when the broker does not answer."""
        async with self._locks.setdefault(shard, asyncio.Lock()):
            return await self._find(shard)

    async def _find(self, shard: int) -> Snapshot | None:
        reader = AIOKafkaConsumer(
            bootstrap_servers=self._brokers.split(","), enable_auto_commit=False, auto_offset_reset="earliest",
            fetch_max_wait_ms=50, max_partition_fetch_bytes=4 << 20, **self._options,
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                await reader.start()
                return await self._search(reader, shard)
        except (KafkaError, OSError, TimeoutError) as error:
            raise BrokerUnavailable(self._brokers, self._timeout_s, error or "no complete answer") from error
        finally:
            await reader.stop()

    async def _search(self, reader: AIOKafkaConsumer, shard: int) -> Snapshot | None:
        tp = TopicPartition(self._topic, shard)
        reader.assign([tp])
        begin = (await reader.beginning_offsets([tp]))[tp]
        high = (await reader.end_offsets([tp]))[tp]
        look = FIRST_LOOK
        while high > begin:
            low = max(begin, high - look)
            # A snapshot's manifest is its last record: newest manifest first, then its chunks, known by offset.
            manifests = [(r.offset, m) for r in await _read(reader, tp, low, high) if (m := _manifest(r)) is not None]
            for offset, manifest in reversed(manifests):
                found = await self._assemble(reader, tp, manifest, offset)
                if found is not None:
                    self._slots[shard] = int(manifest["slot"])
                    return found
            high, look = low, look * WIDEN
        return None

    async def _assemble(
        self, reader: AIOKafkaConsumer, tp: TopicPartition, manifest: Mapping[str, Any], end: int
    ) -> Snapshot | None:
        prefix, name = b"%d/" % manifest["slot"], str(manifest["id"]).encode()
        parts = {
            int(r.key[len(prefix):]): r.value
            for r in await _read(reader, tp, int(manifest["first_offset"]), end)
            if dict(r.headers).get("id") == name and r.key.startswith(prefix)
        }
        encoded = b"".join(parts[number] for number in sorted(parts))
        if len(encoded) != manifest["bytes"] or zlib.crc32(encoded) != manifest["crc"]:
            self._refuse(tp, "corrupt", f"{len(parts)} of {manifest['chunks']} chunks match the manifest")
            return None
        try:
            snapshot = decode(encoded)
        except CorruptSnapshot as error:
            self._refuse(tp, "corrupt", str(error))
            return None
        if self._versions is not None and snapshot.version not in self._versions:
            self._refuse(tp, "version", f"it is version {snapshot.version}, expected {sorted(self._versions)}")
            return None
        return snapshot

    def _refuse(self, tp: TopicPartition, reason: Reason, detail: str) -> None:
        log.warning("snapshot in %s[%d] passed over: %s", tp.topic, tp.partition, detail)
        self._rejected(reason, tp.partition, detail)


async def _read(reader: AIOKafkaConsumer, tp: TopicPartition, low: int, high: int) -> list[Any]:
    """Records with low <= offset < high; compaction may have left holes, and nothing at the end."""
    records: list[Any] = []
    reader.seek(tp, low)
    while await reader.position(tp) < high:
        for polled in (await reader.getmany(tp, timeout_ms=200)).values():
            records += [record for record in polled if low <= record.offset < high]
    return records


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
