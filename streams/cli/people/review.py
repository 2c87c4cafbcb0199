"""`tocsin review`: drafts the review of an incident, and tracks the action items in reviews."""

from __future__ import annotations

import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import get_args

import click
import orjson

from config.models import Config
from streams.cli import Failure
from streams.cli.people.author import FINDING, json_option, run, with_config
from streams.review.document import markdown_of
from streams.review.facts import Settings, facts_of
from streams.review.human import BrokenReview, parts_of
from streams.review.items import Item, items_of
from streams.review.page import html_of
from streams.review.plot import plot_of
from streams.review.trackers import Tracker, body_of

PREFIX = "review-"


@click.group()
def review() -> None:
    """Draft the review of an incident, and track its action items."""


@review.command()
@click.argument("incident_id", metavar="INCIDENT")
@click.argument("source", type=click.Path(path_type=Path, exists=True, file_okay=False), required=False)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=".", show_default=True,
              help="The folder for review-INCIDENT.md and review-INCIDENT.html.")
@with_config
def draft(config: Config, incident_id: str, source: Path | None, out: Path) -> None:
    """Write the review of an INCIDENT, or its facts anew: what people wrote between the marker lines stays.

    SOURCE is the folder that `tocsin replay` wrote; without it, the topics of the brokers are read.
    """
    from streams.client.review_log import read_folder, read_review_topics

    log = read_folder(source) if source is not None else run(read_review_topics(config))
    incident = log.incidents.get(incident_id)
    if incident is None:
        raise Failure(f"incident {incident_id!r}: unknown, expected one of {', '.join(log.incidents) or 'none'}")
    if log.unreadable:
        click.echo(f"warning: {log.unreadable} unreadable records were skipped", err=True)
    settings = Settings(config.targets, config.review.currency, config.review.prices)
    facts = facts_of(incident, log.incidents.values(), log.audit, settings)
    file = out / f"{PREFIX}{incident.id}.md"
    kept = _kept(file)
    text = markdown_of(facts, kept)
    out.mkdir(parents=True, exist_ok=True)
    _replace(file, text)
    _replace(file.with_suffix(".html"), html_of(text, plot_of(facts), f"Review of {incident.id}"))
    click.echo(f"{file}: {'written anew, the parts of people are kept' if kept else 'drafted'}")
    click.echo(str(file.with_suffix(".html")))


@review.group()
def items() -> None:
    """List the action items in reviews, or print them for a tracker."""


@items.command("list")
@click.argument("reviews", metavar="REVIEW...", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--all", "everything", is_flag=True, help="Those that are done too.")
@click.option("--owner", help="Only those of this person.")
@json_option
def list_(reviews: tuple[Path, ...], everything: bool, owner: str | None, as_json: bool) -> None:
    """List the action items of reviews or folders of reviews: exit code 1 where one is overdue or incomplete."""
    today = datetime.fromtimestamp(time.time(), UTC).date()
    is_bad = False
    for file in _files(reviews):
        parts = _kept(file)
        found, faults = items_of(file.stem.removeprefix(PREFIX), parts.get("items", ""))
        for fault in faults:
            click.echo(f"{file}: action items, line {fault.line}: {fault.value}, expected {fault.expected}", err=True)
        is_bad = is_bad or bool(faults)
        for one in found:
            state = one.state(today)
            is_bad = is_bad or state == "overdue"
            if (everything or state != "done") and owner in (None, one.owner):
                click.echo(_line(one, today, as_json))
    if is_bad:
        sys.exit(FINDING)


@items.command()
@click.argument("reviews", metavar="REVIEW...", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--for", "tracker", type=click.Choice(get_args(Tracker)), required=True, help="Whose fields to use.")
@click.option("--project", help="The key of the project; Jira needs it.")
def export(reviews: tuple[Path, ...], tracker: Tracker, project: str | None) -> None:
    """Print the body of a request for each item that is not done, one JSON object a line. Nothing is sent."""
    for file in _files(reviews):
        for one in items_of(file.stem.removeprefix(PREFIX), _kept(file).get("items", ""))[0]:
            if not one.is_done:
                try:
                    click.echo(orjson.dumps(body_of(one, tracker, project)))
                except ValueError as error:
                    raise Failure(str(error)) from error


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


def _kept(file: Path) -> dict[str, str]:
    """The parts that people wrote; none where there is no file. A broken file is left alone."""
    if not file.exists():
        return {}
    try:
        return parts_of(file.read_text(encoding="utf-8"))
    except BrokenReview as error:
        raise Failure(f"{file}:{error.line}: {error}; nothing was changed") from error


def _replace(file: Path, text: str) -> None:
    """Write whole or not at all, so that a crash loses nobody's text."""
    new = file.with_name(f"{file.name}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(file)
