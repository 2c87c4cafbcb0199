"""A real Alertmanager of Debian's package `prometheus-alertmanager` on a free port, for tests."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BINARY = "prometheus-alertmanager"
PATIENCE_S = 20.0
CONFIG = "route: {receiver: none}\nreceivers: [{name: none}]\n"


def is_installed() -> bool:
    return shutil.which(BINARY) is not None


@contextmanager
def alertmanager(folder: Path) -> Iterator[str]:
    """Its URL while it runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    file = folder / "alertmanager.yml"
    file.write_text(CONFIG)
    process = subprocess.Popen([
        BINARY, f"--config.file={file}", f"--storage.path={folder / 'data'}", "--cluster.listen-address=",
        f"--web.listen-address=127.0.0.1:{port}",
    ], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(f"{url}/-/ready", process)
        yield url
    finally:
        process.terminate()
        process.wait()


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        try:
            with urllib.request.urlopen(url):
                return
        except (urllib.error.URLError, ConnectionError):
            assert process.poll() is None, f"{BINARY} ended with {process.returncode}"
            time.sleep(0.05)
    raise AssertionError(f"{BINARY} not ready within {PATIENCE_S:g} s")
