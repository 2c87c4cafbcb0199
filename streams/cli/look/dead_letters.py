"""`tocsin dlq`: the records that could not be used, and writing them to their topics again."""

from __future__ import annotations

from collections import Counter

import click
import orjson

from config.models import Config
from streams.cli import Failure
from streams.cli.look.filters import Period, with_period
from streams.cli.people.author import date, json_option, run, with_config
from streams.client.dead_letter_log import StoredDeadLetter, read_dead_letters
from streams.client.dead_letter_log import requeue as write_again


@click.group()
def dlq() -> None:
    """List dead letters, show one, and write records to their topics again."""


@dlq.command("list")
@click.option("--reason", help="With this reason alone, such as not_json.")
@click.option("--topic", help="From this topic alone.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="Show the last ones.")
@with_period
@json_option
@with_config
def list_(
    config: Config, reason: str | None, topic: str | None, limit: int, period: Period, as_json: bool,
) -> None:
    """Count dead letters by topic and reason, and list the last ones."""
    found = _chosen(config, reason, topic, period)
    if as_json:
        for one in found[-limit:]:
            click.echo(orjson.dumps(_json(one)))
        return
    for (name, why), count in Counter((one.topic, one.reason) for one in found).most_common():
        click.echo(f"{count:>8}  {name}  {why}")
    for one in found[-limit:]:
        click.echo(f"{one.place}  {date(one.at_s)}  {one.source}\n    {one.reason}: {one.detail}")
    if not found:
        click.echo("no dead letter")


@dlq.command()
@click.argument("place", metavar="PARTITION:OFFSET")
@json_option
@with_config
def show(config: Config, place: str, as_json: bool) -> None:
    """Show one dead letter with its bytes."""
    one = _found(run(read_dead_letters(config)), place)
    if as_json:
        click.echo(orjson.dumps(_json(one)))
        return
    rows = [("from", one.source), ("written", date(one.at_s)), ("reason", one.reason), ("detail", one.detail),
            ("key", _text(one.key)), *((f"header {name}", _text(value)) for name, value in one.headers),
            ("value", _text(one.value))]
    for name, value in rows:
        click.echo(f"{name:8} {value}")


@dlq.command()
@click.argument("places", metavar="[PARTITION:OFFSET]...", nargs=-1)
@click.option("--reason", help="All with this reason.")
@click.option("--topic", help="All from this topic.")
@with_period
@click.option("--yes", is_flag=True, help="Do it without asking.")
@with_config
def requeue(
    config: Config, places: tuple[str, ...], reason: str | None, topic: str | None, period: Period, yes: bool,
) -> None:
    """Write the records of dead letters to the topics that they came from, as they were.

    Do so once their cause is repaired; else they are refused again. Of an array of which a part was used, that part
    counts twice. Records that were cut, and those of other topics than the inputs, are left out.
    """
    if not places and reason is None and topic is None:
        raise Failure("nothing was chosen, expected PARTITION:OFFSET, --reason or --topic")
    found = _chosen(config, reason, topic, period)
    if places:
        found = [_found(found, place) for place in places]
    inputs = {one.topic for one in config.inputs}
    fit = [one for one in found if one.topic in inputs and not one.is_cut]
    if len(fit) < len(found):
        click.echo(f"{len(found) - len(fit)} left out: cut, or not from an input topic", err=True)
    if not fit:
        raise Failure("no dead letter was chosen that can be written again")
    if not yes:
        click.confirm(f"write {len(fit)} records to {', '.join(sorted({one.topic for one in fit}))}?", abort=True)
    click.echo(f"{run(write_again(config, fit))} records written")


def _chosen(config: Config, reason: str | None, topic: str | None, period: Period) -> list[StoredDeadLetter]:
    return [
        one for one in run(read_dead_letters(config))
        if reason in (None, one.reason) and topic in (None, one.topic) and one.at_s in period
    ]


def _found(letters: list[StoredDeadLetter], place: str) -> StoredDeadLetter:
    for one in letters:
        if one.place == place:
            return one
    raise Failure(f"dead letter {place!r}: unknown, expected PARTITION:OFFSET as `tocsin dlq list` shows it")


def _json(one: StoredDeadLetter) -> dict[str, object]:
    return {
        "place": one.place, "at_s": one.at_s, "reason": one.reason, "detail": one.detail, "topic": one.topic,
        "source": one.source, "key": _text(one.key), "value": _text(one.value), "is_cut": one.is_cut,
    }


def _text(value: bytes | None) -> str:
    return "-" if value is None else value.decode(errors="backslashreplace")
