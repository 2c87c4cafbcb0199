"""`tocsin config diff OLD NEW`: what would change in behaviour."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from config import load
from config.changes.difference import differences, waiting
from streams.planning import plan_of
from streams.reload.relearning import relearning

DIFFERENT = 1
"""Exit code where the two differ, as of `tocsin replay --against`."""


@click.group()
def config() -> None:
    """Compare configurations."""


@config.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
def diff(old: Path, new: Path) -> None:
    """Say what changes in behaviour from OLD to NEW: settings, what is learned anew, and what needs a restart.

    Exit code 0 where nothing differs, 1 where something does, 2 when one of them is invalid. The files and variables of
    secrets need not be there.
    """
    before, after = (load(file, os.environ, secrets=False) for file in (old, new))
    found = differences(before, after)
    if not found:
        click.echo("nothing changes")
        return
    click.echo("settings")
    for change in found:
        click.echo(f"  {change}")
    click.echo("learned anew")
    for line in relearning(plan_of(before), plan_of(after)) or ("nothing",):
        click.echo(f"  {line}")
    click.echo("takes effect at the next start only; the rest at a reload")
    for line in [change.path for change in waiting(before, after)] or ["nothing"]:
        click.echo(f"  {line}")
    sys.exit(DIFFERENT)
