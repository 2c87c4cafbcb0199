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
from typing import IO, Any, NotRequired, TypedDict, cast

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
        super().__init__(path, line, value, expected)  # so it can come from another process

    def __str__(self) -> str:
        return self.exit_message


def read_recording(path: Path) -> Iterator[RecordedRequest]:
    """The records of a recording as they are played, files of a folder merged by `ts`. Arrays give several.

    Only what playing needs is checked: objects with a number `ts`, and numbers in a table. Raises `RecordingError`, at
    the first call or when a line is reached.
    """
    table = _table_of(path)
    if table is not None:
        return _read_table(table)
    return heapq.merge(*map(_read_json, _json_files(path)), key=lambda record: record["ts"])


def read_values(path: Path) -> Iterator[tuple[int, bytes]]:
    """The records of a recording as of a topic: number from 0, which is that of the line in a single file, and bytes.

    A record that is malformed comes as it is, so that a replay rejects it as a worker does. Files of a folder are
    merged by `ts`; a record without one follows the record before it. Raises `RecordingError` for what is no recording.
    """
    table = _table_of(path)
    if table is not None:
        return enumerate(orjson.dumps(record) for _, record in _read_rows(table))
    files = _json_files(path)
    if path.is_file():
        return read_topic(path)
    merged = heapq.merge(*(_timed(file) for file in files), key=lambda timed: timed[0])
    return enumerate(raw for _, raw in merged)


def recorded_format(path: Path) -> InputFormat:
    """The format of a recording by its first line that is JSON; native for whatever is no file of JSON lines in another
    format."""
    if not path.is_file() or not path.name.endswith(JSON_SUFFIXES):
        return "native"
    parsed = (_parse(raw) for _, raw in read_lines(path) if raw.strip())
    entry = next((value for value in parsed if value is not None), None)
    if isinstance(entry, dict) and "resourceMetrics" in entry:
        return "otlp_json"
    prometheus = isinstance(entry, dict) and entry.keys() >= {"name", "labels", "timestamp", "value"}
    return "prometheus_json" if prometheus else "native"


def read_topic(path: Path) -> Iterator[tuple[int, bytes]]:
    """The records of a topic, one a line, unchanged: the number of the line from 0 and bytes. Raises `RecordingError`.
    """
    return ((line - 1, raw) for line, raw in read_lines(path) if raw.strip())


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


def _table_of(path: Path) -> Path | None:
    """The file of a recording that is a table; None for one of JSON lines. Raises `RecordingError`."""
    if not path.exists():
        raise RecordingError(path, None, "no such file", "a recording directory or a .jsonl file")
    if path.is_file():
        return path if path.name.endswith((".csv", ".csv.gz")) else None
    return next((path / name for name in CSV_NAMES if (path / name).is_file()), None)


def _json_files(path: Path) -> list[Path]:
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    found = [file for file in files if file.name.endswith(JSON_SUFFIXES)]
    if found:
        return found
    if path.is_dir():
        expected = f"{' or '.join(CSV_NAMES)} in it, or files ending in {', '.join(JSON_SUFFIXES)}"
        raise RecordingError(path, None, "no recording", expected)
    raise RecordingError(path, None, path.name, f"a name ending in .csv, .csv.gz, {', '.join(JSON_SUFFIXES)}")


def _open(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def _read_table(path: Path) -> Iterator[RecordedRequest]:
    """The rows of a table; raises `RecordingError` for a cell that is no number."""
    for line, record in _read_rows(path):
        for name, value in {"ts": record["ts"], **record["metrics"]}.items():
            if not isinstance(value, float):
                raise RecordingError(path, line, f"{name}={value!r}", "a number")
        yield cast("RecordedRequest", record)


def _read_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a table as native records, with their lines. A cell that is no number comes as its text."""
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
        values = {name: _number(row[at]) for name, at in metrics if row[at]}
        values["error"] = 0.0 if row[status_at] == "ok" else 1.0
        record: dict[str, Any] = {"ts": _number(row[ts_at]), "service": SERVICE, "metrics": values}
        record.update((name, row[at]) for name, at in labels if row[at])
        yield line, record


def _number(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell


def _text(path: Path) -> Iterator[str]:
    for line, raw in read_lines(path):
        try:
            yield raw.decode()
        except UnicodeDecodeError as error:
            raise RecordingError(path, line, raw, "UTF-8 text") from error


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


def _timed(path: Path) -> Iterator[tuple[float, bytes]]:
    """The lines of a file, each with its `ts`: of the first record of an array; without one that of the line before."""
    ts = -math.inf
    for _, raw in read_lines(path):
        value = _parse(raw)
        first = value[0] if isinstance(value, list) and value else value
        if isinstance(first, dict) and _is_number(first.get("ts")):
            ts = float(first["ts"])
        if raw.strip():
            yield ts, raw


def _parse(raw: bytes) -> object:
    """The JSON of a line, None where there is none."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _short(value: object, limit: int = 120) -> str:
    text = value.decode(errors="replace").rstrip() if isinstance(value, bytes) else str(value)
    return text if len(text) <= limit else f"{text[:limit]}..."
