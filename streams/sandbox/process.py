"""The worker as a child process: its output goes to a file, and it is stopped in bounded time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import aiohttp

WORKER = (sys.executable, "-c", "from streams.cli import main; main(prog_name='tocsin')", "worker")
"""The command `tocsin worker` of this very installation, wherever its scripts are."""
TERM_GRACE_S = 10.0
KILL_GRACE_S = 5.0
TAIL_LINES = 15
PAGE_TIMEOUT = aiohttp.ClientTimeout(total=2.0)


class WorkerProcess:
    """A worker process in a session of its own: Ctrl-C reaches its parent alone, which then stops it."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], log: Path) -> None:
        self._command = command
        self._environ = {**os.environ, **environ}
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it; raises `OSError` when the interpreter cannot be run."""
        with self._log.open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output, env=self._environ,
                start_new_session=True,
            )

    @property
    def pid(self) -> int | None:
        """Its process id, None before it was started."""
        return None if self._process is None else self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs, and before it was started."""
        return None if self._process is None else self._process.returncode

    async def stop(self) -> int | None:
        """Send SIGTERM, and SIGKILL when it does not end in time; returns the exit code. Safe to call after its end."""
        process = self._process
        if process is None:
            return None
        for number, grace_s in ((signal.SIGTERM, TERM_GRACE_S), (signal.SIGKILL, KILL_GRACE_S)):
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(number)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), grace_s)
        return process.returncode

    def tail(self) -> str:
        """The last lines of its output, to show why it failed."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-TAIL_LINES:])


async def is_ready(http: aiohttp.ClientSession) -> bool:
    """Whether the worker watches its partitions; False also while it does not answer."""
    try:
        async with http.get("/readyz", timeout=PAGE_TIMEOUT) as answer:
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False
