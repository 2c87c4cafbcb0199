"""`tocsin notify`: try the channels by which people are told."""

from __future__ import annotations

import asyncio
import sys
import time

import aiohttp
import click

from actions.channels.message import ChannelRefused, Delivery
from actions.channels.texts import sample
from config.models import Config
from streams.cli import Failure
from streams.cli.people.author import FINDING, with_config
from streams.contracts.envelopes import source_of

TIMEOUT_S = 30.0


@click.group()
def notify() -> None:
    """Try the channels by which people are told."""


@notify.command()
@click.argument("channel")
@with_config
def test(config: Config, channel: str) -> None:
    """Send a test message to CHANNEL. Exit code 1: it was refused; the reason is printed."""
    if channel not in config.channels:
        names = ", ".join(config.channels) or "none is configured"
        raise Failure(f"channels: no {channel!r}, expected one of {names}")
    try:
        delivery = asyncio.run(_send(config, channel))
    except ChannelRefused as refusal:
        again = "sending it again cannot help" if refusal.final else "a later attempt may be accepted"
        click.echo(f"{channel}: refused: {refusal.reason} ({again})", err=True)
        sys.exit(FINDING)
    known = "" if delivery.reference is None else f", reference {delivery.reference}"
    click.echo(f"{channel}: accepted: {delivery.detail}{known}")


async def _send(config: Config, name: str) -> Delivery:
    """Raises `ChannelRefused`."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        channel = config.channels[name].params.build(session)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await channel.send(sample(name, time.time(), source_of(config.kafka.group)))
        except TimeoutError:
            raise ChannelRefused(f"no answer within {TIMEOUT_S:g} s", final=False) from None
        finally:
            await channel.close()
