"""Stopping: a worker process that ends within a bound, whatever Kafka, the group or an agent is doing."""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
import threading
from typing import TYPE_CHECKING, Any, NoReturn

import faust

if TYPE_CHECKING:
    from streams.transport import BatchedApp

log = logging.getLogger(__name__)

EXIT_STOP_TIMEOUT = 70
"""Exit code of a process that had to be cut off. What it had not released is read again after the restart."""


class BoundedWorker(faust.Worker):
    """Faust's worker, whose stop is cut off after the app's `stop_timeout_s`. A clean stop exits with 0, a crash 1."""

    def __init__(self, app: BatchedApp, **options: Any) -> None:
        super().__init__(app, **options)
        self.spinner = None  # it writes to the terminal whatever the log level
        self._timeout_s = app.settings.stop_timeout_s
        self._bound: threading.Timer | None = None

    async def stop(self) -> None:
        self._arm()
        await super().stop()

    def on_worker_shutdown(self) -> None:
        self._arm()
        super().on_worker_shutdown()

    async def _sentinel_task(self) -> None:
        """mode sleeps a second here before it closes the loop, for nothing that this worker has open."""

    def _arm(self) -> None:
        if self._bound is None:
            # A thread and not a task: what must be bounded includes an event loop that no longer turns.
            self._bound = threading.Timer(self._timeout_s, self._cut_off)
            self._bound.daemon = True
            self._bound.start()

    def _cut_off(self) -> NoReturn:
        log.critical("the stop took longer than %g s and is cut off; where each thread stood:", self._timeout_s)
        faulthandler.dump_traceback(sys.__stderr__ or 2)
        for handler in logging.getLogger().handlers:
            handler.flush()
        os._exit(EXIT_STOP_TIMEOUT)


def run_worker(app: BatchedApp, *, loglevel: str = "WARNING") -> NoReturn:
    """Run the app in this process until SIGTERM or SIGINT. Does not return; the exit code tells how it ended."""
    BoundedWorker(app, loglevel=loglevel, quiet=True, redirect_stdouts=False).execute_from_commandline()
