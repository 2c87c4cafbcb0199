"""Notices that a configuration file changed, or that somebody asked for a reload by SIGHUP.

The directory is watched and not the file: editors write a new file and rename it, and Kubernetes replaces the symbolic
link of the directory that a ConfigMap's file is in. Whatever happens there, the text of the file decides.
"""

from __future__ import annotations

import asyncio
import hashlib
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog
from watchfiles import awatch

from streams.reload.reloader import Reloader

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.config")

SETTLE_MS = 200
"""How long a directory must be quiet before the file is read: an editor writes in several steps."""
AGAIN_S = 10.0
"""After which a directory that cannot be watched is tried again."""


class ConfigWatch:
    """Reloads when the text of a file changes, and at each SIGHUP. watch: gives an async iterator that yields after
    each change of a directory."""

    def __init__(self, reloader: Reloader, file: Path, watch: Callable[..., object] = awatch) -> None:
        self._reloader = reloader
        self._file = file
        self._watch = watch
        self._asked = asyncio.Event()
        self._known = _digest(file)

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self._asked.set)
        watching = asyncio.ensure_future(self._watch_directory())
        try:
            while True:
                await self._asked.wait()
                self._asked.clear()
                self._known = _digest(self._file)
                self._reloader.take(await asyncio.to_thread(self._reloader.read))
        finally:
            loop.remove_signal_handler(signal.SIGHUP)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    async def _watch_directory(self) -> None:
        while True:
            try:
                async for _ in self._watch(  # type: ignore[attr-defined]
                    self._file.parent, step=SETTLE_MS, recursive=False, watch_filter=None,
                ):
                    if _digest(self._file) != self._known:
                        self._asked.set()
            except (OSError, RuntimeError) as error:
                log.warning("config_not_watched", directory=str(self._file.parent), reason=str(error), sighup="works")
            await asyncio.sleep(AGAIN_S)


def _digest(file: Path) -> str | None:
    """Of the text; None while there is none, as between the two steps of a rename."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return None
