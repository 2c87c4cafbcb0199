"""An executor with its keeper over a fake gateway, with a clock that the test moves and incidents that it tells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from actions.executor import Executor
from actions.hooks import Hooks
from actions.ledger.ledger import MemoryLedger
from actions.ledger.records import LedgerRecord
from actions.ledger.remedy import Remedy
from actions.limits import LimitParams
from actions.model import Outcome
from actions.remedies.incidents import KnownIncidents
from classifiers.model import Incident, Resolution, State
from streams.drill.simulated_gateway import Gateway, GatewayAction
from tests.actions.cases import NOW_S, Clock, incident, intent


class TargetBench:
    """One executor process. `restart` gives the next one over the same log and the same gateway."""

    def __init__(
        self, limits: LimitParams | None = None, *, log: Iterable[LedgerRecord | Remedy] = (),
        gateway: Gateway | None = None, clock: Clock | None = None, probes: bool = True,
    ) -> None:
        self.limits = limits or LimitParams()
        self.gateway, self.clock, self.probes = gateway or Gateway(), clock or Clock(), probes
        self.ledger, self.incidents = MemoryLedger(log), KnownIncidents()
        self.reported: list[Outcome] = []
        actions = {
            kind: GatewayAction(kind, self.gateway, probes and kind == "circuit_breaker")
            for kind in ("circuit_breaker", "throttle")
        }
        self.executor = Executor(
            actions, self.ledger, self.limits, self.clock, False, Hooks(report=self._report), self.incidents,
        )
        self.incidents.saw(self.clock.now_s)

    async def _report(self, outcome: Outcome, _: int | None) -> None:
        self.reported.append(outcome)

    def restart(self) -> TargetBench:
        return TargetBench(
            self.limits, log=self.ledger.log, gateway=self.gateway, clock=self.clock, probes=self.probes,
        )

    async def execute(self, key: str, kind: str = "throttle", **changes: object) -> Outcome:
        now_s = self.clock.now_s
        made = intent(key, kind=kind, decided_at_s=now_s, expires_at_s=now_s + 120.0)
        return await self.executor.execute(replace(made, **changes), 0)  # type: ignore[arg-type]

    def tell(self, name: str = "i1", state: State = "open", resolution: Resolution | None = None,
             **changes: object) -> Incident:
        told = incident(id=name, state=state, resolution=resolution, **changes)
        self.incidents.observe(told, self.clock.now_s)
        return told

    async def settle(self) -> None:
        """Do all that is due now."""
        for remedy in self.ledger.remedies():
            await self.executor.keeper.handle(remedy.kind, remedy.target)

    async def run_for(self, seconds: float, step_s: float = 1.0, told: Iterable[str] = ()) -> None:
        """Let time pass; the incidents in `told` are told every 60 s."""
        names = tuple(told)
        for n in range(round(seconds / step_s)):
            self.clock.now_s += step_s
            self.incidents.saw(self.clock.now_s)
            if n % max(1, round(60.0 / step_s)) == 0:
                for name in names:
                    self.tell(name)
            await self.settle()

    def state(self, kind: str = "throttle", target: str = "chat/r0") -> str:
        """What the target is."""
        return self.gateway.states.get((kind, target), "closed")

    def remedy(self, kind: str = "throttle", target: str = "chat/r0") -> Remedy:
        """What the ledger holds."""
        found = self.ledger.remedy(kind, target)
        assert found is not None
        return found

    def pages(self) -> list[tuple[float, str]]:
        """The pages: seconds since the start, and the event."""
        paged = [each.data for each in self.reported if each.data.get("page")]
        return [(float(str(data["changed_at_s"])) - NOW_S, str(data["page"])) for data in paged]
