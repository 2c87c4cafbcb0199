"""`tocsin gateway`: the demo's serving gateway by itself, for the compose file and for trying actions by hand."""

from __future__ import annotations

import asyncio
import signal

import click

from streams.sandbox.gateway import Fleet, Gateway, GatewayServer

DEFAULT = Fleet()


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="It has no authentication.")
@click.option("--port", type=click.IntRange(0, 65535), default=8700, show_default=True, help="0 takes a free one.")
@click.option("--service", default=DEFAULT.service, show_default=True)
@click.option("--model", default=DEFAULT.model, show_default=True)
@click.option("--version", "versions", multiple=True, default=DEFAULT.labels, show_default=True,
              help="A version's label; the first is in service. Repeat it.")
@click.option("--replica", "replicas", multiple=True, default=DEFAULT.replicas, show_default=True, help="Repeat it.")
@click.option("--tenant", "tenants", multiple=True, default=DEFAULT.tenants, show_default=True, help="Repeat it.")
def gateway(
    host: str, port: int, service: str, model: str, versions: tuple[str, ...], replicas: tuple[str, ...],
    tenants: tuple[str, ...],
) -> None:
    """Serve breakers, throttles and a small stand-in for MLflow's registry; GET /state gives all of its state.

    It routes no traffic and keeps its state in memory: for practice, not for production.
    """
    fleet = Fleet(service, model, versions, replicas, tenants)
    asyncio.run(_serve(GatewayServer(Gateway(fleet), host=host, port=port)))


async def _serve(server: GatewayServer) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    try:
        click.echo(f"gateway on {await server.start()}")
        await stopped.wait()
    finally:
        await server.stop()
