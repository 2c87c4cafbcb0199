"""`tocsin notify test` sends one message by a channel, and says what came of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from click.testing import CliRunner, Result

from streams.cli import main
from tests.actions.channels.fakes.pagerduty import KEY, FakePagerDuty


async def tried(folder: Path, fake: FakePagerDuty, channel: str, key: str = KEY) -> Result:
    file = folder / "site.yaml"
    pager = f"{{kind: pagerduty, routing_key: '{key}', url: '{fake.url}/v2/enqueue'}}"
    file.write_text(f"version: 1\nchannels:\n  pager: {pager}\n")
    arguments = ["notify", "test", channel, "--config", str(file)]
    return await asyncio.to_thread(CliRunner().invoke, main, arguments)


async def test_a_test_message_is_accepted_and_told_once(tmp_path: Path) -> None:
    async with FakePagerDuty().running() as fake:
        done = await tried(tmp_path, fake, "pager")
    assert (done.exit_code, done.stdout.startswith("pager: accepted: ")) == (0, True), done.output
    (event,) = fake.events
    assert "test" in event["payload"]["summary"].lower()


async def test_a_refusal_is_a_finding_with_its_reason_and_without_the_secret(tmp_path: Path) -> None:
    wrong = "0" * 32
    async with FakePagerDuty().running() as fake:
        done = await tried(tmp_path, fake, "pager", wrong)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "pager: refused: " in done.stderr
    assert "answered 400" in done.stderr
    assert "sending it again cannot help" in done.stderr
    assert wrong not in done.output


async def test_an_unknown_channel_is_named_with_those_that_there_are(tmp_path: Path) -> None:
    async with FakePagerDuty().running() as fake:
        done = await tried(tmp_path, fake, "mail")
    assert (done.exit_code, fake.arrived) == (2, 0)
    assert "no 'mail', expected one of pager" in done.stderr
