"""The metrics server of a worker: `/metrics`, `/healthz`, `/readyz`, on 127.0.0.1 unless configured otherwise.

It runs in the event loop of the worker on purpose: when the loop is blocked, a health check gets no answer and fails.
Faust's web server, which would serve table contents to everyone, stays off.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from typing import Protocol

import orjson
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST


class Rendered(Protocol):
    """Metrics of one or several roles."""

    def render(self) -> bytes: ...


Complaints = Callable[[], tuple[str, ...]]
"""Called at every request; must not block. Each string is one reason against; empty means there is none."""


class PortTaken(ConnectionError):  # noqa: N818
    """The metrics server cannot have the address that the configuration gives it."""


def require_free_port(host: str, port: int) -> None:
    """Raise `PortTaken` where the metrics server of a process could not listen; for before the process runs."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family):
            pass
    except OSError as error:
        expected = "a free address of this machine (another one for each process), or 0 for any free port"
        raise PortTaken(f"telemetry.port: {host}:{port}: {error.strerror}, expected {expected}") from error


class MetricsServer:
    """Serve the telemetry of a process, in this order, until `stop`.

    health: why the worker is not healthy; it should then be restarted. ready: what is missing before records are
    processed (assignment, restored state). Both pages answer 200 or 503, with the reasons in the body. degraded: what
    the worker does not watch although it was told to; `/readyz` names it and still answers 200, since neither a restart
    nor another worker would change it. Port 0 takes a free port.
    """

    def __init__(
        self, *telemetry: Rendered, health: Complaints, ready: Complaints, degraded: Complaints = tuple,
        host: str = "127.0.0.1", port: int = 0,
    ) -> None:
        self._telemetry = telemetry
        self._host, self._wanted_port = host, port
        app = web.Application()
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/healthz", _answer(health))
        app.router.add_get("/readyz", _answer(ready, degraded))
        # Scrapes are not logged, and a keep-alive connection must not delay a stop.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        self._port: int | None = None

    @property
    def port(self) -> int:
        """The bound port; `RuntimeError` before `start`."""
        if self._port is None:
            raise RuntimeError("the metrics server has not been started")
        return self._port

    async def start(self) -> None:
        """Bind and serve; raises `OSError` when the address is taken."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._wanted_port)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close the socket; open connections get a second. Safe to call twice."""
        await self._runner.cleanup()

    async def _metrics(self, _request: web.Request) -> web.Response:
        body = b"".join(each.render() for each in self._telemetry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


def _answer(
    complaints: Complaints, degraded: Complaints | None = None,
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handler(_request: web.Request) -> web.Response:
        reasons = complaints()
        page: dict[str, object] = {"ok": not reasons, "reasons": list(reasons)}
        if degraded is not None:
            page["degraded"] = list(degraded())
        return web.Response(
            body=orjson.dumps(page), status=503 if reasons else 200, content_type="application/json",
        )

    return handler
