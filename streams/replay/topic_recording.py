"""Recordings of topics: JSON lines with topic, partition, offset and payload of each record, as `kcat -J` writes them.

    {"topic": "tocsin.ticks", "partition": 0, "offset": 17, "key": null, "payload": "{\\"format\\":1, ...}"}

Other fields are ignored. The payload is a string, null for a record without a value. A file may hold several topics and
partitions, and a partition may go on in the next file by name. Within a partition offsets ascend. kcat writes the bytes
of a payload as they are, so a line whose payload is not UTF-8 is read as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import orjson

from streams.replay.recordings import JSON_SUFFIXES, RecordingError, read_lines
from streams.replay.replay import ReplayRecord

FIELDS = ("topic", "partition", "offset", "payload")
WANTED = "a record as `kcat -J` writes it, with topic, partition, offset and payload"


class TopicRecording:
    """The records of some topics. Reads all files once, and again for each partition that is asked for.

    Memory does not grow with the number of records. Raises `RecordingError`, naming file, line and value, for a line
    that is no such record, or whose offset is not higher than the one before it in its partition.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._files: dict[tuple[str, int], list[Path]] = {}
        ends: dict[tuple[str, int], int] = {}
        for file in _files(path):
            for line, record in _read(file):
                place = record.topic, record.partition
                if record.offset < ends.get(place, 0):
                    offset = f"offset {record.offset} of {record.topic}[{record.partition}]"
                    raise RecordingError(file, line, offset, f"a higher one than {ends[place] - 1} before it")
                ends[place] = record.offset + 1
                files = self._files.setdefault(place, [])
                if file not in files:
                    files.append(file)

    @property
    def partitions(self) -> Mapping[str, frozenset[int]]:
        """The partitions with records, by topic."""
        topics = sorted({topic for topic, _ in self._files})
        return {topic: frozenset(number for name, number in self._files if name == topic) for topic in topics}

    def read(self, topic: str, partition: int) -> Iterator[ReplayRecord]:
        """The records of one partition, in order of offset."""
        for file in self._files.get((topic, partition), ()):
            for _, record in _read(file):
                if (record.topic, record.partition) == (topic, partition):
                    yield record


def is_topic_recording(path: Path) -> bool:
    """Whether the first line of a file, or of any file of a folder, looks like a record of a topic.

    Raises `RecordingError` for ticks alone: without their partition and offset they cannot be repeated.
    """
    found = False
    for file in _files(path):
        line, raw = next(((line, raw) for line, raw in read_lines(file) if raw.strip()), (1, b"{}"))
        entry, _ = _parse(raw)
        if isinstance(entry, dict) and entry.keys() >= {"format", "generation", "offsets"}:
            raise RecordingError(file, line, raw, f"each tick in {WANTED}")
        found |= isinstance(entry, dict) and len(entry.keys() & set(FIELDS)) > 1
    return found


def _files(path: Path) -> list[Path]:
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return [file for file in files if file.name.endswith(JSON_SUFFIXES) and file.is_file()]


def _read(file: Path) -> Iterator[tuple[int, ReplayRecord]]:
    for line, raw in read_lines(file):
        if raw.strip():
            yield line, _record(file, line, raw)


def _record(file: Path, line: int, raw: bytes) -> ReplayRecord:
    entry, encoding = _parse(raw)
    if not isinstance(entry, dict):
        raise RecordingError(file, line, raw, WANTED)
    missing = [name for name in FIELDS if name not in entry]
    if missing:
        raise RecordingError(file, line, f"a record without {' and '.join(missing)}", WANTED)
    topic, partition, offset, payload = (entry[name] for name in FIELDS)
    _check(file, line, "topic", topic, isinstance(topic, str), "a name")
    for name, number in (("partition", partition), ("offset", offset)):
        _check(file, line, name, number, type(number) is int and number >= 0, "a number from 0 on")
    _check(file, line, "payload", payload, payload is None or isinstance(payload, str), "a string, or null")
    try:
        value = None if payload is None else payload.encode(encoding)
    except UnicodeEncodeError as error:
        raise RecordingError(file, line, raw, f"the bytes of the payload as they are, or UTF-8 ({error})") from None
    return ReplayRecord(offset, value, topic, partition)


def _check(file: Path, line: int, name: str, value: object, is_valid: bool, expected: str) -> None:
    if not is_valid:
        raise RecordingError(file, line, f"{name} {value!r}", expected)


def _parse(raw: bytes) -> tuple[object, str]:
    """The JSON of a line, None where there is none, and the encoding that gives its bytes back.

    Where the bytes are not UTF-8, each is read as one character, and so comes back as it was.
    """
    try:
        return orjson.loads(raw), "utf-8"
    except orjson.JSONDecodeError:
        pass
    try:
        raw.decode()
    except UnicodeDecodeError:
        try:
            return json.loads(raw.decode("latin-1")), "latin-1"
        except (ValueError, RecursionError):
            pass
    return None, "utf-8"
