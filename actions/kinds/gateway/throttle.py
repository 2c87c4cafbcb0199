"""Limit the traffic to a target by a factor, through an HTTP endpoint of a gateway; the undo sets the factor 1.

Crash: a key runs once. Duplicate: the request states the wanted number and carries the key; repeating it is harmless.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actions.base import Bounds
from actions.kinds.gateway.number_switch import NumberAction, NumberSwitch
from actions.kinds.gateway.state_endpoint import StateEndpoint
from actions.kinds.http import Access, Http, Method, check_method
from actions.validation import check_number

if TYPE_CHECKING:
    import aiohttp


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


class Throttle(NumberAction):
    """See the module."""

    kind = "throttle"

    def __init__(self, params: ThrottleParams, session: aiohttp.ClientSession) -> None:
        super().__init__(
            NumberSwitch("factor", params.factor, 1.0, 0.01, 0.99),
            StateEndpoint(params.method, params.url, params.verify_url, params.verify_field),
            Http(session, params.access), params.bounds,
        )
