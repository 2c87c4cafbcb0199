"""A real Redis server: own process, free port of 127.0.0.1, nothing on disk, stopped by its id."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.ports import free_port

START_TIMEOUT_S = 20.0
ADMIN = ("admin", "admin-password")


class RedisProcess:
    """client: the library's blocking client as an administrator, whatever the default user may do."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, client: Any) -> None:
        self.process = process
        self.url = f"redis://127.0.0.1:{port}/0"
        self.client = client

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def redis_server() -> Iterator[RedisProcess]:
    """A fresh server. Skips the test where redis-server or the library is missing."""
    library = pytest.importorskip("redis", reason="the extra redis is not installed")
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no redis-server (Debian package redis-server)")
    port = free_port()
    user = f"user {ADMIN[0]} on >{ADMIN[1]} ~* &* +@all"
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
        process = subprocess.Popen([*command, "--dir", folder, *("--" + user).split()], stdout=subprocess.DEVNULL)
        client = library.Redis(port=port, username=ADMIN[0], password=ADMIN[1], decode_responses=True)
        server = RedisProcess(process, port, client)
        try:
            _wait(server, library)
            yield server
        finally:
            server.stop()
            client.close()


def _wait(server: RedisProcess, library: Any) -> None:
    end_s = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < end_s and server.process.poll() is None:
        try:
            server.client.ping()
        except library.exceptions.ConnectionError:
            time.sleep(0.01)  # polling a real process, not waiting out a time
        else:
            return
    raise AssertionError(f"redis-server did not answer within {START_TIMEOUT_S:g} s (ended: {server.process.poll()})")
