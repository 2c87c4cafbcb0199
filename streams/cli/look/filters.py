"""Options by which listing commands choose what they show, the same for all."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, get_args

import click

from classifiers.model import Severity
from streams.cli.time_arguments import TimeArgument, resolve_time

Command = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Period:
    """A period of time, in seconds since the epoch; None where it is open."""

    since_s: float | None
    until_s: float | None

    def __contains__(self, at_s: float) -> bool:
        after = self.since_s is None or at_s >= self.since_s
        return after and (self.until_s is None or at_s < self.until_s)


def with_period(command: Command) -> Command:
    """Add `--since` and `--until`; the command gets a `Period` as `period`."""
    @wraps(command)
    def run_command(*args: Any, since: float | None, until: float | None, **options: Any) -> None:
        now_s = time.time()
        command(*args, period=Period(resolve_time(since, now_s), resolve_time(until, now_s)), **options)

    since = click.option("--since", type=TimeArgument(), help="From when on: 1h, or 2026-11-24T22:00.")
    until = click.option("--until", type=TimeArgument(), help="Before when.")
    return since(until(run_command))


service_option = click.option("--service", help="Of this service alone.")
severity_option = click.option(
    "--severity", "severities", multiple=True, type=click.Choice(get_args(Severity)),
    help="Of this severity; may be repeated.",
)
