"""Which process a group member is: the name of the worker, its host, process id and start time.

A worker with an `instance_id` sends this text to the group as its client id and in the metadata of its subscription. So
another worker of the same name can find out whether that process still runs. Behind it, the metadata have the release
of the worker, and how often it joined anew.
"""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

PREFIX = "tocsin"
SEPARATOR = " "
"""Between the text, the release, and the number that makes the metadata differ; see `streams.transport.assignor`."""
MAX_PART = 100
"""Characters of the name and of the host. The whole text stays under 255 characters."""
METADATA_PARTS = 3
START_FIELD = 19
"""Of /proc/PID/stat, counted after the name of the program: the start in clock ticks since the machine started."""

Standing = Literal["gone", "running", "other_host"]


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """One process of a named worker. started: of this process id, 0 where the system does not say it."""

    instance: str
    host: str
    pid: int
    started: int

    @classmethod
    def current(cls, instance: str) -> Self:
        """This process."""
        host = re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())
        pid = os.getpid()
        return cls(instance[:MAX_PART], host[:MAX_PART], pid, _start_of(pid) or 0)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The inverse of `str`, whatever follows `SEPARATOR`; None for the client id of anything else."""
        match text.partition(SEPARATOR)[0].split("/"):
            case [prefix, instance, host, pid, started] if prefix == PREFIX and pid.isdecimal() and started.isdecimal():
                return cls(instance, host, int(pid), int(started))
        return None

    def __str__(self) -> str:
        return f"{PREFIX}/{self.instance}/{self.host}/{self.pid}/{self.started}"


def release_of(text: str) -> str | None:
    """The release of the member with these metadata; None where they do not tell it."""
    parts = text.split(SEPARATOR)
    return parts[1] if len(parts) == METADATA_PARTS and parts[0].split("/")[0] == PREFIX else None


def standing(other: WorkerProcess, own: WorkerProcess) -> Standing:
    """Whether another process of the same name still runs, as far as this host can say.

    The own process id with another start time is a former process: in a container each main process has the same id.
    """
    if other.host != own.host:
        return "other_host"
    return "gone" if other.pid == own.pid or not is_running(other) else "running"


def is_running(process: WorkerProcess) -> bool:
    """Whether a process of this host runs or is stopped by a signal; False for a zombie and for a reused id."""
    if Path("/proc/self/stat").exists():
        started = _start_of(process.pid)
        return started is not None and process.started in (0, started)
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it runs under another user
        return True
    return True


def _start_of(pid: int) -> int | None:
    """The start of a process in clock ticks; None when it does not run, or where there is no /proc."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *fields = text[text.rindex(")") + 1:].split()
    return None if state in "ZX" else int(fields[START_FIELD - 1])
