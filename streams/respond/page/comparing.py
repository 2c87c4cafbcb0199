"""Compares configurations on a recording for the page, as `tocsin replay --against` does, in a process of its own.

Recordings and configurations are files that an operator put into one folder; nobody uploads anything. One comparison
runs at a time, at low priority and with a time limit. Crash: the child ends with this process or at its limit.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import orjson

LIMIT_S = 180.0
MAX_LISTED = 200
RUN = "import os; os.nice(10); from streams.cli import main; main()"
CONFIGURATIONS = (".yaml", ".yml")
RECORDED = (".jsonl", ".json", ".gz")


class Busy(RuntimeError):  # noqa: N818
    """A comparison runs already."""


class Comparing:
    """folder: of recordings and configurations, None for none. file: of the configuration of this process, None for the
    shipped default."""

    def __init__(self, folder: Path | None, file: Path | None, limit_s: float = LIMIT_S) -> None:
        self._folder = folder
        self._file = file
        self._limit_s = limit_s
        self._lock = asyncio.Lock()

    def choices(self) -> dict[str, list[str]]:
        """The names in the folder, as recordings and configurations. Blocks on disk."""
        found: dict[str, list[str]] = {"recordings": [], "configurations": []}
        with suppress(OSError):
            for one in sorted(self._folder.iterdir() if self._folder is not None else ())[:MAX_LISTED]:
                if one.suffix in CONFIGURATIONS:
                    found["configurations"].append(one.name)
                elif one.is_dir() or one.suffix in RECORDED:
                    found["recordings"].append(one.name)
        return found

    async def compare(self, recording: str, configuration: str) -> dict[str, Any]:
        """What the configuration would change on the recording, against that of this process. Raises `ValueError` for a
        name that is not among the choices, and for what cannot be compared; `Busy`."""
        known = await asyncio.to_thread(self.choices)
        for name, among in ((recording, "recordings"), (configuration, "configurations")):
            if name not in known[among]:
                raise ValueError(f"{among[:-1]} {name[:80]!r}, expected one of {', '.join(known[among]) or 'none'}")
        if self._lock.locked():
            raise Busy("a comparison runs; try again when it has ended")
        assert self._folder is not None
        async with self._lock:
            return await self._run(self._folder / recording, self._folder / configuration)

    async def _run(self, recording: Path, configuration: Path) -> dict[str, Any]:
        with NamedTemporaryFile("w", suffix=".yaml") as shipped:
            shipped.write("version: 1\n")
            shipped.flush()
            return await self._replay(recording, configuration, self._file or Path(shipped.name))

    async def _replay(self, recording: Path, configuration: Path, against: Path) -> dict[str, Any]:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", RUN, "replay", str(recording), "--config", str(configuration), "--against",
            str(against), "--json", stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(self._limit_s):
                out, problems = await child.communicate()
        except TimeoutError:
            raise ValueError(f"the comparison took more than {self._limit_s:g} s; take a shorter recording") from None
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        try:
            found: dict[str, Any] = orjson.loads(out)
        except orjson.JSONDecodeError:
            last = problems.decode(errors="replace").strip().splitlines()[-3:]
            raise ValueError(f"not compared: {' '.join(last) or f'exit code {child.returncode}'}") from None
        return found
