"""The drill `lost-incident`: the worker is killed while a breaker is open, and its snapshot is gone.

It is rehearsed twice: a worker with an empty state follows and ends the incident as `lost`, or none follows at all. In
both the breaker must not stay open, and an incident that is lost pages at once.
"""

from __future__ import annotations

from actions.playbooks.playbook import Match, Playbook, Step
from streams.drill.simulated_fleet import SERVICE, sick
from streams.drill.simulated_installation import STEP_S, SimulatedInstallation
from streams.drill.verdict import Check, DrillResult, at_most, equal, includes

SICK = "r1"
WARM_UP_S = 90.0
LASTS_S = 20.0
NEXT_WORKER_AFTER_S = 10.0
PAGED_WITHIN_S = 5.0
HALF_OPEN_WITHIN_S, CLOSED_WITHIN_S = 45.0, 20 * 60.0
LADDER = Playbook("bad-replica", 1, Match(), "auto", (Step("circuit_breaker", "{service}/{replica}"),))


async def drill_lost_incident() -> DrillResult:
    """Run the drill, on a simulated clock."""
    return DrillResult("lost-incident", (*await _lose(followed=True), *await _lose(followed=False)))


async def _lose(followed: bool) -> list[Check]:
    """followed: whether another worker starts, with an empty state."""
    here, name = SimulatedInstallation((LADDER,)), "with_a_new_worker" if followed else "without_a_worker"
    await here.play(WARM_UP_S)
    await here.play(LASTS_S, sick(SICK, here.now_s))
    opened = here.gateway.state("circuit_breaker", f"{SERVICE}/{SICK}")
    begun_s = next((at_s for at_s, one in here.outcomes if one.kind == "circuit_breaker"), here.now_s)
    here.lose_worker()
    if followed:
        await here.wait(NEXT_WORKER_AFTER_S)
        await here.start_worker()
    lost_s = here.now_s
    reached = await _follow(here, begun_s)
    paged = {event: at_s - lost_s for at_s, event in reversed(here.pages())}
    resolutions = sorted({str(one.resolution) for one in here.incidents.values()})
    return [
        equal(f"{name}.breaker_before", opened, "open"),
        equal(f"{name}.resolution", resolutions, ["lost"] if followed else ["None"]),
        at_most(f"{name}.half_open_after_s", reached.get("half_open"), HALF_OPEN_WITHIN_S),
        at_most(f"{name}.closed_after_s", reached.get("closed"), CLOSED_WITHIN_S),
        equal(f"{name}.gateway", here.gateway.state("circuit_breaker", f"{SERVICE}/{SICK}"), "closed"),
        *([at_most(f"{name}.paged_after_s", paged.get("incident_lost"), PAGED_WITHIN_S)] if followed else []),
        includes(f"{name}.pages", [event for _, event in here.pages()], "breaker_closed_unproven"),
    ]


async def _follow(here: SimulatedInstallation, begun_s: float) -> dict[str, float]:
    """When the gateway was set to each state, in seconds since the breaker opened, until it is closed."""
    reached: dict[str, float] = {}
    while here.now_s - begun_s <= CLOSED_WITHIN_S and "closed" not in reached:
        await here.wait(STEP_S)
        state = here.gateway.state("circuit_breaker", f"{SERVICE}/{SICK}")
        reached.setdefault(state, here.now_s - begun_s)
    return reached
