"""A gateway in memory, with the actions that set it: what the executor acts on where no gateway can run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from actions.base import Bounds, Done, Reading, RunContext, TargetError
from actions.model import Intent


@dataclass
class Gateway:
    """Targets at a gateway, by kind and target, as this gateway calls their states.

    faults: what the next runs raise. on_set: called after each run that set something. blind: it cannot be read back.
    refuses_undo: runs that undo raise. runs: what was set, and under which key.
    """

    states: dict[tuple[str, str], str] = field(default_factory=dict)
    faults: list[BaseException] = field(default_factory=list)
    on_set: Callable[[], None] = lambda: None
    blind: bool = False
    refuses_undo: bool = False
    runs: list[tuple[str, str]] = field(default_factory=list)

    def state(self, kind: str, target: str) -> str:
        """What a target is; closed until it was set."""
        return self.states.get((kind, target), "closed")


class GatewayAction:
    """An action on a gateway. probes: whether the gateway lets a share of the traffic through."""

    reversible = True
    holds = True
    bounds = Bounds(timeout_s=1.0, attempts=1, wait_s=0.0)

    def __init__(self, kind: str, gateway: Gateway, probes: bool = False) -> None:
        self.kind, self.probes = kind, probes
        self._gateway = gateway

    async def run(self, intent: Intent, ctx: RunContext) -> Done:
        """Set the target, or raise the next fault."""
        gateway = self._gateway
        if ctx.dry_run:
            return Done("would be set")
        if gateway.faults:
            raise gateway.faults.pop(0)
        if intent.undo and gateway.refuses_undo:
            raise TargetError("500", retryable=True)
        half_open = intent.params.get("breaker") == "half_open"
        state = "closed" if intent.undo else "half_open" if half_open else "open"
        gateway.states[self.kind, intent.target] = state
        gateway.runs.append((state, intent.key))
        gateway.on_set()
        return Done(f"set to {state}")

    async def read_back(self, intent: Intent) -> Reading:
        """What the target is, unless the gateway is blind."""
        state = self._gateway.state(self.kind, intent.target)
        return Reading(None if self._gateway.blind else state == "open", f"it is {state}")


class NotifyAction:
    """Notifications: they only count as given."""

    kind = "notify"
    reversible = True
    holds = False
    bounds = Bounds()

    async def run(self, intent: Intent, ctx: RunContext) -> Done:  # noqa: ARG002 - the protocol's signature
        """Nothing is sent."""
        return Done("noted")

    async def read_back(self, intent: Intent) -> Reading:  # noqa: ARG002 - the protocol's signature
        """Nothing stays in force."""
        return Reading(None, "nothing stays in force")
