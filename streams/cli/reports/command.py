"""`tocsin report`: time to detect, classify, act on and resolve incidents, and whether the targets were met."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

import click
from rich.console import Console

from classifiers.accounting import slo_report
from classifiers.accounting.response_report import ResponseReport, compute_response
from classifiers.accounting.slo_report import GROUPINGS, Grouping
from classifiers.model import Incident
from config import load
from streams.cli import Failure
from streams.cli.reports.formats import Format, as_csv, as_json, as_openmetrics, as_text
from streams.cli.reports.response_tables import print_response
from streams.cli.time_arguments import DurationArgument, TimeArgument, resolve_time
from streams.client.audit_log import AnswerLog, read_answers
from streams.client.incident_log import IncidentLog, read_files, read_topics
from streams.cluster.topics import TopicError

LOG_WIDTH = 120


@click.command()
@click.argument("sources", metavar="[SOURCE]...", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--brokers", help="host:port, several with commas; instead of those of the configuration.")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="YAML laid over the shipped default.")
@click.option("--format", "form", type=click.Choice(get_args(Format)), default="text", show_default=True)
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
@click.option("--by", type=click.Choice(list(GROUPINGS)), help="Report the same figures for each of these, too.")
@click.option("--since", type=TimeArgument(), help="Opened then or later: 2026-11-02, or 7d for the last seven days.")
@click.option("--until", type=TimeArgument(), help="Opened before then.")
@click.option("--recurs-within", type=DurationArgument(), default="7d", show_default=True,
              help="The same kind of incident within this time after the last one is a recurrence.")
def report(
    sources: tuple[Path, ...], brokers: str | None, config_file: Path | None, form: Format, by: Grouping | None,
    since: float | None, until: float | None, recurs_within: float,
) -> None:
    """Figures over incidents: time to detect, classify, act, recover and resolve, and the targets of the configuration.

    SOURCE is an incidents.jsonl, or the folder `tocsin replay` wrote; without one, the topics of the brokers are read.
    Times count from the estimated onset. For a file, now is the last time in it.
    """
    if sources and brokers is not None:
        raise click.UsageError("--brokers and SOURCE were both given, expected one of them")
    config = load(config_file, os.environ)
    if brokers is not None:
        addresses = tuple(part.strip() for part in brokers.split(",") if part.strip())
        config = config.model_copy(update={"kafka": config.kafka.model_copy(update={"brokers": addresses})})
    try:
        log = read_files(sources) if sources else asyncio.run(read_topics(config))
    except TopicError as error:
        raise Failure(str(error)) from error
    _warn(log)
    incidents = list(log.incidents.values())
    now_s = _last_time_s(incidents) if sources else time.time()
    since_s, until_s = resolve_time(since, now_s), resolve_time(until, now_s)
    figures = slo_report.compute_report(incidents, config.targets, now_s, recurs_within, since_s, until_s, by)
    answers = AnswerLog() if sources else asyncio.run(read_answers(config))
    response = compute_response(
        incidents, config.targets, since_s, until_s, answers.pages or None, answers.faults,
    )
    _print_report(figures, response, form)


def _print_report(figures: slo_report.SloReport, response: ResponseReport, form: Format) -> None:
    if form == "text":
        console = Console(markup=False, highlight=False, width=None if sys.stdout.isatty() else LOG_WIDTH)
        as_text(figures, console)
        if figures.total.incidents:
            print_response(response, console)
    elif form == "json":
        click.echo(as_json(figures, response))
    else:
        click.echo({"csv": as_csv, "openmetrics": as_openmetrics}[form](figures, response))


def _warn(log: IncidentLog) -> None:
    if log.unreadable:
        click.echo(f"warning: {log.unreadable} unreadable records; the first: {log.first_unreadable}", err=True)
    if log.unauthentic:
        click.echo(f"warning: {log.unauthentic} records are not signed by their role and do not count; the first: "
                   f"{log.first_unauthentic}", err=True)


def _last_time_s(incidents: Iterable[Incident]) -> float:
    times = (
        at_s for one in incidents
        for at_s in (one.opened_at_s, one.resolved_at_s, *(action.done_at_s for action in one.actions))
        if at_s is not None
    )
    return max(times, default=0.0)
