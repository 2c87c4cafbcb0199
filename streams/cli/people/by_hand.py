"""`tocsin incident`, `tocsin remedy`, `tocsin breaker`, `tocsin storm`: what people do with a personal key.

The command ends with 0 once the record is written; whether it was accepted, and what came of it, is in the audit topic
and on the incident.
"""

from __future__ import annotations

import sys
import time
from typing import get_args

import click
import orjson

from actions.ledger.view import LedgerView
from actions.trust.roles import Role
from classifiers.by_hand import Assign, BreakerVerb, IncidentRole, Keep, ResetStorm, Resolve, SetBreaker, Undo, Update
from classifiers.directives import Acknowledge
from classifiers.model import Incident
from classifiers.telling_by_hand import Escalate
from config.models import Config
from streams.cli import Failure
from streams.cli.look.incidents import follow_incidents, list_incidents, show_incident
from streams.cli.people.author import (
    FINDING,
    Author,
    comment_option,
    date,
    json_option,
    reason_option,
    run,
    with_author,
    with_config,
)
from streams.cli.time_arguments import DurationArgument


@click.group()
def incident() -> None:
    """List, show and follow incidents, and say who works on them and what is known."""


incident.add_command(list_incidents)
incident.add_command(show_incident)
incident.add_command(follow_incidents)


@incident.command()
@click.argument("incident_id", metavar="INCIDENT")
@click.option("--for", "lasts_s", type=DurationArgument(), default="1h", show_default=True, help="For how long.")
@comment_option
@with_author
def ack(author: Author, incident_id: str, lasts_s: float, comment: str) -> None:
    """Acknowledge an incident: you work on it, and nobody else is notified of it meanwhile."""
    _open_incident(author.config, incident_id)
    now_s = time.time()
    author.act(lambda person: Acknowledge(incident_id, person, now_s, now_s + lasts_s, comment))


@incident.command()
@click.argument("incident_id", metavar="INCIDENT")
@comment_option
@with_author
def resolve(author: Author, incident_id: str, comment: str) -> None:
    """Declare an incident over. Alarms after it open it anew."""
    _open_incident(author.config, incident_id)
    author.act(lambda person: Resolve(incident_id, person, time.time(), comment))


@incident.command()
@click.argument("incident_id", metavar="INCIDENT")
@click.argument("person")
@click.option(
    "--role", type=click.Choice(get_args(IncidentRole)), default="owner", show_default=True,
    help="An incident has one commander and one scribe, and several owners.",
)
@click.option("--remove", is_flag=True, help="PERSON has the role no more.")
@comment_option
@with_author
def assign(
    author: Author, incident_id: str, person: str, role: IncidentRole, remove: bool, comment: str,
) -> None:
    """Give a PERSON a role of an incident; the last owner is responsible for it."""
    if person not in author.config.people:
        known = ", ".join(sorted(author.config.people)) or "nobody is named there"
        raise Failure(f"person {person!r}: unknown, expected one under people: {known}")
    _open_incident(author.config, incident_id)
    author.act(lambda by: Assign(incident_id, person, by, time.time(), role=role, remove=remove, comment=comment))


@incident.command()
@click.argument("incident_id", metavar="INCIDENT")
@click.option("--to", "to", metavar="TARGET", help="Who is paged: a person, a schedule or a role; else the next step.")
@reason_option("Why; whoever is paged reads it.")
@with_author
def escalate(author: Author, incident_id: str, to: str | None, reason: str) -> None:
    """Take the next step of an escalation now, or page somebody; it stops only when somebody acknowledges."""
    config, found = author.config, _open_incident(author.config, incident_id)
    if not config.policies_of(found.service):
        raise Failure(f"service {found.service!r}: no policy, expected one under escalation")
    known = {*config.people, *config.schedules, *get_args(Role)}
    if to is not None and to not in known:
        raise Failure(f"--to {to!r}: unknown, expected one of {', '.join(sorted(known))}")
    author.act(lambda person: Escalate(incident_id, person, time.time(), reason, to))


@incident.command()
@click.argument("incident_id", metavar="INCIDENT")
@click.argument("text")
@with_author
def update(author: Author, incident_id: str, text: str) -> None:
    """Say what is known about an incident; it stands on it for everybody."""
    _open_incident(author.config, incident_id)
    author.act(lambda person: Update(incident_id, person, time.time(), text))


@click.group()
def remedy() -> None:
    """List, end or keep what is in force at targets."""


