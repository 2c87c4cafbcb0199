"""`tocsin worker`, as far as it goes without a broker: what the operator can put right is one message and code 2."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner, Result

from streams.cli import main
from streams.cluster import required_topics, topics
from tests.streams.cli.commands import one_message

NOWHERE = "kafka: {brokers: ['127.0.0.1:9']}"


@pytest.fixture(autouse=True)
def logging_of_others() -> Iterator[None]:
    """The command configures structlog for its process; here the process goes on."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def started(folder: Path, *lines: str, command: str = "worker") -> Result:
    file = folder / "site.yaml"
    file.write_text("\n".join(["version: 1", *lines, ""]))
    return CliRunner().invoke(main, [command, "--config", str(file)])


def test_a_broker_that_does_not_answer_is_one_message_within_the_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(required_topics, "existing_partitions", partial(topics.existing_partitions, timeout_s=1.0))
    result = started(tmp_path, NOWHERE, "telemetry: {port: 0}")
    one_message(result, "Kafka at 127.0.0.1:9 did not answer within 1 s")


@pytest.mark.parametrize("command", ["worker", "execute", "respond"])
def test_a_metrics_port_that_is_taken_is_one_message(command: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = started(tmp_path, NOWHERE, f"telemetry: {{port: {port}}}", command=command)
    taken_port = f"telemetry.port: 127.0.0.1:{port}: Address already in use"
    one_message(result, taken_port, "another one for each process", "0 for any free port")


def test_a_certificate_that_cannot_be_read_is_one_message(tmp_path: Path) -> None:
    result = started(
        tmp_path, f"kafka: {{brokers: ['127.0.0.1:9'], security: {{tls: true, cafile: '{tmp_path}/none.pem'}}}}",
    )
    one_message(result, "kafka.security.cafile", "none.pem", "No such file")


def test_a_wrong_configuration_is_reported_before_a_broker_is_tried(tmp_path: Path) -> None:
    one_message(started(tmp_path, "windows: {size: 2h}"), "site.yaml:2: windows.size")


def test_a_configuration_that_is_not_there_is_one_message(tmp_path: Path) -> None:
    one_message(CliRunner().invoke(main, ["worker", "--config", str(tmp_path / "none.yaml")]), "none.yaml")
