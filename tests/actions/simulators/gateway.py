"""Simulated gateways: a breaker, and numbers of a target."""

from __future__ import annotations

from actions.catalogue import ActionParams
from actions.kinds.gateway.circuit_breaker import CircuitBreakerParams
from actions.kinds.gateway.throttle import ThrottleParams
from actions.kinds.gateway.token_cap import TokenCapParams
from actions.kinds.gateway.traffic import TrafficParams
from actions.kinds.http import JsonValue
from tests.actions.simulators.http_target import QUICK, HttpSimulator


class BreakerSimulator(HttpSimulator):
    kind = "circuit_breaker"

    def params(self, base: str) -> ActionParams:
        url = base + "/routes/{service}/{replica}"
        return CircuitBreakerParams(url, verify_url=url, access=QUICK)

    def initial(self) -> JsonValue:
        return {"state": "closed"}

    def state_after(self, body: dict[str, JsonValue]) -> JsonValue:
        return {"state": body["state"]}


class NumberSimulator(HttpSimulator):
    field = ""
    normal: float = 1

    def initial(self) -> JsonValue:
        return {self.field: self.normal}

    def state_after(self, body: dict[str, JsonValue]) -> JsonValue:
        return {self.field: body[self.field]}


class ThrottleSimulator(NumberSimulator):
    kind, field = "throttle", "factor"

    def params(self, base: str) -> ActionParams:
        url = base + "/limits/{replica}"
        return ThrottleParams(url, verify_url=url, access=QUICK)


class TokenCapSimulator(NumberSimulator):
    kind, field, normal = "token_cap", "tokens_per_min", 90_000

    def params(self, base: str) -> ActionParams:
        url = base + "/caps/{replica}"
        return TokenCapParams(url, 10_000, 90_000, verify_url=url, access=QUICK)


class TrafficSimulator(NumberSimulator):
    kind, field = "traffic", "share"

    def params(self, base: str) -> ActionParams:
        url = base + "/shares/{replica}"
        return TrafficParams(url, verify_url=url, access=QUICK)
