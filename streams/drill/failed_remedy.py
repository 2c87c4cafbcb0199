"""The drill `failed-remedy`: the gateway answers 500 to a remedy. It is tried twice, people hear of it, the ladder goes
on.
"""

from __future__ import annotations

from actions.base import TargetError
from actions.playbooks.playbook import Match, Playbook, Step
from streams.drill.simulated_fleet import SERVICE, sick
from streams.drill.simulated_installation import SimulatedInstallation
from streams.drill.verdict import DrillResult, at_most, equal, includes

SICK = "r1"
WARM_UP_S = 90.0
LASTS_S = 20.0
"""Shorter than a breaker is open for the first time."""
TOLD_WITHIN_S = 5.0
ATTEMPTS = 2
LADDER = Playbook(
    "bad-replica", 1, Match(), "auto",
    (Step("throttle", "{service}", id="contain"), Step("circuit_breaker", "{service}/{replica}", id="cut-off")),
)


async def drill_failed_remedy() -> DrillResult:
    """Run the drill, on a simulated clock."""
    here = SimulatedInstallation((LADDER,))
    await here.play(WARM_UP_S)
    here.gateway.faults = [TargetError("PUT: answered 500", retryable=True) for _ in range(ATTEMPTS)]
    await here.play(LASTS_S, sick(SICK, here.now_s))
    failed = [(at_s, one) for at_s, one in here.outcomes if one.kind == "throttle" and one.status == "failed"]
    begun_s = failed[0][0] if failed else None
    following = [(at_s, one) for at_s, one in here.outcomes if one.kind == "circuit_breaker" and not one.undo]
    told = [at_s for at_s, event in here.pages() if event == "on_failure/contain"]
    return DrillResult("failed-remedy", (
        equal("attempts", len(failed), ATTEMPTS), equal("pages", len(told), 1),
        at_most("paged_after_s", _since(begun_s, told), TOLD_WITHIN_S),
        includes("next_step", [one.status for _, one in following], "executed"),
        at_most("next_step_after_s", _since(begun_s, [at_s for at_s, _ in following]), TOLD_WITHIN_S),
        equal("held_by_a_cooldown", here.statuses("circuit_breaker").count("cooldown"), 0),
        equal("gateway", here.gateway.state("circuit_breaker", f"{SERVICE}/{SICK}"), "open"),
    ))


def _since(begun_s: float | None, times: list[float]) -> float | None:
    return None if begun_s is None or not times else times[0] - begun_s
