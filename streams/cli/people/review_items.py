"""`tocsin review items`: the action items of reviews, from their files or from the records of the installation."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import get_args

import click
import orjson

from actions.channels.message import ChannelRefused
from actions.trackers.kinds import Task, body_of
from actions.trackers.params import TrackerKind, TrackerParams
from actions.trackers.tracker import Tracker
from classifiers.reviews_by_hand import ItemMark, ListedItem, SetItem
from config.models import Config
from streams.cli import Failure
from streams.cli.people.author import FINDING, Author, comment_option, json_option, run, with_author, with_config
from streams.review.human import BrokenReview, parts_of
from streams.review.items import Item, items_of
from streams.review.trackers import task_of

PREFIX = "review-"
_FILES = click.argument("reviews", metavar="[REVIEW]...", nargs=-1, type=click.Path(path_type=Path, exists=True))


@click.group()
def items() -> None:
    """List the action items of reviews, change them, or hand them to a tracker."""


@items.command("list")
@_FILES
@click.option("--all", "everything", is_flag=True, help="Those that are done or dropped too.")
@click.option("--owner", help="Only those of this person.")
@json_option
@with_config
def list_(config: Config, reviews: tuple[Path, ...], everything: bool, owner: str | None, as_json: bool) -> None:
    """List the action items that are on record, or those of REVIEW files and folders of them.

    Exit code 1: one is overdue, or has no owner or no due date.
    """
    today = datetime.fromtimestamp(time.time(), UTC).date()
    faulty = [file for file in _files(reviews) if told_faults(file, _incident_of(file), kept_of(file))]
    is_bad = bool(faulty)
    for one in _items(config, reviews):
        state = one.state(today)
        is_bad = is_bad or state == "overdue" or (state == "open" and None in (one.owner, one.due))
        if (everything or not one.is_over) and owner in (None, one.owner):
            click.echo(_line(one, today, as_json))
    if is_bad:
        sys.exit(FINDING)


@items.command()
@_FILES
@click.option("--to", "name", help="Hand them to this tracker of `review.trackers`; one that it has is not made again.")
@click.option("--for", "kind", type=click.Choice(get_args(TrackerKind)),
              help="Print the bodies of requests with the fields of this kind; nothing is sent.")
@click.option("--project", help="The key of the project, for Jira, with --for.")
@with_config
def export(
    config: Config, reviews: tuple[Path, ...], name: str | None, kind: TrackerKind | None, project: str | None,
) -> None:
    """Hand each item that is open to a tracker (--to), or print it for one, one JSON object a line (--for)."""
    if (name is None) == (kind is None):
        raise click.UsageError("expected either --to TRACKER or --for KIND")
    tasks = [task_of(one) for one in _items(config, reviews) if not one.is_over]
    if name is not None:
        if name not in config.review.trackers:
            known = ", ".join(config.review.trackers) or "none is configured"
            raise Failure(f"review.trackers: no {name!r}, expected one of {known}")
        run(_hand_over(config.review.trackers[name], tasks))
        return
    assert kind is not None, "checked above"
    for task in tasks:
        try:
            click.echo(orjson.dumps(body_of(task, kind, project)))
        except ValueError as error:
            raise Failure(str(error)) from error


async def _hand_over(params: TrackerParams, tasks: Iterable[Task]) -> None:
    """Print where each is. Raises `Failure` with the first that is refused; what was handed over before stays."""
    import aiohttp

    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        tracker = Tracker(params, session)
        for task in tasks:
            try:
                handed = await tracker.hand_over(task)
            except ChannelRefused as refusal:
                again = "" if refusal.final else "; try again, what was handed over is not made twice"
                raise Failure(f"item {task.id!r}: {refusal.reason}{again}") from refusal
            click.echo(f"{task.id}  {'made' if handed.is_new else 'known'}  {handed.place}")


@items.command("set")
@click.argument("item_id", metavar="ITEM")
@click.option("--state", "mark", type=click.Choice(get_args(ItemMark)), help="How it is; `dropped` needs --comment.")
@click.option("--owner", help="Who does it.")
@click.option("--due", type=click.DateTime(["%Y-%m-%d"]), help="Until which day, in UTC.")
@comment_option
@with_author
def set_(
    author: Author, item_id: str, mark: ItemMark | None, owner: str | None, due: datetime | None, comment: str,
) -> None:
    """Record that an ITEM is done, dropped or open again, or its owner or due date.

    The file of its review stays as it is.
    """
    from streams.client.response_log import read_reviews

    known = run(read_reviews(author.config)).item(item_id)
    if known is None or known.state == "removed":
        raise Failure(f"item {item_id!r}: not on record, expected one of `tocsin review items list --all`")
    fault = None if mark is None else known.why_not(mark)
    if fault is not None:
        raise Failure(f"item {item_id!r}: {fault}")
    day = None if due is None else due.date()
    author.act(
        lambda person: SetItem(item_id, known.incident_id, person, time.time(), mark, owner, day, comment),
    )


def kept_of(file: Path) -> dict[str, str]:
    """The parts that people wrote; none where there is no file. A broken file is left alone."""
    if not file.exists():
        return {}
    try:
        return parts_of(file.read_text(encoding="utf-8"))
    except BrokenReview as error:
        raise Failure(f"{file}:{error.line}: {error}; nothing was changed") from error


def listed(incident_id: str, parts: Mapping[str, str]) -> tuple[ListedItem, ...]:
    """The items of a review for its record. Raises `ValueError` for one that is too long."""
    found = items_of(incident_id, parts.get("items", ""))[0]
    return tuple(ListedItem(one.id, one.text, one.is_done, one.owner, one.due) for one in found)


def told_faults(file: Path, incident_id: str, parts: Mapping[str, str]) -> bool:
    """Tell each line of the items that is incomplete; whether there is one."""
    faults = items_of(incident_id, parts.get("items", ""))[1]
    for fault in faults:
        click.echo(f"{file}: action items, line {fault.line}: {fault.value}, expected {fault.expected}", err=True)
    return bool(faults)


def _items(config: Config, reviews: tuple[Path, ...]) -> Iterator[Item]:
    """Of the files that are named; without any, those on record."""
    if reviews:
        for file in _files(reviews):
            yield from items_of(_incident_of(file), kept_of(file).get("items", ""))[0]
        return
    from streams.client.response_log import read_reviews

    for one in run(read_reviews(config)).items():
        if one.state != "removed":
            is_done, is_dropped = one.state == "done", one.state == "dropped"
            yield Item(one.id, one.incident_id, one.text, is_done, one.owner, one.due, is_dropped)


def _line(one: Item, today: date, as_json: bool) -> str:
    due = None if one.due is None else one.due.isoformat()
    state = one.state(today)
    if as_json:
        return orjson.dumps({
            "id": one.id, "incident_id": one.incident_id, "state": state, "owner": one.owner, "due": due,
            "text": one.text,
        }).decode()
    return f"{one.id}  {state:7}  {due or 'no date':10}  {one.owner or 'nobody':12}  {one.incident_id}  {one.text}"


def _files(reviews: tuple[Path, ...]) -> list[Path]:
    return [file for one in reviews for file in (sorted(one.glob(f"{PREFIX}*.md")) if one.is_dir() else [one])]


def _incident_of(file: Path) -> str:
    return file.stem.removeprefix(PREFIX)
