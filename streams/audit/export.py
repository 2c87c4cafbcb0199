"""The audit and its checkpoints as lines of JSON: first the records of each partition in order, then the checkpoints.

`{"type": "record", "partition": 0, "offset": 7, "timestamp": 1795420000000, "key": ..., "headers": [[name, text]],
"value": ...}`; a checkpoint has the same but for place and time. Text is UTF-8; what is not stands as
`{"base64": "..."}`. Enough to verify the signatures without a broker.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from streams.audit.checkpoint_records import CheckpointRecord
from streams.contracts.envelopes import Header


class ExportError(ValueError):
    """A line that is none of an export. The command line shows `exit_message`."""

    def __init__(self, path: Path, line: int, reason: str) -> None:
        self.exit_message = f"{path}:{line}: {reason}"
        super().__init__(self.exit_message)


@dataclass(frozen=True, slots=True)
class KeptRecord:
    """A record of the audit, as it was read or exported. timestamp: milliseconds since the epoch."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...]


@dataclass(slots=True)
class KeptAudit:
    """The audit by partition, in the order in which it was read, and the records of its checkpoints."""

    records: dict[int, list[KeptRecord]] = field(default_factory=dict)
    checkpoints: list[CheckpointRecord] = field(default_factory=list)


def json_lines(audit: KeptAudit) -> Iterator[bytes]:
    """The lines of an export, each with its newline."""
    for partition in sorted(audit.records):
        for one in audit.records[partition]:
            place = {"partition": one.partition, "offset": one.offset, "timestamp": one.timestamp}
            line = {"type": "record", **place, "key": _text(one.key), **_content(one.value, one.headers)}
            yield orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
    for each in audit.checkpoints:
        line = {"type": "checkpoint", **_content(each.value, each.headers)}
        yield orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def read_export(path: Path) -> KeptAudit:
    """The audit of a file; raises `OSError`, and `ExportError` naming the line."""
    audit = KeptAudit()
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                _add(audit, orjson.loads(line))
            except (KeyError, TypeError, ValueError, binascii.Error) as error:
                raise ExportError(path, number, f"{error!r}, expected a line of `tocsin audit export`") from error
    return audit


def _add(audit: KeptAudit, line: dict[str, object]) -> None:
    headers = tuple((str(name), _bytes(value) or b"") for name, value in _pairs(line["headers"]))
    value = _bytes(line["value"])
    if line["type"] == "checkpoint":
        audit.checkpoints.append(CheckpointRecord(value, headers))
        return
    partition, offset, timestamp = (int(str(line[name])) for name in ("partition", "offset", "timestamp"))
    record = KeptRecord(partition, offset, timestamp, _bytes(line["key"]), value, headers)
    audit.records.setdefault(partition, []).append(record)


def _pairs(value: object) -> Iterable[tuple[object, object]]:
    if not isinstance(value, list):
        raise TypeError(f"headers {value!r}")
    return [(name, content) for name, content in value]


def _content(value: bytes | None, headers: Sequence[Header]) -> dict[str, object]:
    return {"headers": [[name, _text(content)] for name, content in headers], "value": _text(value)}


def _text(value: bytes | None) -> object:
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


def _bytes(value: object) -> bytes | None:
    if isinstance(value, dict):
        return base64.b64decode(str(value["base64"]), validate=True)
    return None if value is None else str(value).encode()
