"""Control records as lines of JSON, for replays: `{"type": "tocsin.control.silence.v1", "data": {...}}`.

They have no signature. Only a replay reads them; a worker reads the signed topic alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson

from classifiers.directives import Directive
from streams.contracts.control_records import ControlRecordError, message_type_of, parse


class ControlFileError(ValueError):
    """A line that is no control record. The command line shows `exit_message`."""

    def __init__(self, path: Path, line: int, reason: str) -> None:
        self.exit_message = f"{path}:{line}: {reason}"
        super().__init__(self.exit_message)


def json_line(directive: Directive) -> bytes:
    """A directive as a line of JSON, without its newline."""
    return orjson.dumps({"type": message_type_of(directive).event_type, "data": directive})


def read_directives(path: Path) -> Iterator[Directive]:
    """The directives of a file; empty lines are skipped. Raises `OSError` and `ControlFileError`, naming the place."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                yield _read(orjson.loads(line))
            except (orjson.JSONDecodeError, ControlRecordError) as error:
                raise ControlFileError(path, number, str(error)) from error


def _read(entry: object) -> Directive:
    if not isinstance(entry, dict) or not isinstance(entry.get("type"), str):
        raise ControlRecordError("malformed", 'no type, expected {"type": "tocsin.control.silence.v1", "data": {...}}')
    return parse(entry["type"], orjson.dumps(entry.get("data")))
