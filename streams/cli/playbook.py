"""`tocsin playbook`: check, test, explain and export the playbooks of a configuration, or those that are shipped."""

from __future__ import annotations

import asyncio
import os
import sys
from importlib.resources.abc import Traversable
from pathlib import Path

import click
import jsonschema
import orjson

from actions.playbooks.cacao import bundle_name, to_cacao
from actions.playbooks.cacao_schema import PLAYBOOK_SCHEMA
from actions.playbooks.ladder import Rung, rungs
from actions.playbooks.playbook import Playbook
from actions.playbooks.policy import UNKNOWN, UNMATCHED, playbook_of
from classifiers.model import Incident
from config import Config, examine, load, read_playbooks
from config.playbooks.case_files import cases_beside, cases_of_folder, run_cases, shipped_cases
from streams.intake.aggregated.alias_table import METRICS

SOURCE = click.argument("source", type=click.Path(path_type=Path, exists=True), required=False)


@click.group()
def playbook() -> None:
    """Check, test, explain and export playbooks.

    SOURCE is a configuration file, or a folder of playbooks, one a file; without it, the shipped playbooks.
    """


@playbook.command()
@SOURCE
def check(source: Path | None) -> None:
    """Check the playbooks of SOURCE: exit code 0 and a list, or 2 and one line for each problem."""
    for book in _books(source, warn=True):
        click.echo(f"{book.name} v{book.version}  ({' over '.join(reversed(book.layers)) or 'alone'})")
        for step in book.steps:
            mode = "suggest" if step.approval is not None else step.mode or book.mode
            click.echo(f"  {step.id:<18} {step.action} on {step.target}, {mode}")
        for note in book.left_out:
            click.echo(f"  note: {note}")


@playbook.command()
@SOURCE
def test(source: Path | None) -> None:
    """Run the cases beside the playbooks of SOURCE: exit code 1 and a line with file, line and case for each failure.

    The cases of `site.yaml` are in `site.cases.yaml`; those of a folder in its files that end in `.cases.yaml`.
    """
    count, failed = run_cases(_cases(source), _books(source))
    for problem in failed:
        click.echo(str(problem), err=True)
    click.echo(f"{count} cases, {len(failed)} failed")
    if count == 0:
        click.echo("no cases found, expected a file that ends in .cases.yaml beside the playbooks", err=True)
    sys.exit(1 if failed or count == 0 else 0)


@playbook.command()
@click.argument("incident")
@click.option("--config", "file", type=click.Path(path_type=Path), help="The configuration; without it, the shipped.")
@click.option(
    "--from", "folder", type=click.Path(path_type=Path, exists=True),
    help="What `tocsin replay` wrote; without it, the topics of the running installation.",
)
def explain(incident: str, file: Path | None, folder: Path | None) -> None:
    """Show which steps of its playbook INCIDENT (an id) has taken, which are due, and which are skipped and why.

    What only the shard knows (siblings, age of a version, the record of steps) counts as unknown here.
    """
    config = load(file, os.environ)
    found = _incident(config, folder, incident)
    if found is None:
        click.echo(f"{incident}: no such incident, expected the id of one that was published", err=True)
        sys.exit(1)
    book = playbook_of(found, config.playbooks)
    click.echo(f"{found.id}  {found.state}, {found.category}, {found.severity} (peak {found.peak_severity})")
    click.echo(f"  {found.title}")
    over = f", over {' over '.join(reversed(book.layers[:-1]))}" if len(book.layers) > 1 else ""
    click.echo(f"playbook {book.name} v{book.version}{over}")
    if book is UNMATCHED:
        click.echo("  no playbook is for it: people are notified, nothing else is done")
    decided_s = max((action.decided_at_s for action in found.actions), default=found.opened_at_s)
    by_key = {action.key: action for action in found.actions}
    for rung in rungs(found, book, by_key, UNKNOWN, decided_s):
        click.echo(f"  {rung.step.id:<18} {_standing(rung)}")
    for note in book.left_out:
        click.echo(f"  note: {note}")
    if book.runbook:
        click.echo(f"runbook\n{_indented(book.runbook)}")


@playbook.command()
@SOURCE
@click.option("--out", type=click.Path(path_type=Path), help="A folder for one file a playbook; without it, to stdout.")
@click.option("--name", help="Of one playbook; without it, all.")
def export(source: Path | None, out: Path | None, name: str | None) -> None:
    """Export playbooks as CACAO 2.0 JSON, validated against its schema."""
    books = [book for book in _books(source) if name is None or book.name == name]
    if not books:
        click.echo(f"{name}: no such playbook, expected one that `tocsin playbook check` lists", err=True)
        sys.exit(1)
    for book in books:
        content = to_cacao(book)
        jsonschema.validate(content, PLAYBOOK_SCHEMA, jsonschema.Draft202012Validator)
        text = orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        if out is None:
            click.echo(text.decode(), nl=False)
        else:
            out.mkdir(parents=True, exist_ok=True)
            path = out / bundle_name(book)
            path.write_bytes(text)
            click.echo(f"written {path}")


def _books(source: Path | None, *, warn: bool = False) -> tuple[Playbook, ...]:
    """The playbooks of a configuration file, of a folder, or the shipped ones."""
    if source is None or source.is_dir():
        return read_playbooks(source)
    config, warnings = examine(source, os.environ, METRICS)
    for warning in warnings if warn else ():
        if warning.path.startswith("playbooks"):
            click.echo(f"warning: {warning}", err=True)
    return config.playbooks


def _cases(source: Path | None) -> list[Traversable]:
    if source is None:
        return shipped_cases()
    return cases_of_folder(source) if source.is_dir() else cases_beside(source)


def _incident(config: Config, folder: Path | None, incident_id: str) -> Incident | None:
    # Imported here: the topics need a Kafka client, the check of a file does not.
    from streams.client.incident_log import read_files, read_topics

    log = asyncio.run(read_topics(config)) if folder is None else read_files([folder])
    return log.incidents.get(incident_id)


def _standing(rung: Rung) -> str:
    """One step in words."""
    if rung.skipped is not None:
        return f"skipped: {rung.skipped}"
    if rung.done is None:
        return f"to come: {rung.step.action} on {rung.target}"
    return f"{rung.state.replace('_', ' ')}: {rung.why} (attempt {rung.attempt}, {rung.done.mode})"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.rstrip().splitlines())
