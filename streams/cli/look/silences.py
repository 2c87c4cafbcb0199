"""`tocsin silence list`: which incidents nobody is told of, until when, and who said so."""

from __future__ import annotations

import time

import click
import orjson

from config.models import Config
from streams.cli.people.author import date, json_option, run, with_config
from streams.client.silence_log import read_silences
from streams.contracts.people.silences import StoredSilence


@click.group()
def silence() -> None:
    """List silences. `tocsin control silence` writes one, and `tocsin control expire` ends it."""


@silence.command("list")
@click.option("--all", "everything", is_flag=True, help="Ended ones too.")
@json_option
@with_config
def list_silences(config: Config, everything: bool, as_json: bool) -> None:
    """List the silences that are active or yet to begin. Workers apply them by event time, this list by the clock."""
    now_s = time.time()
    found = [one for one in run(read_silences(config)) if everything or one.state(now_s) != "ended"]
    for one in found:
        state = one.state(now_s)
        if as_json:
            click.echo(orjson.dumps({"silence": one.silence, "expired_s": one.expired_s, "state": state}))
        else:
            click.echo(_text(one, state))
    if not found and not as_json:
        click.echo("no silence" if everything else "no silence is active or yet to begin")


def _text(one: StoredSilence, state: str) -> str:
    silence = one.silence
    head = f"{silence.id}  {state:7}  {date(silence.from_s)} until {date(one.until_s)}  {silence.by}"
    return f"{head}\n    {one.matchers}" + (f"  ({silence.comment})" if silence.comment else "")
