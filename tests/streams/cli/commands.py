"""Runs commands in this process, and reads what they wrote."""

from __future__ import annotations

from pathlib import Path

import orjson
from click.testing import CliRunner, Result

from streams.cli import main


def replayed(*arguments: object) -> Result:
    """The result of `tocsin replay`."""
    return CliRunner().invoke(main, ["replay", *map(str, arguments)])


def lines(file: Path) -> list[dict[str, object]]:
    """The objects of a file of JSON lines."""
    return [orjson.loads(line) for line in file.read_bytes().splitlines()]


def json_lines(folder: Path, *values: bytes) -> Path:
    """A file of these lines."""
    file = folder / "records.jsonl"
    file.write_bytes(b"".join(value + b"\n" for value in values))
    return file


def one_message(result: Result, *parts: str) -> None:
    """Check that a command failed with one line on stderr that has these parts, and exit code 2."""
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1), result.output
    assert all(part in result.stderr for part in parts), result.stderr
