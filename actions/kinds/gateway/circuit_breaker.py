"""Open a circuit breaker or a route, through an HTTP endpoint of a gateway; the undo closes it again.

Crash: a key runs once. Duplicate: the request states the wanted state and carries the key, so repeating it is harmless.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actions.base import Bounds, Done, Reading, RunContext
from actions.kinds.gateway.state_endpoint import StateEndpoint, read_state, set_state
from actions.kinds.http import Access, Http, JsonValue, Method, check_method
from actions.model import Intent

if TYPE_CHECKING:
    import aiohttp


@dataclass(frozen=True, slots=True)
class CircuitBreakerParams:
    """url, verify_url: templates of the scope's fields, `{target}` and `{state}`. open_value, closed_value: the
    gateway's names of the states. half_open_value: of the state in which it lets a share of the traffic through; None
    where it has no such state, then half open is closed. The body of that request says `share` and `max_per_s`.
    verify_url: read after the change; `verify_field` of the JSON answer must be the state. Raises `ValueError`.

    Envoy: `url="http://127.0.0.1:9901/runtime_modify?tocsin.fallback={state}"`, `method="POST"`, values "100", "0",
    `verify_url="http://127.0.0.1:9901/runtime"`, `verify_field="/entries/tocsin.fallback/final_value"`.
    """

    url: str
    method: Method = "PUT"
    open_value: str = "open"
    closed_value: str = "closed"
    half_open_value: str | None = None
    verify_url: str | None = None
    verify_field: str = "state"
    access: Access = field(default_factory=Access)
    bounds: Bounds = field(default_factory=Bounds)

    def __post_init__(self) -> None:
        check_method("CircuitBreakerParams.method", self.method)
        self.access.check_url("CircuitBreakerParams.url", self.url, ("state",))
        self.access.check_url("CircuitBreakerParams.verify_url", self.verify_url, ("state",))
        if not self.open_value or self.open_value == self.closed_value:
            raise ValueError(f"CircuitBreakerParams.open_value: {self.open_value!r}, expected other than closed_value")
        if self.half_open_value in (self.open_value, self.closed_value, ""):
            raise ValueError(
                f"CircuitBreakerParams.half_open_value: {self.half_open_value!r}, expected other than open_value and "
                "closed_value"
            )

    def build(self, session: aiohttp.ClientSession) -> CircuitBreaker:
        """The action. The caller closes the session."""
        return CircuitBreaker(self, session)


class CircuitBreaker:
    """See the module."""

    kind = "circuit_breaker"
    reversible = True
    holds = True

    def __init__(self, params: CircuitBreakerParams, session: aiohttp.ClientSession) -> None:
        self._params = params
        self._endpoint = StateEndpoint(params.method, params.url, params.verify_url, params.verify_field)
        self._http = Http(session, params.access)
        self.bounds = params.bounds
        self.probes = params.half_open_value is not None
        """Whether `run` understands an intent with the parameter `breaker: half_open`."""

    async def run(self, intent: Intent, ctx: RunContext) -> Done:
        """Set the state and read it back. Raises `TargetError`."""
        params = self._params
        if params.half_open_value is not None and not intent.undo and intent.params.get("breaker") == "half_open":
            body: dict[str, JsonValue] = {
                "state": params.half_open_value, "share": intent.params.get("share"),
                "max_per_s": intent.params.get("max_per_s"),
            }
            return await set_state(self._http, self._endpoint, intent, ctx, params.half_open_value, body)
        state = params.closed_value if intent.undo else params.open_value
        return await set_state(self._http, self._endpoint, intent, ctx, state, {"state": state})

    async def read_back(self, intent: Intent) -> Reading:
        """Whether the breaker is open. Raises `TargetError`."""
        return await read_state(self._http, self._endpoint, intent, self._params.open_value)
