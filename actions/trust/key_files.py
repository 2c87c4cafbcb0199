"""Private keys in files: PKCS 8 in PEM, as OpenSSL writes them, readable by their owner alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

OWNER_ONLY = 0o600
OTHERS = stat.S_IRWXG | stat.S_IRWXO


class KeyFileError(ValueError):
    """A file that holds no private key. The command line shows `exit_message`."""

    def __init__(self, path: Path, expected: str) -> None:
        self.exit_message = f"{path}: expected {expected}"
        super().__init__(self.exit_message)


def write_private(path: Path) -> Ed25519PrivateKey:
    """Make a key and write it to a new file with mode 0600; raises `FileExistsError` and other `OSError`."""
    private = Ed25519PrivateKey.generate()
    write_secret(path, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return private


def write_secret(path: Path, content: bytes) -> None:
    """Write a new file with mode 0600; raises `FileExistsError` and other `OSError`."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def read_private(path: Path) -> Ed25519PrivateKey:
    """The key of a file; raises `OSError`, and `KeyFileError` without a word of the content."""
    content = path.read_bytes()
    try:
        private = load_pem_private_key(content, password=None)
    except (TypeError, ValueError):
        raise KeyFileError(path, "a private key of Ed25519 in PEM without a password") from None
    if not isinstance(private, Ed25519PrivateKey):
        raise KeyFileError(path, "a private key of Ed25519, found one of another kind")
    return private


def exposed(path: Path) -> str | None:
    """A warning where others than its owner may use a private file; None where nobody may. Raises `OSError`.

    A file of another owner that only the group may read is right, too: so a Secret of Kubernetes gets into a pod.
    """
    status = path.stat()
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid != os.geteuid() and mode & OTHERS == stat.S_IRGRP:
        return None
    return f"{path}: mode {mode:04o}, expected 0600: others can read or replace the key" if mode & OTHERS else None
