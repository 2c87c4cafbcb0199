"""`tocsin control`: what people and pipelines tell the workers, signed, on the control topic."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path
from typing import TypeVar, get_args
from uuid import uuid4

import click

from classifiers.directives import Acknowledge, Deployment, Directive, Expire, Feedback, Silence
from classifiers.learning.features import features
from classifiers.model import Category, Severity
from classifiers.silences import parse_matcher
from config import load
from config.models import Config
from streams.cli import Failure
from streams.cli.moments import Duration, When, moment

T = TypeVar("T")
Command = Callable[..., None]


@click.group()
def control() -> None:
    """Tell the workers something. Each record is signed with a key of `control.keys`; without one nothing is believed.

    With --print it is not written, but printed as `tocsin replay --control` reads it.
    """


def _common(command: Command) -> Command:
    """Options of every subcommand, after its own."""
    for option in (
        click.option("--print", "only_print", is_flag=True, help="Print the record, and write nothing."),
        click.option("--key", help="The key to sign with, by its name; needed only where several may."),
        click.option("--config", "config_file", type=click.Path(path_type=Path),
                     help="YAML laid over the shipped default."),
    ):
        command = option(command)
    return command


def _by(command: Command) -> Command:
    return click.option("--by", default=getuser, show_default="your login", help="Who says so.")(command)


@control.command()
@click.option("--matcher", "-m", "matchers", multiple=True, required=True,
              help="""What is silenced, several must all fit: 'service="chat"', 'tenant=~"batch-.*"'.""")
@click.option("--for", "lasts_s", type=Duration(), required=True, help="How long: 30m, 2h, 7d.")
@click.option("--from", "from_at", type=When(), help="When it begins, such as 2026-11-24T22:00; now where left out.")
@click.option("--comment", default="", help="Why.")
@click.option("--id", "name", help="A name for it; made up where left out.")
@_by
@_common
def silence(
    matchers: tuple[str, ...], lasts_s: float, from_at: float | None, comment: str, name: str | None, by: str,
    config_file: Path | None, key: str | None, only_print: bool,
) -> None:
    """Do not act on incidents that all matchers fit, for a while; they are found and published all the same."""
    now_s = time.time()
    begins_s = now_s if from_at is None else moment(from_at, now_s)

    def made() -> Directive:
        fitting = tuple(parse_matcher(text) for text in matchers)
        return Silence(name or f"sil-{uuid4().hex[:8]}", fitting, begins_s, begins_s + lasts_s, by, comment)

    config, directive = load(config_file, os.environ), _sound(made)
    if name is not None and not only_print:
        from streams.client.control_writer import free_name

        _run(free_name(config, name))
    _say(config, directive, key, only_print)


@control.command()
@click.argument("silence_id", metavar="SILENCE")
@_by
@_common
def expire(silence_id: str, by: str, config_file: Path | None, key: str | None, only_print: bool) -> None:
    """End a silence now."""
    config, now_s = load(config_file, os.environ), time.time()
    if not only_print:
        from streams.client.control_writer import silence_of

        _run(silence_of(config, silence_id, now_s))
    _say(config, _sound(lambda: Expire(silence_id, by, now_s)), key, only_print)


@control.command()
@click.argument("incident_id", metavar="INCIDENT")
@click.option("--for", "lasts_s", type=Duration(), default="1h", show_default=True, help="For how long.")
@click.option("--comment", default="", help="What is being done.")
@_by
@_common
def ack(
    incident_id: str, lasts_s: float, comment: str, by: str, config_file: Path | None, key: str | None,
    only_print: bool,
) -> None:
    """Somebody works on an incident: nobody else is notified of it meanwhile."""
    config, now_s = load(config_file, os.environ), time.time()
    if not only_print:
        from streams.client.control_writer import ControlWriteError, incident_of

        found = _run(incident_of(config, incident_id))
        if found.state == "resolved":
            raise ControlWriteError(
                f"incident {incident_id!r}: resolved {_when(found.resolved_at_s)}, expected an open one",
            )
    _say(config, _sound(lambda: Acknowledge(incident_id, by, now_s, now_s + lasts_s, comment)), key, only_print)


@control.command()
@click.argument("incident_id", metavar="INCIDENT")
@click.option("--confirmed/--false-alarm", required=True, help="Whether it was one.")
@click.option("--category", type=click.Choice(get_args(Category)), help="What it should have been called.")
@click.option("--severity", type=click.Choice(get_args(Severity)), help="How bad it really was.")
@_by
@_common
def feedback(
    incident_id: str, confirmed: bool, category: Category | None, severity: Severity | None, by: str,
    config_file: Path | None, key: str | None, only_print: bool,
) -> None:
    """Say what an incident was. It is read from the topic of incidents, and what it was judged by goes along."""
    from streams.client.control_writer import incident_of

    config, now_s = load(config_file, os.environ), time.time()
    found = _run(incident_of(config, incident_id))
    resolve_s = None if found.resolved_at_s is None else max(0.0, found.resolved_at_s - found.onset_at_s)
    _say(config, _sound(lambda: Feedback(
        f"fb-{uuid4().hex[:8]}", incident_id, by, now_s, category, severity, confirmed, features(found), resolve_s,
    )), key, only_print)


@control.command()
@click.argument("service")
@click.argument("version")
@click.option("--model", help="Of this model alone; of all that the service has where left out.")
@click.option("--at", type=When(), help="When it went live: a date, or a duration before now; now where left out.")
@_common
def deploy(
    service: str, version: str, model: str | None, at: float | None, config_file: Path | None, key: str | None,
    only_print: bool,
) -> None:
    """A version went live: what goes wrong right after is looked for there first."""
    now_s = time.time()
    at_s = now_s if at is None else moment(at, now_s)
    _say(load(config_file, os.environ), _sound(lambda: Deployment(service, model, version, at_s)), key, only_print)


def _sound(made: Callable[[], Directive]) -> Directive:
    """A directive; what cannot be meant ends as one message."""
    try:
        return made()
    except ValueError as error:
        raise Failure(str(error)) from error


def _say(config: Config, directive: Directive, key: str | None, only_print: bool) -> None:
    if only_print:
        from streams.client.control_files import line_of

        click.echo(line_of(directive).decode())
        return
    from streams.client.control_writer import write

    written = _run(write(config, directive, key, time.time()))
    click.echo(f"{directive.id}: written to {written.topic}[{written.partition}]@{written.offset}, "
               f"signed by {written.key}")


def _run(work: Coroutine[None, None, T]) -> T:
    from streams.kafka.topics import TopicError

    try:
        return asyncio.run(work)
    except TopicError as error:
        raise Failure(str(error)) from error


def _when(at_s: float | None) -> str:
    return "at an unknown time" if at_s is None else datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds")
