"""What the commands by which people act have in common: the personal key, writing, and waiting for the answer."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from classifiers.directives import OfPerson
from config import load
from config.models import Config
from streams.cli import Failure
from streams.cli.time_arguments import DurationArgument

if TYPE_CHECKING:
    from streams.client.by_hand_writer import Signatory

T = TypeVar("T")
Command = Callable[..., None]
KEY_VARIABLE = "TOCSIN_KEY_FILE"
FINDING = 1
"""Exit code of a finding: nothing is wrong with the command, and what it asks for is not so."""
LOOK_EVERY_S = 0.5
ANSWER_WITHIN_S = 5.0
"""A worker that runs says sooner whether it accepts what a person wrote."""


@dataclass(frozen=True, slots=True)
class Author:
    """A person at the command line: the configuration, and the file with the private key."""

    config: Config
    key_file: Path

    def signatory(self) -> Signatory:
        """Whose key it is; one that nobody has ends as one message."""
        from streams.client.by_hand_writer import signatory

        return signatory(self.config, self.key_file)

    def write(self, build: Callable[[str], OfPerson]) -> tuple[str, str]:
        """Sign and write what `build` makes for the person of the key, and say where it stands.

        Returns the id and the place of the record, by which the audit may name it.
        """
        from streams.client.by_hand_writer import write_by_hand

        person = self.signatory()
        try:
            directive = build(person.name)
        except ValueError as error:
            raise Failure(str(error)) from error
        written = run(write_by_hand(self.config, directive, person))
        place = f"{written.topic}[{written.partition}]@{written.offset}"
        click.echo(f"{directive.id}: written to {place}, signed by {written.key}")
        return directive.id, place

    def act(self, build: Callable[[str], OfPerson]) -> None:
        """Write, and wait until the audit says whether it was accepted; exit with 1 where it was refused."""
        from streams.client.audit_log import read_audit_ends, read_control_answer

        since = run(read_audit_ends(self.config))
        subjects = self.write(build)
        if not since:  # the audit is not for this person to read
            return
        deadline_s = time.monotonic() + ANSWER_WITHIN_S
        while (answer := run(read_control_answer(self.config, subjects, since))) is None:
            if time.monotonic() >= deadline_s:
                click.echo(f"nobody has answered within {ANSWER_WITHIN_S:g} s, expected a worker that runs", err=True)
                return
            time.sleep(LOOK_EVERY_S)
        if answer.refusal is not None:
            click.echo(f"refused: {answer.refusal}", err=True)
            sys.exit(FINDING)


@dataclass(frozen=True, slots=True)
class Standing:
    """How something stands that people decide about. text: for people. decided_by: whose decision counts."""

    text: str
    decided_by: Collection[str | None]


def decide(
    author: Author, name: str, build: Callable[[str], OfPerson], look: Callable[[], Standing], wait_s: float,
) -> None:
    """Write a decision of the author about something, and wait until it counts; exit with 1 where it is refused, or
    does not count in time."""
    from streams.client.audit_log import read_audit_ends, read_control_answer

    since = run(read_audit_ends(author.config))
    subjects = author.write(build)
    person = author.signatory().name
    deadline_s = time.monotonic() + wait_s
    while True:
        now = look()
        if person in now.decided_by:
            click.echo(f"{name}: {now.text}")
            return
        answer = run(read_control_answer(author.config, subjects, since))
        refusal = None if answer is None else answer.refusal
        if refusal is not None or time.monotonic() >= deadline_s:
            nobody = f"no answer within {wait_s:g} s, expected a process with the role respond"
            click.echo(f"{name}: {now.text}; the decision does not count: {refusal or nobody}", err=True)
            sys.exit(FINDING)
        time.sleep(LOOK_EVERY_S)


def with_config(command: Command) -> Command:
    """Add `--config`; the command gets the loaded `Config` first."""
    @wraps(command)
    def run_command(*args: Any, config_file: Path | None, **options: Any) -> None:
        command(load(config_file, os.environ), *args, **options)

    return _config_option(run_command)


def with_author(command: Command) -> Command:
    """Add `--config` and `--key-file`; the command gets an `Author` first."""
    @wraps(command)
    def run_command(*args: Any, config_file: Path | None, key_file: Path | None, **options: Any) -> None:
        config = load(config_file, os.environ)
        if key_file is None and config.respond.key_file is not None:
            key_file = Path(config.respond.key_file)
        if key_file is None:
            raise Failure(f"no personal key, expected --key-file, {KEY_VARIABLE} or respond.key_file")
        command(Author(config, key_file), *args, **options)

    option = click.option(
        "--key-file", envvar=KEY_VARIABLE, type=click.Path(path_type=Path), show_envvar=True,
        help="Your private key, as `tocsin key new` writes it; default: respond.key_file.",
    )
    return _config_option(option(run_command))


def _config_option(command: Command) -> Command:
    option = click.option(
        "--config", "config_file", type=click.Path(path_type=Path), help="YAML laid over the shipped default.",
    )
    return option(command)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
wait_option = click.option(
    "--wait", "wait_s", type=DurationArgument(), default="15s", show_default=True,
    help="How long to wait for the answer of `tocsin respond`.",
)


def _told(_context: click.Context, _option: click.Parameter, value: str) -> str:
    if not value.strip():
        raise click.BadParameter(f"{value!r}, expected words")
    return value.strip()


def reason_option(help_: str) -> Callable[[Command], Command]:
    """A reason that must be given; blanks are none."""
    return click.option("--reason", required=True, callback=_told, help=help_)


comment_option = click.option("--comment", default="", help="Why; everybody who is told reads it.")


def run(work: Coroutine[None, None, T]) -> T:
    """Run to the end; what the operator can correct ends as one message."""
    from streams.cluster.topics import TopicError

    try:
        return asyncio.run(work)
    except TopicError as error:
        raise Failure(str(error)) from error


def date(at_s: float | None) -> str:
    """A time for people."""
    return "-" if at_s is None else datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds")[:19] + "Z"
