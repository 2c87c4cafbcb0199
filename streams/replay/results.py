"""The folder of results that a replay writes: incidents, actions and audit as JSON lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import orjson

from actions.model import Intent, Outcome
from streams.contracts.envelopes import WireError, read_audit, read_incident, read_intent, read_outcome
from streams.replay.comparison import Results
from streams.replay.recordings import RecordingError, read_lines
from streams.replay.replay import Replay

INCIDENTS, ACTIONS, AUDIT = NAMES = ("incidents.jsonl", "actions.jsonl", "audit.jsonl")

T = TypeVar("T")


def results_of(replay: Replay) -> Results:
    """The results of a replay, as they are compared."""
    return Results(tuple(replay.incidents.values()), tuple(replay.actions), tuple(replay.audit))


def is_results(folder: Path) -> bool:
    """Whether a folder holds the results of a replay."""
    return (folder / INCIDENTS).is_file() and (folder / ACTIONS).is_file()


def refuse_results(folder: Path) -> None:
    """Raises `RecordingError` where a folder holds results, or a part of them, that would be overwritten."""
    found = [name for name in NAMES if (folder / name).exists()]
    if found:
        raise RecordingError(folder, None, f"holds {', '.join(found)}",
                             "a folder without results, or --force to overwrite them")


def write_results(folder: Path, results: Results) -> None:
    """Make the folder, and write the three files. Raises `OSError`."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / INCIDENTS, results.incidents)
    _write(folder / ACTIONS, ({"intent": intent, "outcome": outcome} for intent, outcome in results.actions))
    _write(folder / AUDIT, results.audit)


def read_results(folder: Path) -> Results:
    """The results in a folder; the audit may be missing. Raises `RecordingError` with file, line and what is wrong."""
    audit = folder / AUDIT
    return Results(
        tuple(_read(folder / INCIDENTS, read_incident)), tuple(_read(folder / ACTIONS, _action)),
        tuple(_read(audit, read_audit)) if audit.exists() else (),
    )


def _action(line: bytes) -> tuple[Intent, Outcome | None]:
    entry = orjson.loads(line)
    if not isinstance(entry, dict) or not entry.keys() >= {"intent", "outcome"}:
        raise WireError("not an object with intent and outcome")
    outcome = entry["outcome"]
    return read_intent(orjson.dumps(entry["intent"])), None if outcome is None else read_outcome(orjson.dumps(outcome))


def _read(file: Path, read: Callable[[bytes], T]) -> Iterator[T]:
    for line, raw in read_lines(file):
        if raw.strip():
            try:
                yield read(raw)
            except (WireError, orjson.JSONDecodeError) as error:
                raise RecordingError(file, line, str(error), "a line as `tocsin replay` writes it") from error


def _write(path: Path, lines: Iterable[object]) -> None:
    with path.open("wb") as file:
        file.writelines(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines)
