"""Control records as lines of JSON, for replays: `{"type": "tocsin.control.silence.v1", "data": {...}}`, no signature.

Whoever runs a replay may say what they like in it; what a worker believes comes from the signed topic alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson

from classifiers.directives import Directive
from streams.contracts.control_records import Refused, kind_of, parse


class UnreadableControl(ValueError):  # noqa: N818
    """A file that holds something else than control records. The command line shows `exit_message`."""

    def __init__(self, path: Path, line: int, reason: str) -> None:
        self.exit_message = f"{path}:{line}: {reason}"
        super().__init__(self.exit_message)


def line_of(directive: Directive) -> bytes:
    """A directive as a line, without its newline."""
    return orjson.dumps({"type": kind_of(directive).event_type, "data": directive})


def read_directives(path: Path) -> Iterator[Directive]:
    """The directives of a file, empty lines passed over. Raises `OSError` and `UnreadableControl`, naming the place."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                yield _read(orjson.loads(line))
            except (orjson.JSONDecodeError, Refused) as error:
                raise UnreadableControl(path, number, str(error)) from error


def _read(entry: object) -> Directive:
    if not isinstance(entry, dict) or not isinstance(entry.get("type"), str):
        raise Refused("malformed", 'no type, expected {"type": "tocsin.control.silence.v1", "data": {...}}')
    return parse(entry["type"], orjson.dumps(entry.get("data")))
