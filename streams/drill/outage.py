"""The drill `outage`: all replicas of a service become slow within three seconds. No replica is blamed.

Two lines of defence are rehearsed. The shard finds one incident of the whole service, and decides nothing about a
replica. If a shard blamed each replica all the same, the executor would refuse every breaker.
"""

from __future__ import annotations

from actions.model import Fleet, Intent
from actions.playbooks.playbook import Match, Playbook, Step
from streams.drill.simulated_fleet import HEALTHY_MS, MODEL, SERVICE, Latency
from streams.drill.simulated_installation import SimulatedInstallation
from streams.drill.verdict import DrillResult, equal

REPLICAS = 20
WITHIN_S = 3.0
WARM_UP_S = 90.0
LASTS_S = 60.0
SLOW_MS = 3000.0
BREAKER = Playbook(
    "bad-replica", 1, Match(scopes=("replica",)), "auto", (Step("circuit_breaker", "{service}/{replica}"),),
    on_open=("page",),
)
REST = Playbook("whole-service", 1, Match(), "auto", (Step("throttle", "{service}"),), on_open=("page",))


async def drill_outage() -> DrillResult:
    """Run the drill, on a simulated clock."""
    names = [f"r{number}" for number in range(REPLICAS)]
    here = SimulatedInstallation((BREAKER, REST), names)
    await here.play(WARM_UP_S)
    await here.play(LASTS_S, _slow(here.now_s))
    opened = list(here.incidents.values())
    scopes = sorted({one.replica or one.version or one.tenant or "all" for one in opened})
    breakers = [outcome for _, outcome in here.outcomes if outcome.kind == "circuit_breaker"]
    pages = [event for _, event in here.pages() if event == "on_open"]
    refused, limits = await _blame_each(names)
    return DrillResult("outage", (
        equal("incidents", len(opened), 1), equal("scopes", scopes, ["all"]),
        equal("breakers_opened", sum(one.status == "executed" for one in breakers), 0),
        equal("pages_of_the_incident", len(pages), 1),
        equal("refused_where_each_replica_is_blamed", refused, REPLICAS),
        equal("refused_by", limits, ["siblings"]),
    ))


def _slow(since_s: float) -> Latency:
    """The replicas become slow one after the other."""
    def latency(at_s: float, replica: str) -> float:
        late_s = WITHIN_S * int(replica[1:]) / REPLICAS
        return SLOW_MS if at_s >= since_s + late_s else HEALTHY_MS

    return latency


async def _blame_each(names: list[str]) -> tuple[int, list[str]]:
    """An intent against each replica as it alarms: how many are refused, and by which limits."""
    here, outcomes = SimulatedInstallation((BREAKER,), names), []
    for number, name in enumerate(names):
        here.now_s = 1.0 + WITHIN_S * number / len(names)
        alarming = number + 1
        outcomes.append(await here.executor.execute(Intent(
            f"k{number}", f"i{number}", "circuit_breaker", f"{SERVICE}/{name}", "auto", "a drill", here.epoch_s(),
            here.epoch_s() + 120.0, SERVICE, MODEL, replica=name,
            fleet=Fleet(len(names), len(names) - alarming, alarming, alarming_for_s=here.now_s),
        )))
    refused = [one for one in outcomes if one.status == "refused"]
    return len(refused), sorted({str(one.data.get("limit")) for one in refused})
