"""A small file system in memory for the data of a broker, which can be filled up. Needs root and mount."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE = "512m"
CHUNK = bytes(1 << 20)


class DiskMissing(RuntimeError):  # noqa: N818
    """This machine does not let us mount a file system."""


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Mount one at the folder; raises DiskMissing."""
    folder.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)], capture_output=True, text=True,
        check=False,
    )
    if mounted.returncode:
        raise DiskMissing(f"mount: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=False)


@contextmanager
def fill_up(folder: Path) -> Iterator[None]:
    """No byte is left on the file system of the folder for the length of the block."""
    ballast = folder / "ballast"
    try:
        with ballast.open("wb", buffering=0) as output:
            while output.write(CHUNK):
                pass
    except OSError:  # it is full
        pass
    try:
        yield
    finally:
        ballast.unlink(missing_ok=True)
