"""A real MLflow server, one per test session: own process, SQLite, free port of 127.0.0.1, stopped by its id."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from tests.ports import free_port

START_TIMEOUT_S = 120.0


@pytest.fixture(scope="session")
def mlflow_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    # Looked for, not imported: its import costs seconds, and only the server needs it.
    if importlib.util.find_spec("mlflow") is None:
        pytest.skip("the real registry needs the test extra")
    folder = tmp_path_factory.mktemp("mlflow")
    port = free_port()
    command = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--default-artifact-root", f"file://{folder}/artifacts",
    ]
    log_path = folder / "server.log"
    with log_path.open("wb") as output:
        server = subprocess.Popen(
            command, cwd=folder, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"},
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(server, url)
        yield url
    except TimeoutError as error:
        raise AssertionError(f"{error}; its log ends: {log_path.read_text()[-2000:]}") from error
    finally:
        # Its workers are children: the session that we started for it ends as a whole.
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _wait(server: subprocess.Popen[bytes], url: str) -> None:
    end_s = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < end_s:
        if server.poll() is not None:
            raise TimeoutError(f"mlflow server ended with {server.returncode}")
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)  # polling a real process, not waiting out a time
    raise TimeoutError(f"mlflow server did not answer within {START_TIMEOUT_S:g} s")
