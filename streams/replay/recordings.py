"""Recordings as streams of native records: a recording directory (`requests.csv.gz`), JSON lines, or a folder of them.

A file of JSON lines may also hold the records of a topic in another JSON format, one a line: OTLP/JSON as the file
exporter of the Collector writes it, or Prometheus samples. `recorded_format` returns which.

Reads in bounded memory, without a broker. CSV columns become metrics of the native record (`METRIC_OF_COLUMN`); an
empty cell is left out, and never 0. 23,000 rows take about a quarter of a second.
"""

from __future__ import annotations

import csv
import gzip
import heapq
import math
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NotRequired, TypedDict, cast

import orjson

from streams.intake.formats import InputFormat

SERVICE = "serving"
JSON_SUFFIXES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
CSV_NAMES = ("requests.csv.gz", "requests.csv")

LABELS = ("model", "version", "replica", "tenant")
METRIC_OF_COLUMN = {
    "latency_ms": "latency_ms", "queue_ms": "queue_ms", "ttft_ms": "ttft_ms", "tpot_ms": "tpot_ms",
    "prompt_tokens": "prompt_tokens", "completion_tokens": "completion_tokens", "confidence": "confidence",
    "mean_logprob": "logprob", "batch_active": "batch_active", "queue_depth": "queue_depth",
}
TOPIC_METRICS = {
    "inference.latency": ("latency_ms", "queue_ms", "ttft_ms", "tpot_ms", "batch_active", "queue_depth", "error"),
    "inference.confidence": ("confidence", "logprob"),
    "inference.tokens": ("prompt_tokens", "completion_tokens"),
}


class RecordedRequest(TypedDict):
    """One request as serving stacks write it: `ts` in seconds since the epoch, metrics with their unit last."""

    ts: float
    service: str
    metrics: dict[str, float]
    model: NotRequired[str]
    version: NotRequired[str]
    replica: NotRequired[str]
    tenant: NotRequired[str]
    trace_id: NotRequired[str]


class RecordingError(Exception):
    """A recording that cannot be read: place, line, value, expected. The command line shows `exit_message`."""

    def __init__(self, path: Path | str, line: int | None, value: object, expected: str) -> None:
        place = str(path) if line is None else f"{path}:{line}"
        self.exit_message = f"{place}: {_short(value)}, expected {expected}"
        super().__init__(self.exit_message)


def read_recording(path: Path) -> Iterator[RecordedRequest]:
    """The records of a recording, files of a folder merged by `ts`.

    Only the shape is checked here (objects with a number `ts`). The codec checks labels and values, so that a replay
    handles malformed records as a worker does. Raises `RecordingError`, at the first call or when a line is reached.
    """
    if not path.exists():
        raise RecordingError(path, None, "no such file", "a recording directory or a .jsonl file")
    if path.is_file():
        return _read_file(path)
    for name in CSV_NAMES:
        if (path / name).is_file():
            return _read_csv(path / name)
    files = sorted(entry for entry in path.iterdir() if entry.name.endswith(JSON_SUFFIXES))
    if not files:
        expected = f"{' or '.join(CSV_NAMES)} in it, or files ending in {', '.join(JSON_SUFFIXES)}"
        raise RecordingError(path, None, "no recording", expected)
    return heapq.merge(*(_read_json(file) for file in files), key=lambda record: record["ts"])


def read_values(path: Path) -> Iterator[tuple[int, bytes]]:
    """The records of `read_recording` as of a topic: offset from 0 and JSON bytes."""
    return enumerate(orjson.dumps(record) for record in read_recording(path))


def recorded_format(path: Path) -> InputFormat:
    """The format of a recording by its first line; native for whatever is no file of JSON lines in another format."""
    if not path.is_file() or not path.name.endswith(JSON_SUFFIXES):
        return "native"
    first = next((raw for _, raw in read_lines(path) if raw.strip()), b"{}")
    try:
        entry = orjson.loads(first)
    except orjson.JSONDecodeError:
        return "native"
    if isinstance(entry, dict) and "resourceMetrics" in entry:
        return "otlp_json"
    prometheus = isinstance(entry, dict) and entry.keys() >= {"name", "labels", "timestamp", "value"}
    return "prometheus_json" if prometheus else "native"


