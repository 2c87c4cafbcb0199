"""Trip a circuit breaker or a route, through an HTTP endpoint of a gateway; the undo closes it again.

Crash: a key runs once. Duplicate: the request states the wanted state and carries the key, so repeating it is harmless.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import aiohttp

from actions.base import Bounds, Data, Done, RunContext, TargetError
from actions.kinds.http import Access, Http, JsonValue, Method, fill_url
from actions.model import Intent


@dataclass(frozen=True, slots=True)
class CircuitBreakerParams:
    """url, verify_url: templates of the scope's fields, `{target}` and `{state}`. open_value, closed_value: what the
    gateway calls the states. verify_url: read back after the change; the JSON answer's `verify_field` must say the
    state. Raises `ValueError`.

    Envoy: `url="http://127.0.0.1:9901/runtime_modify?tocsin.fallback={state}"`, `method="POST"`, values "100", "0".
    """

    url: str
    method: Method = "PUT"
    open_value: str = "open"
    closed_value: str = "closed"
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

    def build(self, session: aiohttp.ClientSession) -> CircuitBreaker:
        """The action over a session that the caller closes."""
        return CircuitBreaker(self, session)


class CircuitBreaker:
    """See the module."""

    kind = "circuit_breaker"
    reversible = True

    def __init__(self, params: CircuitBreakerParams, session: aiohttp.ClientSession) -> None:
        self._params = params
        self._http = Http(session, params.access)
        self.bounds = params.bounds

    async def run(self, intent: Intent, ctx: RunContext) -> Done:
        """Set the state and read it back. Raises `TargetError`."""
        params = self._params
        state = params.closed_value if intent.undo else params.open_value
        return await set_state(
            self._http, intent, ctx, (params.method, params.url), (params.verify_url, params.verify_field), state,
            {"state": state},
        )


def check_method(place: str, method: str) -> None:
    """Refuse a method that does not write."""
    if method not in ("POST", "PUT", "PATCH"):
        raise ValueError(f"{place}: {method!r}, expected POST, PUT or PATCH")


async def set_state(
    http: Http, intent: Intent, ctx: RunContext, write: tuple[Method, str], verify: tuple[str | None, str], state: str,
    body: dict[str, JsonValue],
) -> Done:
    """Write a state to a gateway and verify it; the body also tells target, scope, incident, key and reason."""
    (method, template), (verify_template, field_name) = write, verify
    url = fill_url(template, intent, {"state": state})
    data: Data = {"state": state}
    if ctx.dry_run:
        return Done(f"would {method} {url}", data)
    scope: dict[str, JsonValue] = {
        name: getattr(intent, name) for name in ("target", "service", "model", "version", "replica", "tenant")
    }
    told: dict[str, JsonValue] = {"incident_id": intent.incident_id, "key": intent.key, "reason": intent.reason}
    await http.call(method, url, body={**scope, **told, **body}, key=intent.key)
    if verify_template is None:
        return Done(f"{intent.target} set to {state}", data)
    verify_url = fill_url(verify_template, intent, {"state": state})
    answer = await http.call("GET", verify_url)
    found = answer.get(field_name) if isinstance(answer, dict) else None
    if str(found) != state:
        raise TargetError(f"GET {verify_url}: {field_name} is {found!r} after setting {state!r}", retryable=True)
    return Done(f"{intent.target} set to {state}, read back", {**data, "verified": True})
