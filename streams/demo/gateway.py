"""A small serving gateway whose switches Tocsin's actions really flip: breakers, throttles, the served model version.

It routes no requests. It holds the state that a real gateway would hold, refuses what a real one would refuse, and
writes every change down with its time, so that the demo can show what the actions did and not what they claim. Its
model registry is a strict stand-in for MLflow's (`streams.demo.registry`); a version set there is served on reload.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import orjson
from aiohttp import web

from streams.demo.registry import Registry, add_routes
from streams.demo.requests import read_fields, refusal

ALIAS = "champion"
TOLD = frozenset({"target", "service", "model", "version", "replica", "tenant", "incident_id", "key", "reason"})
"""What an action tells beside the switch it sets."""
RELOAD = frozenset({"model", "alias", "from_version", "to_version", "key"})


@dataclass(frozen=True, slots=True)
class Fleet:
    """What there is to switch: a service, its replicas and tenants; `labels` are the versions of its model."""

    service: str = "serving"
    model: str = "bytegpt"
    labels: tuple[str, ...] = ("v1", "v2")
    replicas: tuple[str, ...] = ("r0", "r1")
    tenants: tuple[str, ...] = ("code", "markup", "prose")

    @property
    def targets(self) -> tuple[str, ...]:
        """What has a breaker and a throttle: the service as a whole, and `service/name` for each replica and tenant."""
        return (self.service, *(f"{self.service}/{name}" for name in (*self.replicas, *self.tenants)))


@dataclass(frozen=True, slots=True)
class Change:
    """One switch that moved: when (s, epoch), by whom, which, from what to what. key: the intent's, if one was sent."""

    at_s: float
    actor: str
    switch: str
    target: str
    before: str
    after: str
    key: str | None = None


class Gateway:
    """The switches and their log. In memory. Setting a switch to what it is already changes and logs nothing."""

    def __init__(self, fleet: Fleet, now_s: Callable[[], float] = time.time) -> None:
        self.fleet = fleet
        self._now_s = now_s
        self.registry = Registry(fleet.model, fleet.labels, now_s)
        self.registry.aliases[ALIAS] = 1
        self.served = fleet.labels[0]
        self.breakers = dict.fromkeys(fleet.targets, "closed")
        self.throttles = dict.fromkeys(fleet.targets, 1.0)
        self.changes: list[Change] = []

    def deploy(self, label: str) -> None:
        """An operator puts a version into service, past Tocsin; a label that is not registered raises `ValueError`."""
        number = self.registry.number_of(label)
        if number is None:
            raise ValueError(f"version {label!r}, expected one of {', '.join(self.fleet.labels)}")
        self.registry.aliases[ALIAS] = number
        self.reload("operator", None)

    def set_breaker(self, target: str, state: str, key: str | None) -> None:
        """Open or close the breaker of a known target."""
        self._log("tocsin", "breaker", target, self.breakers[target], state, key)
        self.breakers[target] = state

    def set_throttle(self, target: str, factor: float, key: str | None) -> None:
        """Let that share of a known target's traffic through; 1 lifts the limit."""
        self._log("tocsin", "throttle", target, f"{self.throttles[target]:g}", f"{factor:g}", key)
        self.throttles[target] = factor

    def reload(self, actor: str, key: str | None) -> None:
        """Serve the version that the alias names now."""
        label = self.registry.label(ALIAS) or self.served
        self._log(actor, "version", f"{self.fleet.service}/{self.fleet.model}", self.served, label, key)
        self.served = label

    def state(self) -> dict[str, object]:
        """Everything, as `GET /state` gives it."""
        return {
            "service": self.fleet.service, "model": self.fleet.model, "served": self.served,
            "aliases": {alias: str(number) for alias, number in self.registry.aliases.items()},
            "breakers": self.breakers, "throttles": self.throttles,
            "changes": [asdict(change) for change in self.changes],
        }

    def alias_set(self, request: web.Request, alias: str, before: str | None) -> None:
        """Log that an alias moved in the registry."""
        after = self.registry.label(alias)
        self._log("tocsin", f"alias {alias}", self.fleet.model, before or "none", after or "none", _key(request))

    def _log(self, actor: str, switch: str, target: str, before: str, after: str, key: str | None) -> None:
        if before != after:
            self.changes.append(Change(self._now_s(), actor, switch, target, before, after, key))


def make_app(gateway: Gateway) -> web.Application:
    """The gateway over HTTP: `/breakers/{target}` and `/throttles/{target}` (GET, PUT), `/state`, `/reload`, MLflow's.

    No authentication: bind it to 127.0.0.1.
    """
    app = web.Application()
    _add_breakers(app, gateway)
    _add_throttles(app, gateway)

    async def post_reload(request: web.Request) -> web.Response:
        await read_fields(request, optional=RELOAD)
        gateway.reload("tocsin", _key(request))
        return web.json_response({"served": gateway.served})

    async def get_state(_request: web.Request) -> web.Response:
        return web.Response(body=orjson.dumps(gateway.state()), content_type="application/json")

    app.router.add_post("/reload", post_reload)
    app.router.add_get("/state", get_state)
    add_routes(app, gateway.registry, gateway.alias_set)
    return app


class GatewayServer:
    """The gateway listening on 127.0.0.1 (or where told) between `start` and `stop`. Port 0 takes a free one."""

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


def _add_breakers(app: web.Application, gateway: Gateway) -> None:
    async def get(request: web.Request) -> web.Response:
        target = _target(gateway.breakers, request)
        return web.json_response({"target": target, "state": gateway.breakers[target]})

    async def put(request: web.Request) -> web.Response:
        target = _target(gateway.breakers, request)
        state = (await _read_switch(request, target, "state"))["state"]
        if state not in ("open", "closed"):
            raise refusal(f"state: {state!r}, expected 'open' or 'closed'")
        gateway.set_breaker(target, str(state), _key(request))
        return web.json_response({"target": target, "state": state})

    app.router.add_get("/breakers/{target:.+}", get)
    app.router.add_put("/breakers/{target:.+}", put)


def _add_throttles(app: web.Application, gateway: Gateway) -> None:
    async def get(request: web.Request) -> web.Response:
        target = _target(gateway.throttles, request)
        return web.json_response({"target": target, "factor": gateway.throttles[target]})

    async def put(request: web.Request) -> web.Response:
        target = _target(gateway.throttles, request)
        factor = (await _read_switch(request, target, "factor"))["factor"]
        if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0 < factor <= 1:
            raise refusal(f"factor: {factor!r}, expected a number above 0 and at most 1")
        gateway.set_throttle(target, float(factor), _key(request))
        return web.json_response({"target": target, "factor": float(factor)})

    app.router.add_get("/throttles/{target:.+}", get)
    app.router.add_put("/throttles/{target:.+}", put)


async def _read_switch(request: web.Request, target: str, switch: str) -> dict[str, object]:
    body = await read_fields(request, required=frozenset({switch}), optional=TOLD)
    if body.get("target", target) != target:
        raise refusal(f"target: {body['target']!r} in the body, {target!r} in the path, expected the same")
    return body


def _target(switches: dict[str, str] | dict[str, float], request: web.Request) -> str:
    target = request.match_info["target"]
    if target not in switches:
        text = orjson.dumps({"error": f"target: {target!r}, expected one of {', '.join(switches)}"}).decode()
        raise web.HTTPNotFound(text=text, content_type="application/json")
    return target


def _key(request: web.Request) -> str | None:
    return request.headers.get("Idempotency-Key")

