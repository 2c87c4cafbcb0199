"""Give a target another share of the traffic, through an HTTP endpoint of a gateway; the undo sets its normal share.

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
class TrafficParams:
    """share: of the traffic, 0 to 1; a step's `params["share"]` overrides it. normal: what the undo sets, 0 to 1. url,
    verify_url: templates, `{state}` is the share in decimal, or with `percent` in per cent. Raises `ValueError`.

    Envoy: `url="http://127.0.0.1:9901/runtime_modify?tocsin.fallback={state}"`, `method="POST"`, `percent=True`.
    """

    url: str
    share: float = 0.0
    normal: float = 1.0
    percent: bool = False
    method: Method = "PUT"
    verify_url: str | None = None
    verify_field: str = "share"
    access: Access = field(default_factory=Access)
    bounds: Bounds = field(default_factory=Bounds)

    def __post_init__(self) -> None:
        check_method("TrafficParams.method", self.method)
        check_number(self, "share", 0.0, 1.0)
        check_number(self, "normal", 0.0, 1.0)
        if self.share == self.normal:
            raise ValueError(f"TrafficParams.share: {self.share!r}, expected other than normal")
        self.access.check_url("TrafficParams.url", self.url, ("state",))
        self.access.check_url("TrafficParams.verify_url", self.verify_url, ("state",))

    def build(self, session: aiohttp.ClientSession) -> Traffic:
        """The action. The caller closes the session."""
        return Traffic(self, session)


class Traffic(NumberAction):
    """See the module."""

    kind = "traffic"

    def __init__(self, params: TrafficParams, session: aiohttp.ClientSession) -> None:
        super().__init__(
            NumberSwitch("share", params.share, params.normal, 0.0, 1.0, params.percent),
            StateEndpoint(params.method, params.url, params.verify_url, params.verify_field),
            Http(session, params.access), params.bounds,
        )
