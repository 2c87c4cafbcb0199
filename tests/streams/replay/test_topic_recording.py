"""Records of topics are read as `kcat -J` writes them; a line that is none is named."""

from __future__ import annotations

import gzip
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.contracts.ticks import Tick, encode_tick
from streams.replay.recordings import RecordingError
from streams.replay.topic_recording import TopicRecording, is_topic_recording
from tests.streams.replay.topic_files import kcat_line, write_lines

KCAT = (
    b'{"topic":"latency","partition":0,"offset":5,"tstype":"create","ts":1795420000123,"broker":1,'
    b'"headers":["trace","\xc3\xa9"],"key":"chat","payload":"{\\"ts\\":1795420000.1,\\"service\\":\\"caf\xc3\xa9\\"}"}'
)
"""As version 1.7 of kcat writes it."""


def recorded(folder: Path, *lines: bytes) -> TopicRecording:
    return TopicRecording(write_lines(folder / "topics.jsonl", lines))


def read(recording: TopicRecording, topic: str, partition: int = 0) -> list[tuple[int, bytes | None]]:
    return [(record.offset, record.value) for record in recording.read(topic, partition)]


def test_a_line_of_kcat_is_a_record_with_its_partition_and_offset(tmp_path: Path) -> None:
    recording = recorded(tmp_path, KCAT)
    (record,) = recording.read("latency", 0)
    assert (record.topic, record.partition, record.offset) == ("latency", 0, 5)
    assert orjson.loads(record.value or b"") == {"ts": 1795420000.1, "service": "café"}
    assert recording.partitions == {"latency": {0}}


@given(st.binary(max_size=40) | st.none())
def test_the_bytes_of_a_payload_come_back_as_they_were(tmp_path_factory: pytest.TempPathFactory, value: bytes) -> None:
    recording = recorded(tmp_path_factory.mktemp("any"), kcat_line("otlp", 3, 17, value))
    assert read(recording, "otlp", 3) == [(17, value)]


def test_partitions_and_topics_may_share_files_and_go_on_in_the_next(tmp_path: Path) -> None:
    write_lines(tmp_path / "1.jsonl", [kcat_line("a", 0, 3, b"x"), b"", kcat_line("a", 1, 0, b"y")])
    second = [kcat_line("b", 0, 0, b"z"), kcat_line("a", 0, 4, None), kcat_line("a", 0, 9, b"w")]
    (tmp_path / "2.ndjson.gz").write_bytes(gzip.compress(b"\n".join(second)))
    (tmp_path / "notes.txt").write_text("no records")
    recording = TopicRecording(tmp_path)
    assert recording.partitions == {"a": {0, 1}, "b": {0}}
    assert read(recording, "a") == [(3, b"x"), (4, None), (9, b"w")]
    assert (read(recording, "a", 1), read(recording, "b"), read(recording, "c")) == ([(0, b"y")], [(0, b"z")], [])


@pytest.mark.parametrize(("line", "complaint"), [
    (b"{oops", "topics.jsonl:2: {oops, expected a record as `kcat -J` writes it, with topic, partition, offset and"),
    (b"\xff", "topics.jsonl:2: "),
    (b"[" * 5000 + b"\xff", "expected a record as"),
    (b"17", "topics.jsonl:2: 17, expected a record"),
    (b'{"topic": "a", "payload": "x"}', "topics.jsonl:2: a record without partition and offset, expected a record as"),
    (b'{"topic": 1, "partition": 0, "offset": 6, "payload": "x"}', "topics.jsonl:2: topic 1, expected a name"),
    (b'{"topic": "a", "partition": true, "offset": 6, "payload": ""}', "partition True, expected a number from 0 on"),
    (b'{"topic": "a", "partition": 0, "offset": -1, "payload": ""}', "offset -1, expected a number from 0 on"),
    (b'{"topic": "a", "partition": 0, "offset": "6", "payload": ""}', "offset '6', expected a number from 0 on"),
    (b'{"topic": "a", "partition": 0, "offset": 6, "payload": {}}', "payload {}, expected a string, or null"),
    (b'{"topic": "a", "partition": 0, "offset": 6, "payload": "\\u0394\xff"}', "expected the bytes of the payload"),
    (KCAT, "topics.jsonl:2: offset 5 of latency[0], expected a higher one than 5 before it"),
])
def test_a_line_that_is_no_record_is_named(tmp_path: Path, line: bytes, complaint: str) -> None:
    with pytest.raises(RecordingError) as caught:
        recorded(tmp_path, KCAT, line)
    assert complaint in caught.value.exit_message


@pytest.mark.parametrize(("line", "is_one"), [
    (KCAT, True),
    (b'{"topic": "a", "payload": "x"}', True),
    (b'{"partition": 0, "offset": 1}', True),
    (b'{"ts": 1, "service": "s", "metrics": {}, "topic": "a"}', False),
    (b'{"resourceMetrics": []}', False),
    (b"[1]", False),
    (b"{oops", False),
])
def test_a_recording_of_topics_is_known_by_its_first_line(tmp_path: Path, line: bytes, is_one: bool) -> None:
    file = write_lines(tmp_path / "b.jsonl", [b"", line])
    assert (is_topic_recording(file), is_topic_recording(tmp_path)) == (is_one, is_one)
    write_lines(tmp_path / "a.jsonl", [b'{"ts": 1}'])
    assert is_topic_recording(tmp_path) == is_one


def test_what_is_not_there_is_no_recording_of_topics(tmp_path: Path) -> None:
    assert not is_topic_recording(tmp_path / "nowhere.jsonl")
    assert not is_topic_recording(tmp_path)


def test_ticks_without_partition_and_offset_are_refused(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "ticks.jsonl", [encode_tick(Tick(1, 1.0, {}))])
    with pytest.raises(RecordingError) as caught:
        is_topic_recording(tmp_path)
    assert f'{file}:1: {{"format":1' in caught.value.exit_message
    assert "expected each tick in a record as `kcat -J` writes it" in caught.value.exit_message
