"""`tocsin check FILE`: whether a worker would start with this configuration."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
from ruamel.yaml import YAML

from actions.playbooks.policy import UNMATCHED
from config import Config, config_hash, examine, written
from config.executor.allow_file import read_allow_file
from config.trust.build import ring_of
from streams.contracts.envelopes import source_of
from streams.intake.aggregated.alias_table import METRICS
from streams.trust.authenticity import Authenticity


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--show", is_flag=True, help="Print every setting in force, as YAML, instead of the summary.")
def check(file: Path | None, show: bool) -> None:
    """Check a configuration FILE: exit code 0 and a summary, or 2 and one line for each problem.

    Without FILE, the shipped default.
    """
    config, warnings = examine(file, os.environ, METRICS)
    allowed = None if config.executor.allow_file is None else read_allow_file(Path(config.executor.allow_file))
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
        click.echo(f"  allowed    {len(allowed.lines)} lines in {config.executor.allow_file}")
    click.echo(f"  signed     {_signing(config)}")


def _signing(config: Config) -> str:
    """Whose signatures count, in a line."""
    ring = ring_of(config.people, config.signing)
    ids = ", ".join(key.id for key in ring.keys if key.person is None)
    if ids:
        return f"by {ids}"
    accepts = config.signing.unsigned == "accept"
    return Authenticity(ring, source_of(config.kafka.group), accepts_unsigned=accepts).notes()[0]
