"""What a process says of itself when it starts and when it stops."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from config import config_hash
from config.models import Config


def start_facts(config: Config, file: Path | None, group: str) -> dict[str, object]:
    """The release, what it reads from where, and by which configuration it decides."""
    return {
        "version": version("tocsin"), "brokers": ",".join(config.kafka.brokers), "group": group,
        "inputs": [source.topic for source in config.inputs],
        "config": "the shipped default" if file is None else str(file), "config_hash": config_hash(config),
    }


class Stopping(Protocol):
    """What knows why it stops: by an error, or by a signal."""

    @property
    def crash_reason(self) -> BaseException | None: ...

    @property
    def stop_signal(self) -> str | None: ...


def stop_reason(app: Stopping, stopped_by: str | None) -> str:
    """Why a process stops. stopped_by: what it said itself."""
    if stopped_by is not None:
        return stopped_by
    if app.crash_reason is not None:
        return repr(app.crash_reason)
    return app.stop_signal or "asked to stop"
