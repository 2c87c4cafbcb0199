"""`tocsin action`: what was decided, and what came of it."""

from __future__ import annotations

from typing import get_args

import click
import orjson

from actions.model import Status
from config.models import Config
from streams.cli.look.filters import Period, service_option, with_period
from streams.cli.people.author import date, json_option, run, with_config
from streams.client.action_log import DecidedAction


@click.group()
def action() -> None:
    """List what was decided, and what came of it."""


@action.command("list")
@click.option("--status", "statuses", multiple=True, type=click.Choice((*get_args(Status), "pending")),
              help="With this result; pending: without one yet. May be repeated.")
@click.option("--incident", "incident_id", help="Of this incident alone.")
@service_option
@with_period
@json_option
@with_config
def list_actions(
    config: Config, statuses: tuple[str, ...], incident_id: str | None, service: str | None, period: Period,
    as_json: bool,
) -> None:
    """List the decisions on the topic of actions, each with its last result, the oldest first."""
    from streams.client.action_log import read_actions

    found = [
        one for one in run(read_actions(config))
        if one.intent.decided_at_s in period and service in (None, one.intent.service)
        and incident_id in (None, one.intent.incident_id) and (not statuses or one.status in statuses)
    ]
    for one in found:
        click.echo(orjson.dumps({"intent": one.intent, "outcome": one.outcome}) if as_json else _action_text(one))
    if not found and not as_json:
        click.echo("no such action")


def _action_text(one: DecidedAction) -> str:
    intent = one.intent
    verb = "undo of " if intent.undo else ""
    head = f"{date(intent.decided_at_s)}  {one.status:11}  {intent.mode:7}  {verb}{intent.kind} on {intent.target}"
    told = [intent.reason] if one.outcome is None else [intent.reason, one.outcome.detail]
    if intent.reason in told[-1]:  # of what is only suggested, the result repeats the reason
        told = told[-1:]
    return f"{head}\n    {intent.incident_id}  {': '.join(told)}"
