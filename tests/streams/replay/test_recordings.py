"""Recordings become native records; what cannot be read names its place."""

from __future__ import annotations

import gzip
from pathlib import Path

import orjson
import pytest

from streams.replay.recordings import RecordingError, read_recording, read_values, split_topics

HEADER = (
    "ts,arrival,model,version,replica,tenant,status,queue_ms,ttft_ms,tpot_ms,latency_ms,prompt_tokens,"
    "completion_tokens,confidence,mean_logprob,batch_active,queue_depth\n"
)
ROW = "10.5,9.5,bytegpt,v1,r0,code,ok,57.43,130.38,114.936,1049.86,52,9,0.75761,-0.60452,45,0\n"
RECORDING = Path(__file__).parents[2] / "recordings" / "serving-h100-2"


def csv_file(folder: Path, *rows: str) -> Path:
    (folder / "requests.csv").write_text(HEADER + "".join(rows))
    return folder


def test_a_row_becomes_a_native_record(tmp_path: Path) -> None:
    assert list(read_recording(csv_file(tmp_path, ROW))) == [{
        "ts": 10.5, "service": "serving", "model": "bytegpt", "version": "v1", "replica": "r0", "tenant": "code",
        "metrics": {
            "latency_ms": 1049.86, "queue_ms": 57.43, "ttft_ms": 130.38, "tpot_ms": 114.936, "prompt_tokens": 52.0,
            "completion_tokens": 9.0, "confidence": 0.75761, "logprob": -0.60452, "batch_active": 45.0,
            "queue_depth": 0.0, "error": 0.0,
        },
    }]


def test_an_empty_cell_is_left_out_and_never_zero(tmp_path: Path) -> None:
    row = "10.5,9.5,bytegpt,,r0,code,timeout,57.43,,,6000,52,0,,,45,0\n"

    record = next(read_recording(csv_file(tmp_path, row)))

    assert "version" not in record
    assert not {"ttft_ms", "tpot_ms", "confidence", "logprob"} & record["metrics"].keys()
    assert record["metrics"]["error"] == 1.0


def test_the_whole_recording_is_read_in_order_of_time() -> None:
    records = list(read_recording(RECORDING))

    assert len(records) == 21_553
    assert [r["ts"] for r in records] == sorted(r["ts"] for r in records)


def test_values_carry_offsets_and_the_same_records() -> None:
    values = [value for _, value in zip(range(50), read_values(RECORDING), strict=False)]

    assert [offset for offset, _ in values] == list(range(50))
    assert orjson.loads(values[0][1]) == next(read_recording(RECORDING))


def test_a_record_splits_into_the_three_topics(tmp_path: Path) -> None:
    record = next(read_recording(csv_file(tmp_path, ROW)))

    parts = dict(split_topics(record))

    assert list(parts) == ["inference.latency", "inference.confidence", "inference.tokens"]
    assert parts["inference.confidence"]["metrics"] == {"confidence": 0.75761, "logprob": -0.60452}
    assert parts["inference.tokens"]["metrics"] == {"prompt_tokens": 52.0, "completion_tokens": 9.0}
    assert sum(len(part["metrics"]) for part in parts.values()) == len(record["metrics"])
    assert all(part["replica"] == "r0" and part["ts"] == 10.5 for part in parts.values())


def test_a_topic_without_metrics_gets_no_record(tmp_path: Path) -> None:
    row = "10.5,9.5,bytegpt,v1,r0,code,timeout,1,,,6000,,,,,45,0\n"

    parts = split_topics(next(read_recording(csv_file(tmp_path, row))))

    assert [topic for topic, _ in parts] == ["inference.latency"]


def test_json_lines_hold_objects_or_arrays(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"ts": 1, "service": "s"}\n\n[{"ts": 2}, {"ts": 3}]\n')

    assert [record["ts"] for record in read_recording(path)] == [1, 2, 3]


def test_a_folder_of_json_lines_is_merged_by_time(tmp_path: Path) -> None:
    (tmp_path / "b.jsonl").write_text('{"ts": 1}\n{"ts": 4}\n')
    (tmp_path / "a.ndjson").write_text('{"ts": 3}\n')
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress(b'{"ts": 2}\n'))

    assert [record["ts"] for record in read_recording(tmp_path)] == [1, 2, 3, 4]


@pytest.mark.parametrize(("row", "complaint"), [
    (ROW.replace("130.38", "fast"), r"requests.csv:3: ttft_ms='fast', expected a number"),
    (ROW.replace("10.5,", ",", 1), r"requests.csv:3: ts='', expected a number"),
    ("1,2,3\n", r"requests.csv:3: 3 cells, expected 17 as in the header"),
])
def test_a_bad_row_is_named_by_file_line_value_and_expectation(tmp_path: Path, row: str, complaint: str) -> None:
    with pytest.raises(RecordingError, match=complaint):
        list(read_recording(csv_file(tmp_path, ROW, row)))


@pytest.mark.parametrize(("line", "complaint"), [
    ("{oops", r"a.jsonl:2: \{oops, expected JSON"),
    ("17", "a.jsonl:2: 17, expected an object with a number ts"),
    ('{"ts": "now"}', 'a.jsonl:2: {"ts":"now"}, expected an object with a number ts'),
    ('{"ts": true}', "expected an object with a number ts"),
    ("[{}]", "expected an object with a number ts"),
])
def test_a_bad_json_line_is_named(tmp_path: Path, line: str, complaint: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"ts": 1}\n' + line + "\n")

    with pytest.raises(RecordingError, match=complaint):
        list(read_recording(path))


def test_a_truncated_archive_is_named(tmp_path: Path) -> None:
    path = tmp_path / "requests.csv.gz"
    path.write_bytes(gzip.compress((HEADER + ROW * 1000).encode())[:100])

    with pytest.raises(RecordingError, match="readable file, whole if compressed"):
        list(read_recording(tmp_path))


@pytest.mark.parametrize("name", ["missing", "notes.txt", "."])
def test_what_is_no_recording_says_what_one_is(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("no recording")

    with pytest.raises(RecordingError, match="expected"):
        read_recording(tmp_path / name)


def test_a_csv_without_the_needed_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "requests.csv").write_text("a,b\n1,2\n")

    with pytest.raises(RecordingError, match="a header with ts, status"):
        list(read_recording(tmp_path))
