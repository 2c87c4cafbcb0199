"""Takes over a changed configuration: it is checked first, and one that is invalid changes nothing.

What can be taken over takes effect at the next tick of each shard. What needs a restart is named, in the log and on
`/readyz`, and the rest is taken over all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from config import ConfigError, config_hash, load
from config.changes.difference import differences, waiting, with_live
from config.models import Config
from streams.telemetry.process_metrics import ReloadResult

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.config")

NAMED = 5
"""How many settings, or problems of a file, one line of the log names."""


class Reloader:
    """The configuration of one process. started: what it began with, from `file`; environ: what may replace values.

    apply: called with the configuration in force when it changes. report: called after each reload with its result and
    the hash of the configuration in force.
    """

    def __init__(
        self, started: Config, file: Path, environ: Mapping[str, str], apply: Callable[[Config], None],
        report: Callable[[ReloadResult, str], None],
    ) -> None:
        self.config = started
        self._started = started
        self._file = file
        self._environ = environ
        self._apply = apply
        self._report = report
        self._notes: tuple[str, ...] = ()

    def notes(self) -> tuple[str, ...]:
        """Why the file is not in force as it stands; empty when it is."""
        return self._notes

    def read(self) -> Config | ConfigError:
        """The file as it stands, or what is wrong with it. Blocks on disk."""
        try:
            return load(self._file, self._environ)
        except ConfigError as error:
            return error

    def take(self, found: Config | ConfigError) -> ReloadResult:
        """Take over what `read` gave. To be called in the event loop, between two hand-overs of records."""
        result = self._refuse(found) if isinstance(found, ConfigError) else self._accept(found)
        self._report(result, config_hash(self.config))
        return result

    def _refuse(self, error: ConfigError) -> ReloadResult:
        first = error.problems[0]
        log.error(
            "config_invalid", place=first.file if first.line is None else f"{first.file}:{first.line}",
            setting=first.path or None, value=first.value or None, expected=first.expected,
            problems=len(error.problems), effect="the configuration before it stays in force",
        )
        self._notes = (f"the configuration file is invalid and not in force: {first}",)
        return "invalid"

    def _accept(self, new: Config) -> ReloadResult:
        taken, held = with_live(self.config, new), waiting(self._started, new)
        changes = differences(self.config, taken)
        self._notes = () if not held else (
            f"settings that take effect at the next start: {_listed([change.path for change in held])}",
        )
        if changes:
            self.config = taken
            self._apply(taken)
        if changes or held:
            log.info(
                "config_reloaded", file=str(self._file), config_hash=config_hash(self.config),
                changed=_listed([str(change) for change in changes]) or None,
                at_next_start=_listed([change.path for change in held]) or None,
            )
        if held:
            return "partial"
        return "applied" if changes else "unchanged"


def _listed(texts: list[str]) -> str:
    more = f", and {len(texts) - NAMED} more" if len(texts) > NAMED else ""
    return ", ".join(texts[:NAMED]) + more