def read_topic(path: Path) -> Iterator[tuple[int, bytes]]:
    """The records of a topic, one a line, unchanged: offset from 0 and bytes. Raises `RecordingError`."""
    return enumerate(raw for _, raw in read_lines(path) if raw.strip())


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file, decompressed, with their numbers from 1 on. Raises `RecordingError`."""
    try:
        with _open(path) as file:
            yield from enumerate(file, 1)
    except (OSError, EOFError) as error:
        raise RecordingError(path, None, error, "a readable file, whole if compressed") from error


def split_topics(record: RecordedRequest) -> tuple[tuple[str, RecordedRequest], ...]:
    """One record for each input topic that has a metric in it; metrics that no topic carries are left out."""
    parts: list[tuple[str, RecordedRequest]] = []
    for topic, names in TOPIC_METRICS.items():
        metrics = {name: record["metrics"][name] for name in names if name in record["metrics"]}
        if metrics:
            part = record.copy()
            part["metrics"] = metrics
            parts.append((topic, part))
    return tuple(parts)


def _read_file(path: Path) -> Iterator[RecordedRequest]:
    if path.name.endswith((".csv", ".csv.gz")):
        return _read_csv(path)
    if path.name.endswith(JSON_SUFFIXES):
        return _read_json(path)
    raise RecordingError(path, None, path.name, f"a name ending in .csv, .csv.gz, {', '.join(JSON_SUFFIXES)}")


def _open(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def _read_csv(path: Path) -> Iterator[RecordedRequest]:
    rows = csv.reader(_text(path))
    header = next(rows, None)
    if header is None or not {"ts", "status"} < set(header):
        raise RecordingError(path, 1, header, "a header with ts, status and metric columns")
    labels = [(name, header.index(name)) for name in LABELS if name in header]
    metrics = [(name, header.index(column)) for column, name in METRIC_OF_COLUMN.items() if column in header]
    ts_at, status_at = header.index("ts"), header.index("status")
    for line, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise RecordingError(path, line, f"{len(row)} cells", f"{len(header)} as in the header")
        try:
            values = {name: float(row[at]) for name, at in metrics if row[at]}
            ts = float(row[ts_at])
        except ValueError as error:
            raise _bad_cell(path, line, row, [*metrics, ("ts", ts_at)]) from error
        values["error"] = 0.0 if row[status_at] == "ok" else 1.0
        record: dict[str, object] = {"ts": ts, "service": SERVICE, "metrics": values}
        record.update((name, row[at]) for name, at in labels if row[at])
        yield cast("RecordedRequest", record)


def _text(path: Path) -> Iterator[str]:
    for line, raw in read_lines(path):
        try:
            yield raw.decode()
        except UnicodeDecodeError as error:
            raise RecordingError(path, line, raw, "UTF-8 text") from error


def _bad_cell(path: Path, line: int, row: list[str], columns: list[tuple[str, int]]) -> RecordingError:
    for name, at in columns:
        try:
            float(row[at] or (0 if name != "ts" else ""))
        except ValueError:
            return RecordingError(path, line, f"{name}={row[at]!r}", "a number")
    return RecordingError(path, line, row, "numbers")


def _read_json(path: Path) -> Iterator[RecordedRequest]:
    for line, raw in read_lines(path):
        if not raw.strip():
            continue
        try:
            value = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise RecordingError(path, line, raw, f"JSON ({error})") from error
        for record in value if isinstance(value, list) else (value,):
            if not isinstance(record, dict) or not _is_number(record.get("ts")):
                raise RecordingError(path, line, orjson.dumps(record), "an object with a number ts")
            yield cast("RecordedRequest", record)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _short(value: object, limit: int = 120) -> str:
    text = value.decode(errors="replace").rstrip() if isinstance(value, bytes) else str(value)
    return text if len(text) <= limit else f"{text[:limit]}..."
