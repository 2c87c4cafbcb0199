"""`tocsin check FILE`: whether a worker would start with this configuration."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import click
from ruamel.yaml import YAML

from actions.playbooks.policy import UNMATCHED
from config import config_hash, examine, written
from config.executor.allow_file import examine_allow_file
from streams.contracts.envelopes import source_of
from streams.intake.aggregated.alias_table import METRICS
from streams.trust.authenticity import Authenticity
from streams.trust.setup import authenticity_of


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--show", is_flag=True, help="Print every setting in force, as YAML, instead of the summary.")
def check(file: Path | None, show: bool) -> None:
    """Check a configuration FILE: exit code 0 and a summary, or 2 and one line for each problem.

    Without FILE, the shipped default.
    """
    config, found = examine(file, os.environ, METRICS)
    trust = authenticity_of(config, source_of(config.kafka.group))
    allow_file = config.executor.allow_file
    allowed, doubtful = (None, ()) if allow_file is None else examine_allow_file(Path(allow_file))
    warnings = [*found, *doubtful, *(trust.notes(time.time()) if trust.has_keys else ())]
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    if show:
        YAML(typ="safe").dump(written(config), sys.stdout)
        return
    inputs = ", ".join(source.topic for source in config.inputs)
    click.echo(f"{file or 'the shipped default'}: valid, {len(warnings)} warning{'' if len(warnings) == 1 else 's'}")
    click.echo(f"  hash       {config_hash(config)}  (of what decides incidents and intents)")
    click.echo(f"  inputs     {inputs}")
    click.echo(f"  profiles   {', '.join(profile.name for profile in config.detection.profiles)}")
    # The last one is built in: it notifies of an incident that no other playbook matches.
    click.echo(f"  playbooks  {', '.join([*(book.name for book in config.playbooks), f'{UNMATCHED.name} (built in)'])}")
    click.echo(f"  actions    {', '.join(config.actions) or 'none'}")
    click.echo(f"  channels   {', '.join(config.channels) or 'none, so nobody is told but by actions.notify'}")
    if allowed is not None:
        click.echo(f"  allowed    {len(allowed.lines)} lines in {allow_file}")
    click.echo(f"  signed     {_signing(trust)}")


def _signing(trust: Authenticity) -> str:
    """Whose signatures count, in a line."""
    ids = ", ".join(key.id for key in trust.ring.keys if key.person is None)
    return f"by {ids}" if ids else trust.notes(time.time())[0]
