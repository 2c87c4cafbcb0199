"""`tocsin worker`, `tocsin execute`, `tocsin respond`: the roles of a process, until it is stopped."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path

import click

from config import load
from config.models import Config
from streams.cli import Failure
from streams.telemetry.log_format import log_to
from streams.worker.wall_clock import WallClock

ROLES = ("watch", "execute", "respond")
LEVELS = ("debug", "info", "warning", "error")


@click.command()
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="YAML laid over the shipped default.")
@click.option("--roles", default="watch,execute,respond", show_default=True, callback=lambda *given: _roles(given[2]),
              help="What this process does; in production each role has a process and credentials of its own.")
@click.option("--log-level", type=click.Choice(LEVELS), default="info", show_default=True)
@click.option("--clock-speed", type=float, default=1.0, hidden=True, help="Speed of the clock of decisions.")
@click.option("--clock-anchor", type=float, default=0.0, hidden=True, help="When that clock and the wall clock agree.")
def worker(
    config_file: Path | None, roles: frozenset[str], log_level: str, clock_speed: float, clock_anchor: float,
) -> None:
    """Watch the input topics, execute what is decided, and ask people, until SIGTERM or SIGINT.

    A stop is bounded in time. Roles: watch detects and decides; execute acts on targets; respond asks people.

    Exit code 0 after a clean stop, 2 for an error that the operator must correct (the reason is the last line), 1 after
    a crash or a stop that took too long.
    """
    log_to(sys.stderr, log_level)
    config = load(config_file, os.environ)
    if roles == {"respond"}:
        _run_respond(config, config_file)
    else:
        _run_roles(config, config_file, roles, WallClock(clock_anchor, clock_speed))


@click.command()
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="YAML laid over the shipped default.")
@click.option("--log-level", type=click.Choice(LEVELS), default="info", show_default=True)
def execute(config_file: Path | None, log_level: str) -> None:
    """Execute intents, and nothing else: the same as `worker --roles execute`."""
    log_to(sys.stderr, log_level)
    _run_roles(load(config_file, os.environ), config_file, frozenset({"execute"}), WallClock(0.0, 1.0))


@click.command()
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="YAML laid over the shipped default.")
@click.option("--log-level", type=click.Choice(LEVELS), default="info", show_default=True)
def respond(config_file: Path | None, log_level: str) -> None:
    """Ask people and serve their decisions, and nothing else: the same as `worker --roles respond`."""
    log_to(sys.stderr, log_level)
    _run_respond(load(config_file, os.environ), config_file)


def _roles(text: str) -> frozenset[str]:
    roles = frozenset(part.strip() for part in text.split(","))
    if not roles <= set(ROLES):
        raise click.BadParameter(f"{', '.join(sorted(roles - set(ROLES)))!r}, expected some of {', '.join(ROLES)}")
    if roles == {"execute", "respond"}:
        raise click.BadParameter("execute and respond without watch, expected two processes, each with one role")
    return roles


def _run_respond(config: Config, config_file: Path | None) -> None:
    from streams.cluster.topics import TopicError
    from streams.respond.process import respond as serve

    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the process can reload
    try:
        asyncio.run(serve(config, config_file))
    except TopicError as error:
        raise Failure(str(error)) from error


def _run_roles(config: Config, file: Path | None, roles: frozenset[str], clock: WallClock) -> None:
    """Run in this process what watches, or executes alone."""
    from streams.app import Worker
    from streams.transport.faust_app import run_worker
    from streams.worker.execute.process import ExecuteProcess

    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the process can reload
    program = ExecuteProcess(config, clock, file) if roles == {"execute"} else Worker(config, clock, roles, file)
    _run_first(program.prepare())
    try:
        run_worker(program.app)
    except SystemExit:
        reason = program.stopped_by or getattr(program.app.crash_reason, "exit_message", None)
        if reason is not None:
            raise Failure(reason) from None
        raise


def _run_first(preparation: Coroutine[None, None, None]) -> None:
    """Run in a loop of its own; Faust makes another one."""
    from streams.cluster.topics import TopicError

    loop = asyncio.new_event_loop()
    client = logging.getLogger("aiokafka")
    client.setLevel(logging.CRITICAL)  # it logs every attempt; the final result is reported once
    try:
        loop.run_until_complete(preparation)
    except TopicError as error:
        raise Failure(str(error)) from error
    finally:
        loop.close()
        client.setLevel(logging.NOTSET)