@remedy.command("list")
@click.option("--all", "everything", is_flag=True, help="Those that ended too.")
@json_option
@with_config
def list_remedies(config: Config, everything: bool, as_json: bool) -> None:
    """List the remedies that are in force, and until when each is held."""
    found = [one for one in _in_force(config).remedies() if everything or one.is_shown]
    for one in sorted(found, key=lambda each: each.applied_s):
        held = f"until {date(one.hold_until_s)}"
        line = f"{one.kind}  {one.target}  {one.state:11} since {date(one.changed_s)}  {held}  {one.reason}"
        click.echo(orjson.dumps(one.to_json()) if as_json else line)
    if not found and not as_json:
        click.echo("nothing is in force")


@remedy.command()
@click.argument("kind")
@click.argument("target")
@comment_option
@with_author
def undo(author: Author, kind: str, target: str, comment: str) -> None:
    """Undo the remedy of a KIND that is in force at a TARGET."""
    _require_kind(author.config, kind)
    author.act(lambda person: Undo(kind, target, person, time.time(), comment))


@remedy.command()
@click.argument("kind")
@click.argument("target")
@comment_option
@with_author
def keep(author: Author, kind: str, target: str, comment: str) -> None:
    """Keep the remedy of a KIND that is in force at a TARGET, whatever its terms say."""
    _require_kind(author.config, kind)
    author.act(lambda person: Keep(kind, target, person, time.time(), comment))


@click.group()
def breaker() -> None:
    """List circuit breakers, force them open, disable them, and clear that again."""


@breaker.command("list")
@json_option
@with_config
def list_breakers(config: Config, as_json: bool) -> None:
    """List the state of each breaker that was ever opened or set."""
    found = [one for one in _in_force(config).remedies() if one.breaker is not None]
    for one in sorted(found, key=lambda each: each.target):
        state = one.breaker
        assert state is not None
        line = f"{one.target}  {state.state:11} since {date(state.since_s)}  opened {state.n} times  {one.reason}"
        click.echo(orjson.dumps({"target": one.target, "breaker": state}) if as_json else line)
    if not found and not as_json:
        click.echo("no breaker is known")


@breaker.command("open")
@click.argument("target")
@comment_option
@with_author
def open_(author: Author, target: str, comment: str) -> None:
    """Keep the breaker of a TARGET open until it is cleared."""
    _set_breaker(author, target, "force_open", comment)


@breaker.command()
@click.argument("target")
@comment_option
@with_author
def disable(author: Author, target: str, comment: str) -> None:
    """Keep the breaker of a TARGET closed until it is cleared, whatever alarms."""
    _set_breaker(author, target, "disable", comment)


@breaker.command()
@click.argument("target")
@comment_option
@with_author
def clear(author: Author, target: str, comment: str) -> None:
    """Leave the breaker of a TARGET to its playbooks again."""
    _set_breaker(author, target, "clear", comment)


@click.group()
def storm() -> None:
    """Show and release the storm brake."""


@storm.command()
@json_option
@with_config
def status(config: Config, as_json: bool) -> None:
    """Say whether the storm brake is on; exit code 1 while it is."""
    since_s = _in_force(config).storm_since_s()
    told = "the storm brake is off" if since_s is None else f"the storm brake is on since {date(since_s)}"
    click.echo(orjson.dumps({"storm_since_s": since_s}) if as_json else told)
    if since_s is not None:
        sys.exit(FINDING)


@storm.command()
@comment_option
@with_author
def reset(author: Author, comment: str) -> None:
    """Let actions run by themselves again after too many ran in a short time."""
    author.act(lambda person: ResetStorm(person, time.time(), comment))


def _set_breaker(author: Author, target: str, verb: BreakerVerb, comment: str) -> None:
    author.act(lambda person: SetBreaker(target, verb, person, time.time(), comment))


def _require_kind(config: Config, kind: str) -> None:
    if kind not in config.actions:
        raise Failure(f"kind {kind!r}: not configured, expected one under actions: {', '.join(sorted(config.actions))}")


def _in_force(config: Config) -> LedgerView:
    from streams.client.ledger_log import read_in_force

    return run(read_in_force(config))


def _incidents(config: Config) -> dict[str, Incident]:
    from streams.client.incident_log import read_topics

    return run(read_topics(config)).incidents


def _open_incident(config: Config, incident_id: str) -> Incident:
    """End with 2 where there is no such incident, and with 1 where it is over already."""
    found = _incidents(config).get(incident_id)
    if found is None:
        raise Failure(f"incident {incident_id!r}: unknown, expected one of {config.topics.incidents}")
    if found.state == "resolved":
        click.echo(f"incident {incident_id}: resolved {date(found.resolved_at_s)} already", err=True)
        sys.exit(FINDING)
    return found
