"""`tocsin broker`: the embedded broker by itself, to try Tocsin on a machine without Kafka."""

from __future__ import annotations

import asyncio
import os
import signal

import click

from streams.cli import Failure
from streams.cluster.embedded_broker import EmbeddedBroker, EmbeddedBrokerMissing
from streams.cluster.port_forward import PortForward


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=9092, show_default=True, help="0 takes a free one.")
def broker(port: int) -> None:
    """Serve Kafka's protocol on 127.0.0.1 from memory, until Ctrl-C. FOR TRYING OUT ONLY.

    All records are lost when it ends, a partition keeps a few MB, nothing is replicated, and a former owner of a
    partition is not fenced. Only clients on this machine can use it. Needs the extra `demo`.
    """
    try:
        with EmbeddedBroker() as address:
            asyncio.run(_serve(port, address))
    except EmbeddedBrokerMissing as error:
        raise Failure(f"tocsin broker: {error}") from error


async def _serve(port: int, address: str) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    try:
        async with PortForward("127.0.0.1", port, address) as forward:
            click.echo(f"broker on {forward.address}, in memory and for trying out only; Ctrl-C ends it")
            await stopped.wait()
    except OSError as error:
        reason = os.strerror(error.errno or 0)  # asyncio's text repeats the address
        raise Failure(f"--port {port}: 127.0.0.1:{port}: {reason}, expected a free port") from error
