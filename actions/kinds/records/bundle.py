"""A bundle of files with a manifest of their hashes, written once and never over an earlier one.

The same content gives the same bytes. The manifest names each file with size and SHA-256; where there is a signer, its
signature stands beside the manifest. Crash: a bundle is complete or not there. All calls that touch the disk block.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from actions.kinds.http import JsonValue
from actions.records import BundleSigner

MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"


def manifest_of(files: Mapping[str, bytes], about: Mapping[str, JsonValue]) -> bytes:
    """The manifest: what the bundle is about, and each file with size and hash."""
    entries: list[JsonValue] = [
        {"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in sorted(files.items())
    ]
    return json.dumps({**about, "files": entries}, indent=2, sort_keys=True).encode()


def pack(files: Mapping[str, bytes], manifest: bytes, signer: BundleSigner | None, at_s: float) -> bytes:
    """The bundle as tar.gz. at_s: the time that its files get, seconds since the epoch."""
    signed = {} if signer is None else {SIGNATURE: signer.sign(manifest)}
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as compressed, tarfile.open(
        fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT,
    ) as archive:
        for name, content in sorted({**files, MANIFEST: manifest, **signed}.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(content), 0o400, int(at_s)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def write_once(path: Path, content: bytes) -> bool:
    """Write a file that is not there yet; False where one is, which stays as it is. Raises `OSError`."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(descriptor, 0o400)
            os.fsync(descriptor)
        os.link(name, path)  # fails where the path exists, and replaces nothing
    except FileExistsError:
        return False
    finally:
        Path(name).unlink()
    return True


def faults_of(path: Path) -> list[str]:
    """What is wrong with a bundle: files that are missing, not named, or changed. Raises `OSError`, also for no tar."""
    try:
        with tarfile.open(path, "r:gz") as archive:
            found = {entry.name: _content(archive, entry) for entry in archive.getmembers()}
        entries = json.loads(found[MANIFEST])["files"]
        named = {str(entry["name"]): str(entry["sha256"]) for entry in entries}
    except (tarfile.TarError, EOFError, KeyError, TypeError, ValueError) as error:
        return [f"not a bundle: {error}"]
    missing = [f"{name} is missing" for name in named if name not in found]
    unnamed = [f"{name} is not in the manifest" for name in found if name not in (*named, MANIFEST, SIGNATURE)]
    changed = [
        f"{name} was changed" for name, content in found.items()
        if name in named and hashlib.sha256(content).hexdigest() != named[name]
    ]
    return missing + unnamed + changed


def _content(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(entry)
    return b"" if file is None else file.read()
