"""A worker process whose stop ends within a time limit, whatever Kafka, the group or an agent is doing."""

from __future__ import annotations

import faulthandler
import signal
from types import FrameType
from typing import Any, NoReturn

import faust
from typing_extensions import override

from streams.transport.batched_app import BatchedApp


class BoundedWorker(faust.Worker):
    """Faust's worker; it ends at the latest `stop_timeout_s` (of the app's settings) after a stop began.

    A clean stop exits with 0. A crash exits with 1. A stop that takes too long also exits with 1 and prints the stack
    of each thread. What was not released by then is read again after the restart.
    """

    def __init__(self, app: BatchedApp, **options: Any) -> None:
        super().__init__(app, **options)
        self._app = app
        self.spinner = None  # it would write to the terminal whatever the log level
        self._timeout_s = app.settings.stop_timeout_s
        self._is_limited = False

    @override
    def _install_signal_handlers_unix(self) -> None:
        super()._install_signal_handlers_unix()
        # These handlers run also while the event loop is blocked, for instance by an agent that never returns. The
        # event loop still receives the signal through its wakeup descriptor.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
            signal.siginterrupt(number, False)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._app.stop_signal = signal.Signals(number).name
        self._limit()

    @override
    def _setup_logging(self) -> None:
        """Does nothing: the process has one format for all lines (`streams/telemetry/log_format.py`)."""

    @override
    async def stop(self) -> None:
        self._limit()
        await super().stop()

    @override
    def on_worker_shutdown(self) -> None:
        self._limit()
        super().on_worker_shutdown()

    @override
    async def _sentinel_task(self) -> None:
        """Does nothing: mode would sleep for a second here before it closes the loop, without need."""

    def _limit(self) -> None:
        if not self._is_limited:
            self._is_limited = True
            faulthandler.dump_traceback_later(self._timeout_s, exit=True, file=2)


def run_worker(app: BatchedApp, *, loglevel: str = "WARNING") -> NoReturn:
    """Run the app in this process until SIGTERM or SIGINT. Does not return; see `BoundedWorker` for the exit codes."""
    BoundedWorker(app, loglevel=loglevel, quiet=True, redirect_stdouts=False).execute_from_commandline()
