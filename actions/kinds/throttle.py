"""Limit the traffic to a target by a factor, through an HTTP endpoint of a gateway; the undo sets the factor 1.

Crash: a key runs once. Duplicate: the request states the wanted factor and carries the key; repeating it is harmless.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import aiohttp

from actions.base import Bounds, Done, Reading, RunContext, TargetError
from actions.kinds.gateway import StateEndpoint, read_state, set_state
from actions.kinds.http import Access, Http, Method, check_method
from actions.model import Intent
from actions.validation import check_number


@dataclass(frozen=True, slots=True)
class ThrottleParams:
    """factor: share of the traffic to let through, 0.01 to 0.99; a step's `params["factor"]` overrides it. url,
    verify_url: templates, `{state}` is the factor as written in decimal. Raises `ValueError`.
    """

    url: str
    factor: float = 0.5
    method: Method = "PUT"
    verify_url: str | None = None
    verify_field: str = "factor"
    access: Access = field(default_factory=Access)
    bounds: Bounds = field(default_factory=Bounds)

    def __post_init__(self) -> None:
        check_method("ThrottleParams.method", self.method)
        check_number(self, "factor", 0.01, 0.99)
        self.access.check_url("ThrottleParams.url", self.url, ("state",))
        self.access.check_url("ThrottleParams.verify_url", self.verify_url, ("state",))

    def build(self, session: aiohttp.ClientSession) -> Throttle:
        """The action. The caller closes the session."""
        return Throttle(self, session)


class Throttle:
    """See the module."""

    kind = "throttle"
    reversible = True
    holds = True

    def __init__(self, params: ThrottleParams, session: aiohttp.ClientSession) -> None:
        self._params = params
        self._endpoint = StateEndpoint(params.method, params.url, params.verify_url, params.verify_field)
        self._http = Http(session, params.access)
        self.bounds = params.bounds

    async def run(self, intent: Intent, ctx: RunContext) -> Done:
        """Set the factor and read it back. Raises `TargetError`, not retryable for a factor out of range."""
        factor = self._factor(intent)
        wanted = 1.0 if intent.undo else factor
        return await set_state(self._http, self._endpoint, intent, ctx, str(wanted), {"factor": wanted})

    async def read_back(self, intent: Intent) -> Reading:
        """Whether the factor is the one of the step. Raises `TargetError`."""
        return await read_state(self._http, self._endpoint, intent, str(self._factor(intent)))

    def _factor(self, intent: Intent) -> float:
        factor = intent.params.get("factor", self._params.factor)
        if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0.01 <= factor <= 0.99:
            raise TargetError(f"throttle: factor {factor!r}, expected a number from 0.01 to 0.99", retryable=False)
        return float(factor)
