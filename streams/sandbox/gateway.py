"""A small serving gateway whose switches Tocsin's actions really flip: breakers, throttles, the served model version.

It routes no requests. It holds the state that a real gateway would hold, refuses what a real one would refuse, and logs
every change with its time, so that one sees what the actions really changed. Its
model registry is a strict stand-in for MLflow's (`streams.sandbox.registry`); a version set there is served on reload.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TypeVar

import orjson
from aiohttp import web

from streams.sandbox.registry import Registry, add_routes
from streams.sandbox.requests import bad_request, read_fields

S = TypeVar("S", str, float)
ALIAS = "champion"
ACTION_FIELDS = frozenset({
    "target", "service", "model", "version", "replica", "tenant", "incident_id", "key", "reason",
})
"""The fields that an action may send beside the switch that it sets."""
NOTICE_FIELDS = frozenset({"event", "to", "severity", "title"})
MAX_CALLER = 60
RELOAD_FIELDS = frozenset({"model", "alias", "from_version", "to_version", "key"})


@dataclass(frozen=True, slots=True)
class Fleet:
    """The service of the gateway, its replicas and tenants. labels: the versions of its model."""

    service: str = "serving"
    model: str = "bytegpt"
    labels: tuple[str, ...] = ("v1", "v2")
    replicas: tuple[str, ...] = ("r0", "r1")
    tenants: tuple[str, ...] = ("code", "markup", "prose")

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets with a breaker and a throttle: the service, and `service/name` for each replica and tenant."""
        return (self.service, *(f"{self.service}/{name}" for name in (*self.replicas, *self.tenants)))


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a switch. at_s: seconds since the epoch. actor: the program that asked for it, `unknown` where it
    gave no name. key: of the intent, where one was sent."""

    at_s: float
    actor: str
    switch: str
    target: str
    before: str
    after: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """What a channel told, as a pager or a chat would take it. to: the person that it is a page for, else empty."""

    event: str
    to: str
    severity: str
    title: str


class Gateway:
    """The switches and their log, in memory. Setting a switch to its current value changes and logs nothing."""

    def __init__(self, fleet: Fleet, now_s: Callable[[], float] = time.time) -> None:
        self.fleet = fleet
        self._now_s = now_s
        self.registry = Registry(fleet.model, fleet.labels, now_s)
        self.registry.aliases[ALIAS] = 1
        self.served = fleet.labels[0]
        self.breakers = dict.fromkeys(fleet.targets, "closed")
        self.throttles = dict.fromkeys(fleet.targets, 1.0)
        self.changes: list[Change] = []
        self.notifications: list[Notice] = []

    def deploy(self, label: str) -> None:
        """Put a version into service, as an operator would; raises `ValueError` for a label that is not registered."""
        number = self.registry.number_of(label)
        if number is None:
            raise ValueError(f"version {label!r}, expected one of {', '.join(self.fleet.labels)}")
        self.registry.aliases[ALIAS] = number
        self.reload("operator", None)

    def set_breaker(self, target: str, state: str, actor: str, key: str | None) -> None:
        """Open or close the breaker of a known target."""
        self._log(actor, "breaker", target, self.breakers[target], state, key)
        self.breakers[target] = state

    def set_throttle(self, target: str, factor: float, actor: str, key: str | None) -> None:
        """Let that share of a known target's traffic through; 1 lifts the limit."""
        self._log(actor, "throttle", target, f"{self.throttles[target]:g}", f"{factor:g}", key)
        self.throttles[target] = factor

    def reload(self, actor: str, key: str | None) -> None:
        """Serve the version that the alias names."""
        label = self.registry.label(ALIAS) or self.served
        self._log(actor, "version", f"{self.fleet.service}/{self.fleet.model}", self.served, label, key)
        self.served = label

    def state(self) -> dict[str, object]:
        """All of the state, as `GET /state` gives it."""
        return {
            "service": self.fleet.service, "model": self.fleet.model, "served": self.served,
            "aliases": {alias: str(number) for alias, number in self.registry.aliases.items()},
            "breakers": self.breakers, "throttles": self.throttles,
            "changes": [asdict(change) for change in self.changes],
            "notifications": [asdict(notice) for notice in self.notifications],
        }

    def log_alias(self, request: web.Request, alias: str, before: str | None) -> None:
        """Log a change of an alias in the registry."""
        after = self.registry.label(alias)
        caller, model = _caller(request), self.fleet.model
        self._log(caller, f"alias {alias}", model, before or "none", after or "none", _key(request))

    def _log(self, actor: str, switch: str, target: str, before: str, after: str, key: str | None) -> None:
        if before != after:
            self.changes.append(Change(self._now_s(), actor, switch, target, before, after, key))


