"""`tocsin drill NAME`: rehearsals of what must never happen. Each prints JSON, and exits with 1 when it fails."""

from __future__ import annotations

import asyncio
import sys
import time

import click
import orjson
from structlog.testing import capture_logs

DRILL_FAILED = 1


@click.group()
def drill() -> None:
    """Rehearse a danger against the real checks, without a broker or with the embedded one.

    Each drill prints one JSON object. Exit code 0: passed; 1: failed.
    """


@drill.command()
@click.option("--each", type=click.IntRange(min=1, max=10_000), default=50, show_default=True,
              help="How many intents of each kind.")
def forge(each: int) -> None:
    """Send forged, replayed, expired, edited and unauthorised intents to an executor, and good ones among them."""
    from streams.drill.forge import drill_forge

    with capture_logs():  # what each refusal logs is in the result
        result = asyncio.run(drill_forge(time.time(), each))
    click.echo(orjson.dumps(result.as_json(), option=orjson.OPT_INDENT_2).decode())
    if not result.passed:
        sys.exit(DRILL_FAILED)
