"""`tocsin incident list`, `show` and `follow`: the incidents on the topics of an installation."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import click
import orjson

from classifiers.model import AuditEntry, Incident, State
from config.models import Config
from streams.cli import Failure
from streams.cli.look.filters import Period, service_option, severity_option, with_period
from streams.cli.people.author import date, json_option, run, with_config
from streams.timeline.timeline import timeline_of
from streams.timeline.words import RESOLUTIONS, step_words, verdict_words

state_option = click.option("--state", "states", multiple=True, type=click.Choice(get_args(State)),
                            help="In this state; may be repeated. Default: all but resolved.")


@click.command("list")
@click.option("--all", "everything", is_flag=True, help="Resolved ones too.")
@state_option
@service_option
@severity_option
@with_period
@json_option
@with_config
def list_incidents(
    config: Config, everything: bool, states: tuple[str, ...], service: str | None, severities: tuple[str, ...],
    period: Period, as_json: bool,
) -> None:
    """List the incidents that are open, the most severe first. The time is that of opening."""
    from streams.client.incident_log import read_topics

    is_wanted = _filter(states or (get_args(State) if everything else ("open", "flapping")), service, severities)
    found = [one for one in run(read_topics(config)).incidents.values() if is_wanted(one) and one.opened_at_s in period]
    for each in sorted(found, key=lambda one: (one.severity, one.opened_at_s)):
        click.echo(orjson.dumps(each) if as_json else _line(each))
    if not found and not as_json:
        click.echo("no such incident" if everything or states else "no incident is open")


@click.command("show")
@click.argument("incident_id", metavar="INCIDENT")
@json_option
@with_config
def show_incident(config: Config, incident_id: str, as_json: bool) -> None:
    """Show one incident: what is wrong, why it is so severe, what was done, and its timeline from the audit."""
    from streams.client.audit_log import read_steps
    from streams.client.incident_log import read_topics

    one = run(read_topics(config)).incidents.get(incident_id)
    if one is None:
        raise Failure(f"incident {incident_id!r}: unknown, expected one of {config.topics.incidents}")
    if as_json:
        click.echo(orjson.dumps(one))
        return
    steps = run(read_steps(config, one))
    click.echo("\n".join([*_details(one), "", *_timeline(one, steps)]))


@click.command("follow")
@state_option
@service_option
@severity_option
@json_option
@with_config
def follow_incidents(
    config: Config, states: tuple[str, ...], service: str | None, severities: tuple[str, ...], as_json: bool,
) -> None:
    """Print each change of an incident as it is published, until Ctrl-C."""
    from streams.client.incident_follower import follow

    is_wanted = _filter(states or get_args(State), service, severities)

    def show(one: Incident) -> None:
        if is_wanted(one):
            click.echo(orjson.dumps(one) if as_json else _line(one))

    run(follow(config, show))


def _filter(states: tuple[str, ...], service: str | None, severities: tuple[str, ...]) -> Callable[[Incident], bool]:
    return lambda one: (
        one.state in states and service in (None, one.service) and (not severities or one.severity in severities)
    )


def _line(one: Incident) -> str:
    """Two lines: ids and titles are long, and a line of both would wrap on a usual terminal."""
    acknowledged = None if one.acknowledged is None else f"acknowledged by {one.acknowledged.by}"
    who = ", ".join(each for each in (one.assigned_to, acknowledged) if each is not None) or "-"
    return f"{one.id}  {one.severity}  {one.state:8}  since {date(one.opened_at_s)}  {who}\n    {one.title}"


def _timeline(one: Incident, steps: list[AuditEntry] | None) -> list[str]:
    """What happened, oldest first. steps: of the audit, None where it cannot be read."""
    lines = [f"timeline{'' if steps is not None else ' (of the incident alone: the audit cannot be read)'}"]
    for each in timeline_of(one, steps or ()):
        who = f" by {each.who}" if each.who else ""
        told = ": ".join(filter(None, (each.what, each.why)))
        lines.append(f"  {date(each.at_s)}  {each.words}{who}{': ' if told else ''}{told}")
    return lines


def _details(one: Incident) -> list[str]:
    severity = one.severity if one.severity == one.peak_severity else f"{one.severity} (was {one.peak_severity})"
    rows = [
        ("title", one.title), ("state", one.state + (f" ({RESOLUTIONS[one.resolution]})" if one.resolution else "")),
        ("severity", severity), ("category", one.category),
        *((name, value) for name in ("service", "model", "version", "replica", "tenant")
          if (value := getattr(one, name)) is not None),
        ("onset", date(one.onset_at_s)), ("opened", date(one.opened_at_s)), ("resolved", date(one.resolved_at_s)),
        *((name, value) for name, value in (
            ("commander", one.commander), ("scribe", one.scribe), ("owners", ", ".join(one.owners)),
            ("silenced", one.silenced_by),
        ) if value),
    ]
    if one.acknowledged is not None:
        rows.append(("acknowl.", f"by {one.acknowledged.by} until {date(one.acknowledged.until_s)}"))
    rows += [("because", f"{factor.name} {factor.weight:+g}: {factor.text}") for factor in one.factors]
    rows += [("related", f"{each.relation} {each.id}") for each in one.related]
    rows += [("action", f"{date(each.decided_at_s)} {step_words(each.status)}: {'undo of ' if each.undo else ''}"
              f"{each.kind} on {each.target}") for each in one.actions]
    rows += [("remedy", f"{each.kind} on {each.target}: {verdict_words(each.state)}, {each.detail}")
             for each in one.remedies]
    rows += [("note", f"{date(each.at_s)} {each.by}: {each.text}") for each in one.notes]
    return [f"{name:9} {value}" for name, value in rows]