def make_app(gateway: Gateway) -> web.Application:
    """The gateway over HTTP: `/breakers/{target}` and `/throttles/{target}` (GET, PUT), `/state`, `/reload`,
    `/notifications`, MLflow's.

    No authentication: bind it to 127.0.0.1.
    """
    app = web.Application()
    _add_switches(app, "/breakers", "state", gateway.breakers, _breaker_state, gateway.set_breaker)
    _add_switches(app, "/throttles", "factor", gateway.throttles, _throttle_factor, gateway.set_throttle)

    async def post_reload(request: web.Request) -> web.Response:
        await read_fields(request, optional=RELOAD_FIELDS)
        gateway.reload(_caller(request), _key(request))
        return web.json_response({"served": gateway.served})

    async def post_notification(request: web.Request) -> web.Response:
        told = await read_fields(request, required=NOTICE_FIELDS)
        gateway.notifications.append(Notice(**{name: str(value) for name, value in told.items()}))
        return web.json_response({"taken": len(gateway.notifications)})

    async def get_state(_request: web.Request) -> web.Response:
        return web.Response(body=orjson.dumps(gateway.state()), content_type="application/json")

    app.router.add_post("/reload", post_reload)
    app.router.add_post("/notifications", post_notification)
    app.router.add_get("/state", get_state)
    add_routes(app, gateway.registry, gateway.log_alias)
    return app


class GatewayServer:
    """The gateway listening on 127.0.0.1 (or `host`) between `start` and `stop`. Port 0 takes a free one."""

    def __init__(self, gateway: Gateway, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._host, self._port = host, port
        self._runner = web.AppRunner(make_app(gateway), access_log=None, shutdown_timeout=1.0)

    async def start(self) -> str:
        """Bind and return the base URL; raises `OSError` when the address is taken."""
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        return f"http://{self._host}:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Close the socket. Safe to call twice."""
        await self._runner.cleanup()


def _add_switches(
    app: web.Application, path: str, name: str, switches: dict[str, S], parse: Callable[[object], S],
    set_switch: Callable[[str, S, str, str | None], None],
) -> None:
    """Serve switches by target. name: of the field that holds the value. parse: raises a 400 for a wrong value."""
    async def get(request: web.Request) -> web.Response:
        target = _target(switches, request)
        return web.json_response({"target": target, name: switches[target]})

    async def put(request: web.Request) -> web.Response:
        target = _target(switches, request)
        value = parse((await _read_switch(request, target, name))[name])
        set_switch(target, value, _caller(request), _key(request))
        return web.json_response({"target": target, name: value})

    app.router.add_get(f"{path}/{{target:.+}}", get)
    app.router.add_put(f"{path}/{{target:.+}}", put)


def _breaker_state(state: object) -> str:
    if state not in ("open", "closed"):
        raise bad_request(f"state: {state!r}, expected 'open' or 'closed'")
    return str(state)


def _throttle_factor(factor: object) -> float:
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0 < factor <= 1:
        raise bad_request(f"factor: {factor!r}, expected a number above 0 and at most 1")
    return float(factor)


async def _read_switch(request: web.Request, target: str, switch: str) -> dict[str, object]:
    body = await read_fields(request, required=frozenset({switch}), optional=ACTION_FIELDS)
    if body.get("target", target) != target:
        raise bad_request(f"target: {body['target']!r} in the body, {target!r} in the path, expected the same")
    return body


def _target(switches: Mapping[str, object], request: web.Request) -> str:
    target = request.match_info["target"]
    if target not in switches:
        text = orjson.dumps({"error": f"target: {target!r}, expected one of {', '.join(switches)}"}).decode()
        raise web.HTTPNotFound(text=text, content_type="application/json")
    return target


def _caller(request: web.Request) -> str:
    """The name of the program that calls, as `curl` of `curl/8.5.0`."""
    name = request.headers.get("User-Agent", "").partition("/")[0].strip()
    return name[:MAX_CALLER] or "unknown"


def _key(request: web.Request) -> str | None:
    return request.headers.get("Idempotency-Key")

