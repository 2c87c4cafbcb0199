"""A control record for a service that no worker knows is written, and warned of with the name that was meant."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from click.testing import CliRunner, Result

from classifiers.series_windows import ServiceSeries
from streams.cli import main
from streams.contracts.envelopes import service_series_message
from streams.kafka.producer import Publisher
from tests.kafka.conftest import Broker
from tests.kafka.harness import unique
from tests.streams.fakes import config_of

SECRET = "correct horse battery"


def site(folder: Path, broker: Broker) -> str:
    """A configuration with topics of its own; returns that of series."""
    series = unique("series")
    config_of(folder, f"""\
version: 1
kafka: {{brokers: "{broker.address}"}}
topics: {{series: {series}, control: {unique("control")}}}
control: {{keys: {{ops: {{secret: {SECRET}}}}}}}
""")
    return series


async def control(folder: Path, *arguments: str) -> Result:
    command = ["control", *arguments, "--config", str(folder / "site.yaml")]
    return await asyncio.to_thread(CliRunner().invoke, main, command)


async def tell(broker: Broker, topic: str, *services: str) -> None:
    """As a worker tells of services with traffic."""
    messages = [
        service_series_message(ServiceSeries(name, None, time.time(), 3, 0, 0, (), ()), "/tocsin/test", 0)
        for name in services
    ]
    async with Publisher({"bootstrap_servers": broker.address}) as publisher:
        await publisher.send(0, topic, messages)
        await publisher.flush(0)


async def test_a_service_that_no_worker_told_of_is_warned_of_and_the_record_is_written(
    broker: Broker, tmp_path: Path,
) -> None:
    await tell(broker, site(tmp_path, broker), "chat", "search")
    for arguments in (
        ["deploy", "chta", "v2"], ["silence", "-m", "service=chta", "--for", "1h"],
        ["silence", "-m", "tenant=acme", "-m", "service=~chta|chaat", "--for", "1h"],
    ):
        result = await control(tmp_path, *arguments)
        assert (result.exit_code, "signed by ops" in result.stdout) == (0, True), result.output
        assert "no worker told of it in the last 2 minutes" in result.stderr
    assert "warning: service 'chta': " in (await control(tmp_path, "deploy", "chta", "v2")).stderr
    assert "(did you mean chat?)" in (await control(tmp_path, "deploy", "chta", "v2")).stderr


async def test_a_service_that_is_known_is_not_warned_of(broker: Broker, tmp_path: Path) -> None:
    await tell(broker, site(tmp_path, broker), "chat")
    for arguments in (
        ["deploy", "chat", "v2"], ["silence", "-m", "service=~ch.*", "--for", "1h"],
        ["silence", "-m", "service!=chta", "--for", "1h"], ["silence", "-m", "tenant=acme", "--for", "1h"],
    ):
        result = await control(tmp_path, *arguments)
        assert (result.exit_code, "warning" in result.stderr) == (0, False), result.output


async def test_without_what_workers_tell_nothing_is_warned_of(broker: Broker, tmp_path: Path) -> None:
    site(tmp_path, broker)
    result = await control(tmp_path, "deploy", "chta", "v2")
    assert (result.exit_code, "signed by ops" in result.stdout, result.stderr) == (0, True, "")
