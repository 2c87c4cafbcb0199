"""Drills of the executor with a simulated clock: what an operator rehearses, each with its figures as JSON values.

The worker's side is simulated as far as the executor sees it: intents, and incidents that are told every minute.
"""

from __future__ import annotations

from actions.base import TargetError
from actions.model import Fleet, RemedyTerms
from tests.actions.cases import NOW_S
from tests.actions.remedies.target_bench import TargetBench

Figures = dict[str, object]
SHARD_ANSWERS_S = 0.5
"""From an outcome to the next intent of the shard."""


async def failed_remedy() -> Figures:
    """The gateway answers 500 to a step: it has two attempts, people hear of it, and the next step runs at once."""
    bench = TargetBench()
    bench.tell()
    bench.gateway.faults = [TargetError("PUT: answered 500", retryable=True)] * 2
    outcomes = []
    for attempt in (1, 2, 3):
        outcomes.append(await bench.execute(f"contain-{attempt}", step_id="contain", attempt=attempt))
        bench.clock.now_s += SHARD_ANSWERS_S
    failed_s = [each.done_at_s for each in outcomes if each.status == "failed"]
    following = await bench.execute("cut-off", "circuit_breaker", step_id="cut-off")
    return {
        "statuses": [each.status for each in outcomes], "attempts": len(failed_s),
        "told_after_s": max(failed_s) - NOW_S, "next_step": following.status,
        "next_step_after_s": following.done_at_s - max(failed_s), "in_force": len(bench.ledger.in_force()),
    }


async def lost_incident() -> Figures:
    """The worker and its snapshot are gone while a breaker is open: the breaker probes and closes, with a page."""
    bench = TargetBench()
    bench.tell()
    await bench.execute("k1", "circuit_breaker", remedy=RemedyTerms())
    half_open_s = closed_s = None
    for second in range(1, 1_801):
        await bench.run_for(1.0)
        breaker = bench.remedy("circuit_breaker").breaker
        if breaker is not None and breaker.state == "half_open" and half_open_s is None:
            half_open_s = second
        if breaker is not None and breaker.state == "closed":
            closed_s = second
            break
    return {
        "half_open_after_s": half_open_s, "closed_after_s": closed_s, "gateway": bench.state("circuit_breaker"),
        "pages": [event for _, event in bench.pages()], "holder": bench.remedy("circuit_breaker").holders[0].let_go,
    }


async def outage(replicas: int = 20, within_s: float = 3.0) -> Figures:
    """All replicas become slow within some seconds, and each gets an intent of its own: no breaker opens."""
    bench = TargetBench()
    statuses, reasons = [], set()
    for n in range(replicas):
        bench.clock.now_s = NOW_S + 1.0 + within_s * n / replicas
        alarming = n + 1
        fleet = Fleet(replicas, replicas - alarming, alarming, alarming_for_s=bench.clock.now_s - NOW_S)
        outcome = await bench.execute(
            f"k{n}", "circuit_breaker", target=f"chat/r{n}", replica=f"r{n}", fleet=fleet, incident_id=f"i{n}",
        )
        statuses.append(outcome.status)
        reasons.add(outcome.data.get("limit"))
    return {
        "opened": statuses.count("executed"), "refused": statuses.count("refused"),
        "limits": sorted(map(str, reasons)), "in_force": len(bench.ledger.in_force()),
    }
