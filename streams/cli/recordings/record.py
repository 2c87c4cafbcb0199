"""`tocsin record`: the live topics of a period as a file that `tocsin replay` reads."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from actions.base import Secret
from actions.trust.hashed_labels import published_as
from config.models import Config
from streams.cli import Failure
from streams.cli.people.author import run, with_config
from streams.cli.time_arguments import TimeArgument, resolve_time

SECRET_BYTES = 32


@click.command()
@click.option("--since", type=TimeArgument(), required=True, help="From when on: 1h, or 2026-11-24T22:00.")
@click.option("--until", type=TimeArgument(), help="Before when. Default: up to now.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The file: NAME.jsonl.")
@click.option("--topic", "topics", multiple=True, help="Of this input alone; may be repeated. Default: all inputs.")
@click.option("--control", type=click.Path(dir_okay=False, path_type=Path),
              help="Write the control records to this file, for `tocsin replay --control`.")
@click.option("--hash-labels", "hashed", default="", metavar="LABELS",
              help="Replace the values of these labels (tenant,...) by keyed hashes, by the names in the records.")
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
@with_config
def record(
    config: Config, since: float, until: float | None, out: Path, topics: tuple[str, ...], control: Path | None,
    hashed: str, force: bool,
) -> None:
    """Write the records of the input topics to a file that `tocsin replay` reads, in the order of their writing.

    The time is that at which a record was written to its topic. Records that are no JSON are left out and counted. A
    file has one format: with inputs of several formats, choose by --topic.

    Hashes are keyed by the secret of `labels`; without one, by a key of this recording, which nobody keeps: equal
    values are equal in the file, and cannot be told from it. Exit code 1 when the period holds no record.
    """
    from streams.client.recording.label_hashing import hashed_labels
    from streams.client.recording.recorder import RecordRequest
    from streams.client.recording.recorder import record as record_topics

    for file in (out, control):
        if file is not None and file.exists() and not force:
            raise Failure(f"{file}: exists, expected a new file, or --force")
    now_s = time.time()
    since_s = resolve_time(since, now_s)
    assert since_s is not None
    request = RecordRequest(_chosen(config, topics), since_s, resolve_time(until, now_s), out, control)
    names = [name.strip() for name in hashed.split(",") if name.strip()]
    by_label = published_as(names, config.labels.secret or Secret(secrets.token_hex(SECRET_BYTES)))
    with _Bars() as bars:
        done = run(record_topics(
            config, request, lambda value: hashed_labels(value, by_label) if by_label else value, bars.show,
        ))
    click.echo(
        f"{done.values} records in {out}" + (f", {done.directives} control records in {control}" if control else "")
        + (f"; {done.left_out} left out, which are no JSON or no control record" if done.left_out else ""),
    )
    if not done.values:
        raise click.exceptions.Exit(1)


def _chosen(config: Config, topics: Sequence[str]) -> list[str]:
    """The input topics to record, all of one format."""
    formats = {one.topic: one.format for one in config.inputs}
    unknown = [topic for topic in topics if topic not in formats]
    if unknown:
        raise Failure(f"--topic {unknown[0]!r}: no input, expected one of {', '.join(formats)}")
    chosen = list(topics or formats)
    if len({formats[topic] for topic in chosen}) > 1:
        told = ", ".join(f"{topic} is {formats[topic]}" for topic in chosen)
        raise Failure(f"inputs of several formats ({told}), expected --topic with those of one format")
    return chosen


class _Bars:
    """One bar a partition on a terminal, on stderr; nothing where stderr is none."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"),
            TimeRemainingColumn(), console=console, disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, place: str, passed: int, total: int) -> None:
        """How far the recording of a partition has come."""
        if place not in self._tasks:
            self._tasks[place] = self._progress.add_task(place, total=total)
        self._progress.update(self._tasks[place], completed=passed)
