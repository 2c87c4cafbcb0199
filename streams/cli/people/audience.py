"""`tocsin audience`: what an audience would be told of an incident, to whom it goes, and why; texts to be released."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import get_args

import click
import orjson

from actions.audiences.audience import Audience, TextEvent
from actions.audiences.decide import History
from actions.audiences.message import AudienceText, as_html, audience_text
from actions.audiences.sandbox import TemplateError
from classifiers.model import Incident
from config.audiences.build import audience_of
from config.models import Config
from streams.cli import Failure
from streams.cli.people.author import FINDING, json_option, with_config
from streams.cli.people.texts import list_texts, release_text, show_text, withdraw_text
from streams.cli.time_arguments import TimeArgument, resolve_time
from streams.contracts.envelopes import WireError, read_incident

ANSWERS = {"tell": "told", "draft": "a draft, told once it is released", "no": "not told"}


@click.group()
def audience() -> None:
    """Show what audiences would be told, and release the texts that wait for a person."""


audience.add_command(list_texts)
audience.add_command(show_text)
audience.add_command(release_text)
audience.add_command(withdraw_text)


@audience.command()
@click.argument("name", metavar="AUDIENCE")
@click.argument("file", metavar="INCIDENT.json", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--event", type=click.Choice(get_args(TextEvent)), default="open", show_default=True)
@click.option("--id", "incident_id", help="Of the incident, where the file has several, one a line.")
@click.option("--at", "at", type=TimeArgument(), help="When it would be told; by default at its end, or now.")
@click.option("--last", "last", type=TimeArgument(), help="When the audience was told of it last; never by default.")
@click.option("--html", "as_page", is_flag=True, help="Print the text as HTML, as it goes into mails.")
@json_option
@with_config
def render(
    config: Config, name: str, file: Path, event: TextEvent, incident_id: str | None, at: float | None,
    last: float | None, as_page: bool, as_json: bool,
) -> None:
    """Print what an AUDIENCE would be told of an event. Nothing is sent.

    Exit code 1 where it would not be told. AUDIENCE is one of the configuration, or technical, executive, customer,
    vendor with the shipped settings.
    """
    known = _audience(config, name)
    incident = _incident(file, incident_id)
    now_s = resolve_time(at, time.time()) or _told_s(incident, event)
    try:
        judged = audience_text(known, incident, event, History(resolve_time(last, now_s)), now_s)
    except TemplateError as error:
        raise Failure(f"audience {name}, template of {event}: {error}") from error
    if as_json:
        click.echo(orjson.dumps({
            "audience": name, "event": event, "answer": judged.judgement.answer, "reasons": judged.judgement.reasons,
            "via": known.via, "to": known.to, "title": judged.text.title, "text": judged.text.body,
            "html": as_html(judged.text),
        }))
    else:
        click.echo(as_html(judged.text) if as_page else _shown(known, event, judged))
    if judged.judgement.answer == "no":
        sys.exit(FINDING)


def _shown(known: Audience, event: str, judged: AudienceText) -> str:
    via = f"by {', '.join(known.via)}" if known.via else "by no channel: `via` of the audience names none"
    to = f" to {', '.join(known.to)}" if known.to else ""
    head = f"{known.name} ({known.reader}), {event}: {ANSWERS[judged.judgement.answer]}, {via}{to}"
    reasons = "\n".join(f"  {reason}" for reason in judged.judgement.reasons)
    return f"{head}\n{reasons}\n\n{judged.text.title}\n\n{judged.text.body}"


def _audience(config: Config, name: str) -> Audience:
    try:
        found = audience_of(config.audiences, name)
    except ValueError as error:
        raise Failure(f"audience {name}: {error}") from error
    if found is None:
        names = ", ".join([*config.audiences, "technical", "executive", "customer", "vendor"])
        raise Failure(f"audience {name!r}: unknown, expected one of {names}")
    return found


def _incident(file: Path, incident_id: str | None) -> Incident:
    """The incident of a file: one JSON object, or one a line. Ends with 2 where it is not clear which one is meant."""
    content = file.read_bytes()
    try:
        found = {one.id: one for one in [read_incident(content)]}
    except WireError as whole:
        try:
            found = {one.id: one for one in map(read_incident, content.splitlines())}
        except WireError as error:
            raise Failure(f"{file}: {whole if content.count(b'}') == 1 else error}, expected an incident") from error
    if incident_id is None and len(found) == 1:
        return next(iter(found.values()))
    if incident_id not in found:
        got = f"{len(found)} incidents" if incident_id is None else f"no incident {incident_id!r}"
        raise Failure(f"{file}: {got}, expected --id with one of {', '.join(found)}")
    return found[incident_id]


def _told_s(incident: Incident, event: TextEvent) -> float:
    """When an event is told, by the incident's own times: a dry run of an old incident speaks of its time."""
    if event == "close" and incident.resolved_at_s is not None:
        return incident.resolved_at_s
    return incident.opened_at_s if event == "open" else time.time()
