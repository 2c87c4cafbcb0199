"""Values and fakes that the tests of this room share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from actions.base import Bounds, Done, Reading, RunContext
from actions.model import Intent
from classifiers.model import Incident

NOW_S = 1_000_000.0
INTENT = Intent(
    "k1", "i1", "circuit_breaker", "chat/r0", "auto", "because", NOW_S, NOW_S + 120.0, "chat", "bytegpt", "v2", "r0",
    None, False, {"fleet_size": 2},
)
INCIDENT = Incident(
    "i1", "open", NOW_S, NOW_S - 2, None, "resource_exhaustion", "P1", "P1", "chat", "bytegpt", None, "r0", None,
    "tokens run away on r0",
)


class Clock:
    """A clock that stands until it is set."""

    def __init__(self, now_s: float = NOW_S) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


class FakeAction:
    """An action that counts its runs and does what the test says. `effects` counts the runs that got through.

    state: by target, whether the effect is in force there. forgets: it cannot be read back.
    """

    reversible = True
    holds = True
    forgets = False

    def __init__(self, kind: str = "circuit_breaker", bounds: Bounds | None = None) -> None:
        self.kind = kind
        self.bounds = bounds or Bounds(timeout_s=1.0, attempts=3, wait_s=0.0)
        self.faults: list[BaseException] = []
        self.runs: list[tuple[str, bool]] = []
        self.hangs = False
        self.on_run: Callable[[], None] = lambda: None
        self.state: dict[str, bool] = {}

    @property
    def effects(self) -> int:
        return sum(not dry for _, dry in self.runs)

    async def run(self, intent: Intent, ctx: RunContext) -> Done:
        if self.faults:
            raise self.faults.pop(0)
        self.runs.append((intent.key, ctx.dry_run))
        self.on_run()
        if not ctx.dry_run:
            self.state[intent.target] = not intent.undo
        if self.hangs:
            await asyncio.Event().wait()
        return Done("done", {"n": len(self.runs)})

    async def read_back(self, intent: Intent) -> Reading:
        applied = None if self.forgets else self.state.get(intent.target, False)
        return Reading(applied, f"reads {applied}")


def intent(key: str = "k1", **changes: object) -> Intent:
    return replace(INTENT, key=key, **changes)  # type: ignore[arg-type]  # a test names its fields itself


def incident(**changes: object) -> Incident:
    return replace(INCIDENT, **changes)  # type: ignore[arg-type]  # likewise
