"""A real Alertmanager of Debian's package `prometheus-alertmanager` on a free port, for tests."""

from __future__ import annotations

import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from tests.exercised import EXERCISED
from tests.ports import free_port

BINARY = "prometheus-alertmanager"
PATIENCE_S = 20.0
CONFIG = "route: {{receiver: {name}}}\nreceivers: [{{name: {name}}}]\n"
TRIES = 5


def is_installed() -> bool:
    return shutil.which(BINARY) is not None


def required_alertmanager(folders: pytest.TempPathFactory) -> Iterator[str]:
    """For a fixture: its URL while it runs; skips where it is not installed."""
    if not is_installed():
        EXERCISED["alertmanager"] = "NO (no prometheus-alertmanager)"
        pytest.skip("no prometheus-alertmanager, a package of Debian")
    EXERCISED["alertmanager"] = "yes"
    with alertmanager(folders.mktemp("alertmanager")) as url:
        yield url


@contextmanager
def alertmanager(folder: Path) -> Iterator[str]:
    """Its URL while it runs. A port that another process takes in the same instant is given up for another one."""
    name = f"receiver-{uuid4().hex}"
    file = folder / "alertmanager.yml"
    file.write_text(CONFIG.format(name=name))
    for _ in range(TRIES):
        port = free_port()
        process = subprocess.Popen([
            BINARY, f"--config.file={file}", f"--storage.path={folder / 'data'}", "--cluster.listen-address=",
            f"--web.listen-address=127.0.0.1:{port}",
        ], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            url = f"http://127.0.0.1:{port}"
            if _is_ready(url, process, name):
                yield url
                return
        finally:
            process.terminate()
            process.wait()
    raise AssertionError(f"{BINARY} found no free port")


def _is_ready(url: str, process: subprocess.Popen[bytes], name: str) -> bool:
    """Whether this process answers, and not another one that has the port."""
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        try:
            with urllib.request.urlopen(f"{url}/api/v2/status") as answer:
                return name in answer.read().decode()
        except (urllib.error.URLError, ConnectionError):
            if process.poll() is not None:
                return False
            time.sleep(0.05)
    raise AssertionError(f"{BINARY} not ready within {PATIENCE_S:g} s")
