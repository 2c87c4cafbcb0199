"""`tocsin drill NAME`: rehearsals of what must never happen. Each prints JSON, and exits with 1 when it fails."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, cast

import click
import orjson
from structlog.testing import capture_logs

from streams.cli import Failure
from streams.cluster.embedded_broker import EmbeddedBrokerMissing
from streams.drill.verdict import DrillError

DRILL_FAILED = 1


class Result(Protocol):
    """What every drill returns."""

    @property
    def passed(self) -> bool:
        """Whether it passed."""

    def as_json(self) -> dict[str, object]:
        """What was observed, and the bar of it."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A drill without options: `run` of the module. lasts: for people."""

    module: str
    run: str
    help: str
    lasts: str


REHEARSALS: Mapping[str, Rehearsal] = {
    "suggest": Rehearsal(
        "streams.drill.suggest", "drill_suggest",
        "A remedy is suggested, approved by command line and over HTTP, runs once, and is verified.", "1 min",
    ),
    "unanswered": Rehearsal(
        "streams.drill.unanswered", "drill_unanswered",
        "Nobody answers a suggestion, and a second one is rejected: nothing runs, people are paged.", "seconds",
    ),
    "failed-remedy": Rehearsal(
        "streams.drill.failed_remedy", "drill_failed_remedy",
        "The gateway answers 500: two attempts, a page, and the next step at once.", "seconds",
    ),
    "lost-incident": Rehearsal(
        "streams.drill.lost_incident", "drill_lost_incident",
        "The worker and its snapshot are lost while a breaker is open: it probes, and closes.", "seconds",
    ),
    "outage": Rehearsal(
        "streams.drill.outage", "drill_outage",
        "All replicas become slow at once: one incident of the service, and no breaker opens.", "seconds",
    ),
}


def _list(ctx: click.Context, _: click.Parameter, is_asked: bool) -> None:
    if not is_asked or ctx.resilient_parsing:
        return
    more = {name: ("seconds", own.help or "") for name, own in (("crash", crash), ("forge", forge))}
    for name, (lasts, text) in {**{name: (one.lasts, one.help) for name, one in REHEARSALS.items()}, **more}.items():
        click.echo(f"{name:<14} {lasts:<8} {' '.join(text.split())}")
    ctx.exit()


@click.group()
@click.option("--list", "is_listed", is_flag=True, is_eager=True, expose_value=False, callback=_list,
              help="Name the drills, with how long each takes, and exit.")
def drill() -> None:
    """Rehearse a danger with the real parts, on a simulated clock or on the embedded broker.

    Each drill prints one JSON object with what was observed and the bar of it. Exit code 0: passed; 1:
    failed; 2: it cannot run here. Nothing of an installation is read or changed.
    """


@drill.command()
@click.option("--kills", type=click.IntRange(min=1, max=10_000), default=200, show_default=True,
              help="How often a role is killed.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the moments; one seed gives the same drill.")
def crash(kills: int, seed: int) -> None:
    """Kill all three roles at random: nothing runs twice, nothing is lost, nothing stays in force."""
    from streams.drill.crash import drill_crash

    _report("crash", lambda: drill_crash(kills, seed))


@drill.command()
@click.option("--each", type=click.IntRange(min=1, max=10_000), default=50, show_default=True,
              help="How many intents of each kind.")
def forge(each: int) -> None:
    """Send forged, replayed, expired, edited and unauthorised intents to an executor, and good ones among them."""
    from streams.drill.forge import drill_forge

    _report("forge", lambda: drill_forge(time.time(), each))


def _report(name: str, run: Callable[[], Coroutine[Any, Any, Result]]) -> None:
    """Run a drill, print its result, and exit with 1 when it failed."""
    try:
        with capture_logs():  # what is logged on the way is in the result
            result = asyncio.run(run())
    except EmbeddedBrokerMissing as error:
        raise Failure(f"tocsin drill {name}: {error}") from error
    except DrillError as error:
        click.echo(f"tocsin drill {name}: {error}", err=True)
        sys.exit(DRILL_FAILED)
    click.echo(orjson.dumps(result.as_json(), option=orjson.OPT_INDENT_2).decode())
    if not result.passed:
        sys.exit(DRILL_FAILED)


def _command(name: str, rehearsal: Rehearsal) -> click.Command:
    def run() -> None:
        found = getattr(import_module(rehearsal.module), rehearsal.run)
        _report(name, cast("Callable[[], Coroutine[Any, Any, Result]]", found))

    return click.Command(name, callback=run, help=f"{rehearsal.help}\n\nIt takes {rehearsal.lasts}.")


for _name, _rehearsal in REHEARSALS.items():
    drill.add_command(_command(_name, _rehearsal))
