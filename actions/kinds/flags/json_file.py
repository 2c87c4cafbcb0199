"""A JSON file that several programs read and some write: locked while it is changed, and replaced in one step.

All calls block and belong into a thread. A reader never sees half a file: the new content is written beside it, synced,
and moved over it. Crash: the file is either the old or the new one.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from actions.base import TargetError
from actions.kinds.http import JsonValue

MAX_BYTES = 16 << 20
POLL_S = 0.05
LASTING = frozenset({
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG,
})
"""Faults that a retry does not end."""


class JsonFile:
    """One file of at most 16 MiB. timeout_s: how long to wait for the lock of another writer.

    The lock is `flock` on a file beside it, `NAME.lock`.
    """

    def __init__(self, path: str, timeout_s: float) -> None:
        self._path = Path(path)
        self._timeout_s = timeout_s

    def read(self) -> dict[str, JsonValue]:
        """The content. Raises `TargetError`; retryable where it is not JSON, since somebody may be writing it."""
        with self._faults():
            return self._load(self._path)

    def change(self, change: Callable[[dict[str, JsonValue]], bool]) -> None:
        """Read, let `change` edit the content, and write it if it returns True. Raises `TargetError`, and what `change`
        raises; nothing is written then.
        """
        with self._faults(), self._locked():
            # A link is followed: what it points to is replaced, not the link.
            path = self._path.resolve(strict=True)
            content = self._load(path)
            if change(content):
                _replace(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")

    def _load(self, path: Path) -> dict[str, JsonValue]:
        # Without O_NONBLOCK a pipe in place of the file would block for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
                expected = f"a regular file of at most {MAX_BYTES} bytes"
                raise TargetError(f"{self._path}: {status.st_size} bytes, expected {expected}", retryable=False)
            text = file.read(MAX_BYTES + 1)
        try:
            content = json.loads(text)
        except ValueError as fault:
            raise TargetError(f"{self._path}: no JSON ({fault}), expected an object", retryable=True) from fault
        if not isinstance(content, dict):
            raise TargetError(f"{self._path}: {type(content).__name__}, expected a JSON object", retryable=False)
        return content

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = self._path.with_name(self._path.name + ".lock")
        with lock.open("ab") as file:
            end_s = time.monotonic() + self._timeout_s
            while not _try_lock(file):
                if time.monotonic() >= end_s:
                    message = f"{lock}: locked by another writer for {self._timeout_s:g} s"
                    raise TargetError(message, retryable=True)
                time.sleep(POLL_S)
            yield

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except OSError as fault:
            retryable = fault.errno not in LASTING
            raise TargetError(f"{self._path}: {fault.strerror}", retryable=retryable) from fault


def _try_lock(file: Any) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _replace(path: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(descriptor, stat.S_IMODE(path.stat().st_mode))
            os.fsync(descriptor)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
