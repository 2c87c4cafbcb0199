"""`tocsin broker`: an embedded broker on an address that is given."""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import AsyncExitStack

import pytest
from click.testing import CliRunner

from streams.cli import main
from streams.cluster.embedded_broker import EmbeddedBroker
from streams.cluster.port_forward import PortForward
from streams.cluster.topics import TopicSpec, ensure_topics, existing_partitions
from streams.sandbox.process import WORKER
from tests.streams.cli.commands import one_message


async def test_clients_find_the_embedded_broker_through_the_port() -> None:
    async with AsyncExitStack() as stack:
        broker = stack.enter_context(EmbeddedBroker())
        forward = await stack.enter_async_context(PortForward("127.0.0.1", 0, broker))
        await ensure_topics(forward.address, [TopicSpec("through-the-port", 4)])
        assert (await existing_partitions(forward.address, ["through-the-port"]))["through-the-port"] == 4


async def test_it_says_where_it_is_and_what_it_is_for_and_ends_by_a_signal() -> None:
    command = (*WORKER[:-1], "broker", "--port", "0")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    process.terminate()
    assert await process.wait() == 0
    assert line.startswith("broker on 127.0.0.1:")
    assert "for trying out only" in line


def test_a_port_that_is_taken_is_one_message() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = CliRunner().invoke(main, ["broker", "--port", port])
    one_message(result, f"--port {port}: 127.0.0.1:{port}: Address already in use, expected a free port")


@pytest.mark.parametrize("command", ["demo", "broker"])
def test_without_the_extra_the_message_says_what_to_install(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    one_message(CliRunner().invoke(main, [command]), f"tocsin {command}: ", "pip install '.[demo]'")
