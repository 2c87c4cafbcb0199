"""`tocsin audience list`, `show`, `release`, `withdraw`: the texts that wait for a person before they are sent."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import click
import orjson

from actions.channels.notification import Notification
from classifiers.telling_by_hand import Release, ReleaseVerb
from config.models import Config
from streams.cli import Failure
from streams.cli.people.author import (
    Author,
    Standing,
    await_answer,
    comment_option,
    date,
    json_option,
    run,
    wait_option,
    with_author,
    with_config,
)


@click.command("list")
@click.option("--all", "everything", is_flag=True, help="Those that were decided or replaced too.")
@json_option
@with_config
def list_texts(config: Config, everything: bool, as_json: bool) -> None:
    """List the texts that wait for a person, by the digest that names each."""
    found = {digest: told for digest, told in _texts(config).items() if everything or told[0].state == "draft"}
    for told in found.values():
        click.echo(orjson.dumps(told) if as_json else _line(told))
    if not found and not as_json:
        click.echo("no text waits")


@click.command("show")
@click.argument("digest", metavar="TEXT")
@json_option
@with_config
def show_text(config: Config, digest: str, as_json: bool) -> None:
    """Show one TEXT exactly as it would be sent, and to whom."""
    told = _found(_texts(config), digest)
    click.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2) if as_json else _shown(told))


@click.command("release")
@click.argument("digest", metavar="TEXT")
@comment_option
@wait_option
@with_author
def release_text(author: Author, digest: str, comment: str, wait_s: float) -> None:
    """Send a TEXT as it stands. Exit code 1: it was not released."""
    _decide(author, digest, "release", comment, wait_s)


@click.command("withdraw")
@click.argument("digest", metavar="TEXT")
@comment_option
@wait_option
@with_author
def withdraw_text(author: Author, digest: str, comment: str, wait_s: float) -> None:
    """Do not send a TEXT. The next event of its incident asks again. Exit code 1: it was not withdrawn."""
    _decide(author, digest, "withdraw", comment, wait_s)


def _decide(author: Author, digest: str, verb: ReleaseVerb, comment: str, wait_s: float) -> None:
    one = _found(_texts(author.config), digest)[0]
    if one.state != "draft":
        raise Failure(f"text {digest!r}: {one.state} ({one.reason}), expected one that waits")
    author.write(lambda person: Release(digest, verb, person, time.time(), comment))
    await_answer(author, digest, lambda: _standing(author.config, digest), wait_s)


def _standing(config: Config, digest: str) -> Standing:
    told = _texts(config).get(digest)
    if told is None:
        return Standing("changed since", waits=False, decided_by=())
    one = told[0]
    by = None if one.draft is None else one.draft.decided_by
    return Standing(f"{one.state}: {one.reason}", one.state == "draft", [by])


def _texts(config: Config) -> Mapping[str, Sequence[Notification]]:
    from streams.client.response_log import read_texts

    return run(read_texts(config))


def _found(texts: Mapping[str, Sequence[Notification]], digest: str) -> Sequence[Notification]:
    if digest not in texts:
        waiting = ", ".join(name for name, told in texts.items() if told[0].state == "draft") or "none waits"
        raise Failure(f"text {digest!r}: unknown, or changed since; expected one of: {waiting}")
    return texts[digest]


def _line(told: Sequence[Notification]) -> str:
    one = told[0]
    assert one.draft is not None
    return (
        f"{one.draft.digest}  {one.state:10}  {one.draft.audience}  {one.message.event:9}  {one.message.incident_id}  "
        f"since {date(one.changed_at_s)}  {one.message.title}"
    )


def _shown(told: Sequence[Notification]) -> str:
    one = told[0]
    assert one.draft is not None
    rows = [
        ("state", f"{one.state}: {one.reason}"), ("audience", one.draft.audience), ("event", one.message.event),
        ("incident", one.message.incident_id), ("service", one.draft.service), ("written", date(one.changed_at_s)),
        *(("to", f"{each.message.recipient or 'the channel'} by {each.channel}: {each.state}") for each in told),
    ]
    head = "\n".join(f"{name:12} {value}" for name, value in rows)
    return f"{head}\n\n{one.message.title}\n\n{one.message.text}"
