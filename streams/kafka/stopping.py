"""Stopping: a worker process that ends within a bound, whatever Kafka, the group or an agent is doing."""

from __future__ import annotations

import faulthandler
import signal
from typing import TYPE_CHECKING, Any, NoReturn

import faust

if TYPE_CHECKING:
    from streams.kafka.transport import BatchedApp


class BoundedWorker(faust.Worker):
    """Faust's worker, whose stop is cut off after the app's `stop_timeout_s`.

    A clean stop exits with 0. A crash, and a stop that had to be cut off, exit with 1; the latter prints where each
    thread stood. What was not released by then is read again after the restart.
    """

    def __init__(self, app: BatchedApp, **options: Any) -> None:
        super().__init__(app, **options)
        self.spinner = None  # it writes to the terminal whatever the log level
        self._timeout_s = app.settings.stop_timeout_s
        self._bounded = False

    def _install_signal_handlers_unix(self) -> None:
        super()._install_signal_handlers_unix()
        # The event loop still learns of the signal, through its wakeup descriptor. These handlers run also where the
        # loop no longer turns, for instance inside an agent that never returns.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._bound())
            signal.siginterrupt(number, False)

    async def stop(self) -> None:
        self._bound()
        await super().stop()

    def on_worker_shutdown(self) -> None:
        self._bound()
        super().on_worker_shutdown()

    async def _sentinel_task(self) -> None:
        """mode sleeps a second here before it closes the loop, for nothing that this worker has open."""

    def _bound(self) -> None:
        if not self._bounded:
            self._bounded = True
            faulthandler.dump_traceback_later(self._timeout_s, exit=True, file=2)


def run_worker(app: BatchedApp, *, loglevel: str = "WARNING") -> NoReturn:
    """Run the app in this process until SIGTERM or SIGINT. Does not return; the exit code tells how it ended."""
    BoundedWorker(app, loglevel=loglevel, quiet=True, redirect_stdouts=False).execute_from_commandline()
