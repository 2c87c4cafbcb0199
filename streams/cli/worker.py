"""`tocsin worker`: watch the topics until told to stop."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import click
import structlog

from config import load

LEVELS = ("debug", "info", "warning", "error")


@click.command()
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="YAML laid over the shipped default.")
@click.option("--log-level", type=click.Choice(LEVELS), default="info", show_default=True)
@click.option("--clock-speed", type=float, default=1.0, hidden=True, help="How fast the clock of decisions runs.")
@click.option("--clock-anchor", type=float, default=0.0, hidden=True, help="When that clock and the wall agree.")
def worker(config_file: Path | None, log_level: str, clock_speed: float, clock_anchor: float) -> None:
    """Watch the input topics and carry out what is decided, until SIGTERM or SIGINT; a stop is bounded in time.

    Exit code 0 after a clean stop, 2 for what the operator can put right, 70 when a stop had to be cut off.
    """
    _log_to_stderr(log_level)
    config = load(config_file, os.environ)
    from streams.app import Worker
    from streams.transport import run_worker
    from streams.wallclock import WallClock

    run_worker(Worker(config, WallClock(clock_anchor, clock_speed)).app)


def _log_to_stderr(level: str) -> None:
    """One JSON object a line, or columns where a human looks on."""
    human = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer() if human else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
