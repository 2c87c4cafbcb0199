"""Cap the tokens per minute of a target, through an HTTP endpoint of a gateway; the undo sets the normal cap.

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
class TokenCapParams:
    """tokens_per_min: cap, 1 to 10^12; a step's `params["tokens_per_min"]` overrides it. normal: what the undo sets.
    url, verify_url: templates, `{state}` is the cap as written in decimal. Raises `ValueError`.
    """

    url: str
    tokens_per_min: float
    normal: float
    method: Method = "PUT"
    verify_url: str | None = None
    verify_field: str = "tokens_per_min"
    access: Access = field(default_factory=Access)
    bounds: Bounds = field(default_factory=Bounds)

    def __post_init__(self) -> None:
        check_method("TokenCapParams.method", self.method)
        check_number(self, "normal", 1.0, 1e12)
        check_number(self, "tokens_per_min", 1.0, 1e12)
        if self.tokens_per_min >= self.normal:
            raise ValueError(f"TokenCapParams.tokens_per_min: {self.tokens_per_min!r}, expected less than normal")
        self.access.check_url("TokenCapParams.url", self.url, ("state",))
        self.access.check_url("TokenCapParams.verify_url", self.verify_url, ("state",))

    def build(self, session: aiohttp.ClientSession) -> TokenCap:
        """The action. The caller closes the session."""
        return TokenCap(self, session)


class TokenCap(NumberAction):
    """See the module."""

    kind = "token_cap"

    def __init__(self, params: TokenCapParams, session: aiohttp.ClientSession) -> None:
        super().__init__(
            NumberSwitch("tokens_per_min", params.tokens_per_min, params.normal, 1.0, params.normal),
            StateEndpoint(params.method, params.url, params.verify_url, params.verify_field),
            Http(session, params.access), params.bounds,
        )
