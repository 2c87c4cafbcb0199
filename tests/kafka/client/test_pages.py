"""The pages that lead a reader through commands: run as they stand, on an embedded broker and the demo's gateway."""

from __future__ import annotations

import asyncio
import re
import shlex
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest

from streams.sandbox.process import WORKER
from tests.house.tree import ROOT
from tests.kafka.brokers import EmbeddedKafka
from tests.kafka.client.snippets import snippet
from tests.kafka.harness import PATIENCE_S

PAGE = "docs/first-rollback.md"
PYTHON = shlex.quote(sys.executable)
TOCSIN = f"{PYTHON} -c 'from streams.cli import main; main()'"


@asynccontextmanager
async def running(*command: str, folder: Path) -> AsyncIterator[asyncio.StreamReader]:
    """The lines of a process that is ended at last."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, limit=1 << 20,
    )
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        process.terminate()
        await process.communicate()


async def until(stream: asyncio.StreamReader, part: str) -> str:
    """What comes up to the first line with this part."""
    seen: list[str] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(3 * PATIENCE_S):
            while line := await stream.readline():
                seen.append(line.decode())
                if part in seen[-1]:
                    return "".join(seen)
    raise AssertionError(f"it did not say {part!r}:\n{''.join(seen)}")


def shell(block: str, folder: Path) -> str:
    """The output of commands, which must succeed. `tocsin` and `python` are those of this environment."""
    text = re.sub(r"(?m)^tocsin ", lambda _: f"{TOCSIN} ", block)
    done = subprocess.run(["bash", "-ec", text], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def own_broker() -> Iterator[EmbeddedKafka]:
    """Of this test alone: the page uses the topics and the service that others have used by now."""
    broker = EmbeddedKafka()
    yield broker
    broker.stop()


async def test_the_bad_version_is_rolled_back_as_the_page_says(
    own_broker: EmbeddedKafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("TOCSIN_BROKERS", own_broker.address)
    (tmp_path / "rollback.yaml").write_text(snippet(PAGE, "yaml", "inputs:"))
    assert "signed     by w1" in shell(snippet(PAGE, "sh", "tocsin key new"), tmp_path)
    lines = [line.split("#")[0].split() for line in snippet(PAGE, "sh", "tocsin broker").splitlines()]
    commands = {name: [name, *arguments] for _, name, *arguments in lines}
    assert commands["worker"] == ["worker", "--config", "rollback.yaml"]
    gateway = [sys.executable, "-u", "-c", "from streams.cli import main; main()", *commands["gateway"], "--port", "0"]
    async with running(*gateway, folder=tmp_path) as served:
        (address,) = re.findall(r"http://\S+", await until(served, "gateway on"))

        def here(text: str) -> str:
            return text.replace("http://127.0.0.1:8700", address).replace("127.0.0.1:9092", own_broker.address)

        config = tmp_path / "rollback.yaml"
        config.write_text(here(config.read_text()) + "kafka: {group: first-rollback}\ntelemetry: {port: 0}\n"
                          "respond: {listen: null}\n")
        (tmp_path / "producer.py").write_text(here(snippet(PAGE, "python", "import json, random")))
        async with running(*WORKER, "--config", "rollback.yaml", folder=tmp_path) as worker:
            await until(worker, '"started"')
            async with running(sys.executable, "-u", "producer.py", folder=tmp_path) as produced:
                await until(produced, "live")
                await asyncio.sleep(30.0)  # as the page says: normal behaviour is learned before the fault
                shell(here(snippet(PAGE, "sh", "curl -X POST")), tmp_path)
                log = await until(worker, "moved from v2 to v1")
                await until(worker, '"resolved"')
        assert "chat/gpt, version v8: quality fell" in log
        async with aiohttp.ClientSession() as session, session.get(f"{address}/state") as answer:
            state = await answer.json()
    assert state["served"] == "v7"
    assert [bool(change["key"]) for change in state["changes"] if change["switch"] == "version"] == [False, True]


def test_the_commands_on_tuning_run_as_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in ("streams", "config"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "tuned.yaml").write_text(snippet("docs/tuning.md", "yaml", "detection:"))
    check, compare, diff = snippet("docs/tuning.md", "sh", "tocsin check").splitlines()
    assert "valid, 0 warnings" in shell(check, tmp_path)
    compared = shell(f"{compare} || test $? = 1\n", tmp_path)
    assert re.search(r"(?m)^incidents: \d+ added, \d+ gone, \d+ changed, \d+ the same$", compared)
    assert "detection.false_alarm_every" in shell(f"{diff} || test $? = 1\n", tmp_path)
