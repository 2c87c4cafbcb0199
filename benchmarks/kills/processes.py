"""The processes of a run: commands of `tocsin` that can be killed and stopped.

They are forked from one that has imported everything: the import takes most of the time of a start.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

PRELOADED = ("streams.app", "streams.worker.execute.process", "streams.respond.process", "streams.cli",
             "benchmarks.kills.engine")
STOP_WITHIN_S = 60.0


def forking() -> ForkServerContext:
    """The server of forks. It is started by the first start of a process."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    return context


class RoleProcess:
    """One process. command: of `tocsin`, with its options. Its output goes to `NAME.log` in the folder."""

    def __init__(self, name: str, command: Sequence[str], folder: Path, context: ForkServerContext) -> None:
        self.name = name
        self.config = folder / f"{name}.yaml"
        self._arguments = (*command, "--config", str(self.config))
        self._log = folder / f"{name}.log"
        self._context = context
        self._process: ForkServerProcess | None = None
        self._lock = threading.Lock()

    def start(self, config: Mapping[str, Any]) -> None:
        """Start it with this configuration; returns at once."""
        with self._lock:
            self.config.write_text(json.dumps(config, indent=1))
            self._process = self._context.Process(target=_run, args=(self._arguments, str(self._log)), name=self.name)
            self._process.start()

    def runs(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.is_alive()

    @property
    def pid(self) -> int | None:
        """Of the process that runs; None where none does."""
        return None if self._process is None else self._process.pid

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone. The process is then not one that ended by itself."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._process.join(20)
                self._process = None

    def signaller(self) -> Callable[[signal.Signals], None]:
        """Sends signals to the process of now, and never to one that was started after it."""
        process = self._process

        def send(number: signal.Signals) -> None:
            if process is not None and process.is_alive() and process.pid is not None:
                os.kill(process.pid, number)

        return send

    def ended(self) -> int | None:
        """The exit code if it ended by itself, else None. Asked for once: the process is then forgotten."""
        with self._lock:
            code = None if self._process is None else self._process.exitcode
            if code is not None:
                self._process = None
            return code

    def stop(self) -> int | None:
        """SIGTERM; returns the exit code, None if it did not end in time and was killed, 0 if it did not run."""
        process, send = self._process, self.signaller()
        if process is None:
            return 0
        send(signal.SIGCONT)
        process.terminate()
        process.join(STOP_WITHIN_S)
        code = process.exitcode
        self.kill()
        return code


def _run(arguments: Sequence[str], log: str) -> None:
    from streams.cli import main

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.exit(main(list(arguments), prog_name="tocsin"))
