"""`tocsin demo`: the whole pipeline on one machine, with a recording of a real LLM server and its injected faults."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import click
from rich.console import Console

from streams.cli import Failure
from streams.cluster.embedded_broker import EmbeddedBrokerMissing
from streams.demo import RECORDING, view
from streams.demo.display import display_on
from streams.demo.run import DemoError, PageAddress, run
from streams.demo.state import DemoState

DEMO_FAILED = 1
LOG_WIDTH = 140


@click.command()
@click.option(
    "--recording", type=click.Path(path_type=Path, exists=True, file_okay=False), default=RECORDING,
    help="A recording with its truth.json; the shipped one by default.",
)
@click.option("--speed", type=click.FloatRange(min=0.1, max=50.0), default=10.0, show_default=True,
              help="How many times faster than it happened.")
@click.option("--keep", is_flag=True, help="Leave the page and everything behind it up at the end, until Ctrl-C.")
@click.option("--picture", type=click.Path(path_type=Path, dir_okay=False), help="Save the report at the end as SVG.")
def demo(recording: Path, speed: float, keep: bool, picture: Path | None) -> None:
    """Play a recording through an embedded Kafka, with a real worker and a gateway that its actions really change.

    Exit code 0: the worker was healthy, at least 80 % of the faults were found and an action changed the gateway. Exit
    code 1: one of these failed, with the reasons. Meanwhile the operator's page is served; its address is printed.
    """
    # A pipe has no width of its own, and the default of 80 columns would wrap the table at the end.
    console = Console() if sys.stdout.isatty() else Console(width=LOG_WIDTH)
    try:
        state = asyncio.run(_run_until_stopped(recording, speed, keep, console))
    except EmbeddedBrokerMissing as error:
        raise Failure(f"tocsin demo: {error}") from error
    except (KeyboardInterrupt, asyncio.CancelledError) as stop:
        click.echo("stopped", err=True)
        sys.exit(128 + (signal.SIGINT if isinstance(stop, KeyboardInterrupt) else signal.SIGTERM))
    except DemoError as error:
        click.echo(f"tocsin demo: {error}", err=True)
        sys.exit(DEMO_FAILED)
    console.print(view.report(state))
    if picture is not None:
        picture.write_text(view.picture(view.report(state), "tocsin demo"), encoding="utf-8")
    if state.failures():
        sys.exit(DEMO_FAILED)


async def _run_until_stopped(recording: Path, speed: float, keep: bool, console: Console) -> DemoState:
    task = asyncio.current_task()
    assert task is not None
    # asyncio does this for Ctrl-C. A closed terminal must not leave a worker behind either.
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)

    def on_page(page: PageAddress) -> None:
        console.print(f"The page: {page.url}   to act, log in with the token {page.token}", soft_wrap=True)

    async def until_stopped() -> None:
        console.print("The play is over and the page stays up; Ctrl-C ends it.")
        await asyncio.Event().wait()

    return await run(
        recording, speed, display_on(console), on_page=on_page, keep=until_stopped if keep else None,
    )
