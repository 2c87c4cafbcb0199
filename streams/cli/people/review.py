"""`tocsin review`: drafts the review of an incident, and records how it stands; `review items` is beside."""

from __future__ import annotations

import time
from pathlib import Path
from typing import get_args

import click
import orjson

from classifiers.reviews_by_hand import ReviewState, SubmitReview
from config.models import Config
from streams.cli import Failure
from streams.cli.people.author import Author, date, json_option, run, with_author, with_config
from streams.cli.people.review_items import PREFIX, items, kept_of, listed, told_faults
from streams.review.document import markdown_of
from streams.review.facts import Settings, facts_of
from streams.review.human import PROMPTS
from streams.review.page import html_of
from streams.review.plot import plot_of


@click.group()
def review() -> None:
    """Draft the review of an incident, record how it stands, and track its action items."""


review.add_command(items)


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
    settings = Settings(
        config.targets, config.review.currency, config.review.prices, "tenant" in config.labels.hashed,
    )
    concerning = log.concerning.get(incident.id, ())
    facts = facts_of(incident, log.incidents.values(), log.audit, settings, concerning)
    file = out / f"{PREFIX}{incident.id}.md"
    kept = kept_of(file)
    text = markdown_of(facts, kept)
    out.mkdir(parents=True, exist_ok=True)
    _replace(file, text)
    _replace(file.with_suffix(".html"), html_of(text, plot_of(facts), f"Review of {incident.id}"))
    click.echo(f"{file}: {'written anew, the parts of people are kept' if kept else 'drafted'}")
    click.echo(str(file.with_suffix(".html")))


@review.command()
@click.argument("file", metavar="REVIEW", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--state", type=click.Choice(get_args(ReviewState)), required=True, help="How far it is.")
@click.option("--at", "place", default="", help="Where people read it, such as its URL.")
@with_author
def submit(author: Author, file: Path, state: ReviewState, place: str) -> None:
    """Record how a REVIEW stands, so that the page shows it: its state, place, summary and action items.

    REVIEW is a file review-INCIDENT.md. It stays where it is. What was recorded before is replaced; an item that is
    done stays done.
    """
    parts = kept_of(file)
    incident_id = file.stem.removeprefix(PREFIX)
    told_faults(file, incident_id, parts)
    summary = parts.get("summary", "").strip()
    words = "" if summary == PROMPTS["summary"] else summary
    author.act(
        lambda person: SubmitReview(
            incident_id, state, place, words, listed(incident_id, parts), person, time.time(),
        ),
    )


@review.command("list")
@json_option
@with_config
def list_reviews(config: Config, as_json: bool) -> None:
    """List the reviews that are on record, the one that changed last at the end."""
    from streams.client.response_log import read_reviews

    found = run(read_reviews(config)).reviews()
    for one in sorted(found, key=lambda each: each.changed_at_s):
        line = f"{one.incident_id}  {one.state:9}  {date(one.changed_at_s)}  {one.by}  {one.place or 'no place'}"
        click.echo(orjson.dumps(one) if as_json else line)
    if not found and not as_json:
        click.echo("no review is on record")


def _replace(file: Path, text: str) -> None:
    """Write whole or not at all, so that a crash loses nobody's text."""
    new = file.with_name(f"{file.name}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(file)
