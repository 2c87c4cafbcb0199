"""A number of a target at an HTTP gateway (a share, a cap): set it, read it back, and set it to its normal value.

Crash: a key runs once. Duplicate: the request states the wanted number and carries the key; repeating it is harmless.
"""

from __future__ import annotations

from dataclasses import dataclass

from actions.base import Bounds, Done, Reading, RunContext, TargetError
from actions.kinds.gateway.state_endpoint import StateEndpoint, read_state, set_state
from actions.kinds.http import Http
from actions.model import Intent


class NumberAction:
    """An action that is one number at a gateway. A subclass has `kind` and says which number."""

    reversible = True
    holds = True

    def __init__(self, switch: NumberSwitch, endpoint: StateEndpoint, http: Http, bounds: Bounds) -> None:
        self._switch = switch
        self._endpoint = endpoint
        self._http = http
        self.bounds = bounds

    async def run(self, intent: Intent, ctx: RunContext) -> Done:
        """Set the number and read it back. Raises `TargetError`, not retryable for a number out of range."""
        return await self._switch.set(self._http, self._endpoint, intent, ctx)

    async def read_back(self, intent: Intent) -> Reading:
        """Whether the number is the one of the step. Raises `TargetError`."""
        return await self._switch.read(self._http, self._endpoint, intent)


@dataclass(frozen=True, slots=True)
class NumberSwitch:
    """One number. name: its field in the request's body, and the parameter of a step that overrides `value`. normal:
    what an undo sets. low, high: the range of what a step may ask for. percent: the gateway's own text of the number
    is in per cent.
    """

    name: str
    value: float
    normal: float
    low: float
    high: float
    percent: bool = False

    async def set(self, http: Http, endpoint: StateEndpoint, intent: Intent, ctx: RunContext) -> Done:
        """Set the number and read it back. Raises `TargetError`, not retryable for a number out of range."""
        asked = self.asked(intent)
        wanted = self.normal if intent.undo else asked
        return await set_state(http, endpoint, intent, ctx, self._text(wanted), {self.name: wanted})

    async def read(self, http: Http, endpoint: StateEndpoint, intent: Intent) -> Reading:
        """Whether the number is the one of the step. Raises `TargetError`."""
        return await read_state(http, endpoint, intent, self._text(self.asked(intent)))

    def asked(self, intent: Intent) -> float:
        """The number of the step, or the configured one."""
        found = intent.params.get(self.name, self.value)
        if isinstance(found, bool) or not isinstance(found, int | float) or not self.low <= found <= self.high:
            expected = f"a number from {self.low:g} to {self.high:g}"
            raise TargetError(f"{intent.kind}: {self.name} {found!r}, expected {expected}", retryable=False)
        return float(found)

    def _text(self, number: float) -> str:
        return f"{round(100 * number, 6):g}" if self.percent else str(number)
