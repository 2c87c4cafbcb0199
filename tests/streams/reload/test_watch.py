"""With real files, a real watch and a real signal."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from config import load
from streams.reload.reloader import Reloader
from streams.reload.watch import ConfigWatch


class Watched:
    """A reload of a file, awaited as it happens."""

    def __init__(self, file: Path) -> None:
        self.results: asyncio.Queue[str] = asyncio.Queue()
        self.reloader = Reloader(
            load(file, {}), file, {}, lambda _: None, lambda result, _: self.results.put_nowait(result),
        )
        self.watch = ConfigWatch(self.reloader, file)

    async def next(self) -> str:
        return await asyncio.wait_for(self.results.get(), 60.0)


@asynccontextmanager
async def watching(file: Path) -> AsyncIterator[Watched]:
    watched = Watched(file)
    task = asyncio.ensure_future(watched.watch.run())
    os.sync()
    try:
        yield watched
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until_seen(watched: Watched, write: object) -> str:
    """Write until the watch, which begins in a thread, has noticed."""
    assert callable(write)
    while True:
        write()
        try:
            return await asyncio.wait_for(watched.results.get(), 2.0)
        except TimeoutError:
            continue


async def test_a_file_that_an_editor_renames_into_place_is_reloaded(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text("version: 1\n")
    numbers = iter(range(3, 100))

    def save() -> None:
        new = tmp_path / "site.yaml.new"
        new.write_text(f"triage: {{confirm_instants: {next(numbers)}}}\n")
        new.replace(file)

    async with watching(file) as watched:
        assert await until_seen(watched, save) == "applied"
        assert watched.reloader.config.triage.confirm_instants >= 3


async def test_a_config_map_whose_link_is_swapped_is_reloaded(tmp_path: Path) -> None:
    """As the kubelet does it: the file is a link into `..data`, a link to a directory that is replaced as a whole."""
    numbers = iter(range(3, 100))

    def swap() -> None:
        number = next(numbers)
        folder = tmp_path / f"..{number}"
        folder.mkdir()
        (folder / "site.yaml").write_text(f"triage: {{confirm_instants: {number}}}\n")
        link = tmp_path / "..data_tmp"
        link.symlink_to(folder.name)
        link.replace(tmp_path / "..data")

    swap()
    file = tmp_path / "site.yaml"
    file.symlink_to("..data/site.yaml")
    async with watching(file) as watched:
        assert await until_seen(watched, swap) == "applied"
        assert watched.reloader.config.triage.confirm_instants > 3


async def test_sighup_reloads_without_a_change_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text("version: 1\n")
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        async with watching(file) as watched:
            await asyncio.sleep(0)
            os.kill(os.getpid(), signal.SIGHUP)
            assert await watched.next() == "unchanged"
        os.kill(os.getpid(), signal.SIGHUP)  # ends nothing afterwards either
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("text", ["nonsense\n", "triage: {confirm_instants: none}\n"])
async def test_an_invalid_file_leaves_the_watch_working(tmp_path: Path, text: str) -> None:
    file = tmp_path / "site.yaml"
    file.write_text("version: 1\n")
    async with watching(file) as watched:
        file.write_text(text)
        watched.watch._asked.set()
        assert await watched.next() == "invalid"
        file.write_text("triage: {confirm_instants: 7}\n")
        watched.watch._asked.set()
        assert await watched.next() == "applied"
