"""`tocsin oncall`: who is on call, what is wrong with the schedules, and taking a schedule over for a while."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import orjson

from actions.oncall.duty import Duty, on_call
from actions.oncall.findings import findings
from actions.oncall.periods import periods
from actions.oncall.schedule import Schedule
from classifiers.by_hand import Override
from config.models import Config
from config.oncall.build import reach_of, roster_of
from streams.cli import Failure
from streams.cli.people.author import FINDING, Author, json_option, run, with_author, with_config
from streams.cli.time_arguments import DurationArgument, LocalTimeArgument, epoch_s

WEEKS_SHOWN = 4
DAY_S = 86_400.0

offline_option = click.option(
    "--offline", is_flag=True, help="Do not ask the broker for overrides: show what the configuration says.",
)
from_option = click.option("--from", "from_", type=LocalTimeArgument(), help="Begin, in the time zone of the schedule.")
to_option = click.option("--to", "to", type=LocalTimeArgument(), help="End, exclusive.")


@click.group()
def oncall() -> None:
    """Who is on call: show it, check the schedules, override and import them."""


@oncall.command()
@click.argument("schedule")
@from_option
@to_option
@click.option("--at", type=LocalTimeArgument(), help="Only who is on call at this time.")
@offline_option
@json_option
@with_config
def show(
    config: Config, schedule: str, from_: datetime | None, to: datetime | None, at: datetime | None, offline: bool,
    as_json: bool,
) -> None:
    """Show who is on call by SCHEDULE: now and for four weeks, or --from and --to, or --at one time."""
    if at is not None and (from_ is not None or to is not None):
        raise click.UsageError("--at excludes --from and --to")
    zone = _schedule(config, schedule).zone
    roster, overrides = roster_of(config), _overrides(config, offline)
    if at is not None:
        at_s = epoch_s(at, zone)
        _print([(at_s, at_s, on_call(roster, overrides, schedule, at_s))], zone, as_json)
        return
    from_s = time.time() if from_ is None else epoch_s(from_, zone)
    until_s = from_s + WEEKS_SHOWN * 7 * DAY_S if to is None else epoch_s(to, zone)
    if until_s <= from_s:
        raise Failure(f"--to {_local(until_s, zone)}, expected a time after {_local(from_s, zone)}")
    found = periods(roster, overrides, schedule, from_s, until_s)
    _print([(one.from_s, one.until_s, one.duty) for one in found], zone, as_json)


@oncall.command()
@click.option(
    "--ahead", "ahead_s", type=DurationArgument(), default="90d", show_default=True, help="How far ahead to look.",
)
@from_option
@offline_option
@json_option
@with_config
def check(config: Config, ahead_s: float, from_: datetime | None, offline: bool, as_json: bool) -> None:
    """Find gaps, overlaps, and people on call who cannot be reached or cannot acknowledge. Exit code 1: findings."""
    if not config.schedules:
        raise Failure("schedules: none is configured, expected at least one to check")
    from_s = time.time() if from_ is None else epoch_s(from_, ZoneInfo("UTC"))
    found = findings(roster_of(config), _overrides(config, offline), reach_of(config), from_s, from_s + ahead_s)
    for one in found:
        zone = ZoneInfo(config.schedules[one.schedule].tz)
        when = f"{_local(one.from_s, zone)} to {_local(one.until_s, zone)}"
        click.echo(orjson.dumps(one) if as_json else f"{one.schedule}: {one.kind}: {when}: {one.text}")
    if found:
        sys.exit(FINDING)
    if not as_json:
        days = ahead_s / DAY_S
        click.echo(f"{', '.join(config.schedules)}: somebody who can be reached is on call for {days:g} days")


@oncall.command()
@click.argument("schedule")
@click.option("--person", required=True, help="Who is on call instead.")
@click.option("--from", "from_", type=LocalTimeArgument(), help="Begin, in the zone of the schedule; default: now.")
@click.option("--to", "to", type=LocalTimeArgument(), required=True, help="End, exclusive.")
@click.option("--reason", "comment", default="", help="Why; `oncall show` tells it.")
@with_author
def override(
    author: Author, schedule: str, person: str, from_: datetime | None, to: datetime, comment: str,
) -> None:
    """Put a person on call by SCHEDULE for a while, signed with your key. The newest override counts."""
    zone = _schedule(author.config, schedule).zone
    if person not in author.config.people:
        raise Failure(f"--person {person!r}, expected one of people: {', '.join(author.config.people)}")
    now_s = time.time()
    from_s, until_s = now_s if from_ is None else epoch_s(from_, zone), epoch_s(to, zone)
    author.act(lambda by: Override(schedule, person, from_s, until_s, by, now_s, comment))


@oncall.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="The name of the schedule.")
@click.option(
    "--format", "kind", type=click.Choice(["icalendar", "pagerduty", "grafana"]), required=True, help="Of the file.",
)
@click.option("--from", "from_", type=LocalTimeArgument(), help="Leave out what ended before; default: now.")
@click.option("--until", type=LocalTimeArgument(), help="How far events that recur are followed; default: a year.")
@click.option("--tz", help="The time zone of the schedule, where the file names none; default: UTC.")
@click.option("--as", "known_as", multiple=True, metavar="NAME=PERSON", help="Who somebody of the file is here.")
@with_config
def import_(
    config: Config, file: Path, name: str, kind: str, from_: datetime | None, until: datetime | None, tz: str | None,
    known_as: Sequence[str],
) -> None:
    """Print the section `schedules` for the shifts in FILE. People are found by mail or name."""
    from streams.cli.oncall.importing import import_schedule

    utc = ZoneInfo("UTC")
    from_s = time.time() if from_ is None else epoch_s(from_, utc)
    until_s = from_s + 365 * DAY_S if until is None else epoch_s(until, utc)
    people: dict[str, str] = {}
    for text in known_as:
        theirs, _, ours = text.rpartition("=")
        if not theirs or ours not in config.people:
            raise Failure(f"--as {text!r}, expected NAME=PERSON with one of people: {', '.join(config.people)}")
        people[theirs] = ours
    click.echo(import_schedule(config, file, name, kind, (from_s, until_s), tz, people), nl=False)


def _schedule(config: Config, name: str) -> Schedule:
    found = roster_of(config).schedules.get(name)
    if found is None:
        known = ", ".join(config.schedules) or "none is configured"
        raise Failure(f"schedule {name!r}: unknown, expected one of: {known}")
    return found


def _overrides(config: Config, offline: bool) -> Sequence[Override]:
    if offline:
        return ()
    from streams.client.override_log import read_overrides
    from streams.cluster.topics import BrokerUnavailable

    try:
        return run(read_overrides(config))
    except BrokerUnavailable as error:
        raise Failure(f"overrides: {error}; --offline shows the schedule without them") from error


def _print(found: Sequence[tuple[float, float, Duty]], zone: ZoneInfo, as_json: bool) -> None:
    for from_s, until_s, duty in found:
        if as_json:
            click.echo(orjson.dumps({
                "from_s": from_s, "until_s": until_s, "person": duty.person, "reason": duty.reason,
                "schedule": duty.schedule,
            }))
            continue
        when = _local(from_s, zone) if from_s == until_s else f"{_local(from_s, zone)} to {_local(until_s, zone)}"
        click.echo(f"{when}  {duty.person or 'NOBODY'}  {duty.reason}")


def _local(at_s: float, zone: ZoneInfo) -> str:
    """A time in its zone, with weekday and offset."""
    return datetime.fromtimestamp(at_s, UTC).astimezone(zone).strftime("%a %Y-%m-%d %H:%M %z")
