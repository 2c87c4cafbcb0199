"""A clock of a worker that can be set wrong: libfaketime of Debian, told by a file. Monotonic clocks stay true."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

LIBRARIES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib/faketime/libfaketimeMT.so.1")


class ClockMissing(RuntimeError):  # noqa: N818
    """This machine has no libfaketime."""


def library() -> Path:
    """The library; raises ClockMissing."""
    for pattern in LIBRARIES:
        for found in sorted(Path("/").glob(pattern.lstrip("/"))):
            return found
    raise ClockMissing("no libfaketimeMT.so.1 (Debian: package faketime)")


class Clock:
    """The clock of one worker."""

    def __init__(self, folder: Path, name: str) -> None:
        self._file = folder / f"{name}.faketime"
        self._library = library()
        self.step(0.0)

    def step(self, seconds: float) -> None:
        """Set it so far from the true time; the worker notices within a second."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+.1f}\n")
        new.replace(self._file)

    @property
    def environ(self) -> Mapping[str, str]:
        """What makes a process use it."""
        return {
            "LD_PRELOAD": str(self._library), "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_CACHE_DURATION": "1",
        }
