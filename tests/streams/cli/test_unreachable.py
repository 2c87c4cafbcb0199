"""A command that no broker answers says where the address of the brokers is set."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from streams.cli import main

COMMANDS = (
    "incident list", "incident show inc-1", "incident follow", "action list", "silence list", "dlq list",
    "approval list", "remedy list", "breaker list", "storm status", "audience list", "oncall show primary", "report",
    "record --since 1h --out REC", "audit export --out AUDIT", "control feedback inc-1 --confirmed --by me",
    "dlq show 0:0", "review draft inc-1",
)


@pytest.fixture
def closed() -> Iterator[str]:
    """An address at which nothing listens, since it is bound and does not."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield "{}:{}".format(*bound.getsockname())


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_names_file_and_line_of_the_brokers(tmp_path: Path, closed: str, command: str) -> None:
    site = tmp_path / "site.yaml"
    people = "people: {anna: {roles: responder}}\nschedules: {primary: {tz: UTC, people: anna}}\n"
    site.write_text(f"version: 1\n{people}kafka:\n  brokers: '{closed}'\n")
    arguments = command.replace("REC", str(tmp_path / "rec")).replace("AUDIT", str(tmp_path / "audit")).split()
    done = CliRunner().invoke(main, [*arguments, "--config", str(site)])
    last = done.stderr.splitlines()[-1]
    assert (done.exit_code, f"Kafka at {closed} did not answer" in last) == (2, True), done.output
    assert last.endswith(f"; kafka.brokers is set in {site}:5"), last


def test_a_command_names_the_variable(closed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_BROKERS", closed)
    done = CliRunner().invoke(main, ["incident", "list"])
    assert done.stderr.splitlines()[-1].endswith("; kafka.brokers is set by the variable TOCSIN_BROKERS")


def test_the_doctor_names_where_the_brokers_are_set(tmp_path: Path, closed: str) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(f"version: 1\nkafka: {{brokers: '{closed}'}}\n")
    done = CliRunner().invoke(main, ["doctor", "--config", str(site)])
    assert done.exit_code == 1
    assert f"firewalls; kafka.brokers is set in {site}:2\n" in done.output
