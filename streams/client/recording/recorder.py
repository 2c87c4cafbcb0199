"""The recorder: what the input topics and the control topic hold of a period, as files that a replay reads.

Values come in the order in which they were written to the topics, over all partitions. What is written is committed
records alone. Each partition is first copied to a temporary file, so memory does not grow with the number of records.
"""

from __future__ import annotations

import heapq
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]

from config.models import Config
from streams.client.control_files import json_line
from streams.client.topic_reader import TIMEOUT_S, first_offset, open_reader, partitions_of_topics
from streams.cluster.topics import TopicError
from streams.contracts.control_records import ControlRecordError, read_directive

Rewrite = Callable[[object], object]
"""A parsed value to the value that is written."""
Progress = Callable[[str, int, int], None]
"""Called with topic[partition], the offsets passed in it, and the offsets to pass."""


@dataclass(frozen=True, slots=True)
class RecordRequest:
    """topics: of inputs with one format. since_s, until_s: seconds since the epoch, by the time of writing; None for
    now. out: of the values. control: of the control records, None to leave them out."""

    topics: Sequence[str]
    since_s: float
    until_s: float | None
    out: Path
    control: Path | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """values, directives: lines written. left_out: values that are no JSON, which a line cannot hold as they are, and
    control records that cannot be read."""

    values: int
    directives: int
    left_out: int


async def record(config: Config, request: RecordRequest, rewrite: Rewrite, progress: Progress) -> Recorded:
    """Write the files. Raises `BrokerUnavailable`, `TopicError` for a topic that is not there, and `OSError`."""
    async with open_reader(config) as reader:
        known = await partitions_of_topics(config)
        missing = [topic for topic in request.topics if topic not in known]
        if missing:
            raise TopicError(f"topic {missing[0]!r}: not on this broker, expected an input topic")
        with TemporaryDirectory() as folder:
            parts, left_out = list[Path](), 0
            for topic in request.topics:
                for number in known[topic]:
                    part = Path(folder) / f"{len(parts)}"
                    left_out += await _copy(reader, TopicPartition(topic, number), request, rewrite, progress, part)
                    parts.append(part)
            values = _merge(parts, request.out)
        directives, refused = await _control(reader, config, known, request, progress)
    return Recorded(values, directives, left_out + refused)


async def _copy(
    reader: AIOKafkaConsumer, tp: TopicPartition, request: RecordRequest, rewrite: Rewrite, progress: Progress,
    part: Path,
) -> int:
    """Write the values of a partition, each after its time of writing; returns how many could not be."""
    left_out = 0
    with part.open("wb") as file:
        async for one in _period(reader, tp, request, progress):
            try:
                value = orjson.loads(one.value or b"")
            except orjson.JSONDecodeError:
                left_out += 1
                continue
            file.write(b"%020d %s\n" % (one.timestamp, orjson.dumps(rewrite(value))))
    return left_out


def _merge(parts: Sequence[Path], out: Path) -> int:
    """Write the values of all partitions in one file, in the order of writing; returns how many."""
    count = 0
    with ExitStack() as files, out.open("wb") as target:
        lines: list[Iterator[bytes]] = [files.enter_context(part.open("rb")) for part in parts]
        for line in heapq.merge(*lines, key=lambda each: each[:20]):
            target.write(line[21:])
            count += 1
    return count


async def _control(
    reader: AIOKafkaConsumer, config: Config, known: dict[str, list[int]], request: RecordRequest, progress: Progress,
) -> tuple[int, int]:
    """Write the control records; returns how many, and how many could not be read. Signatures are not checked: whoever
    replays decides what a replay is told."""
    written = refused = 0
    if request.control is None:
        return 0, 0
    topic = config.topics.control
    with request.control.open("wb") as file:
        for number in known.get(topic, ()):
            async for one in _period(reader, TopicPartition(topic, number), request, progress):
                try:
                    _, directive = read_directive(dict(one.headers), one.value or b"")
                except (ControlRecordError, KeyError):
                    refused += 1
                    continue
                file.write(json_line(directive) + b"\n")
                written += 1
    return written, refused


async def _period(
    reader: AIOKafkaConsumer, tp: TopicPartition, request: RecordRequest, progress: Progress,
) -> AsyncIterator[Any]:
    """The committed records of a partition in the period, up to its present end."""
    place = f"{tp.topic}[{tp.partition}]"
    begin, end = await first_offset(reader, tp, request.since_s), (await reader.end_offsets([tp]))[tp]
    if begin >= end:
        return
    reader.assign([tp])
    reader.seek(tp, begin)
    empty_polls, at = 0, begin
    while at < end:
        batch = (await reader.getmany(tp, timeout_ms=1000)).get(tp, ())
        for one in batch:
            if request.until_s is None or one.timestamp < request.until_s * 1000.0:
                yield one
        moved = await reader.position(tp)
        empty_polls = empty_polls + 1 if moved == at else 0
        at = moved
        progress(place, min(at, end) - begin, end - begin)
        if empty_polls >= TIMEOUT_S:
            raise TimeoutError(f"{place} stopped at offset {at} of {end}")
