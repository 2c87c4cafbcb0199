"""The drill `unanswered`: a suggestion that nobody answers, and one that is rejected. Nothing runs; people are paged.

Before the rejection somebody without the role approves: that does not count, and is in the audit.
"""

from __future__ import annotations

from actions.model import ApprovalTerms, Intent
from actions.playbooks.playbook import Match, Playbook, Step
from streams.drill.simulated_fleet import sick
from streams.drill.simulated_installation import APPROVER, RESPONDER, SimulatedInstallation
from streams.drill.verdict import Check, DrillResult, at_most, equal, includes

SICK = "r1"
WARM_UP_S = 90.0
ASKED_WITHIN_S = 20.0
EXPIRES_AFTER_S = 60.0
PAGED_WITHIN_S = 5.0
BOOK = Playbook(
    "bad-replica", 1, Match(), "suggest",
    (Step(
        "circuit_breaker", "{service}/{replica}", id="cut-off", approval=ApprovalTerms(expires_after_s=EXPIRES_AFTER_S),
    ),),
)


async def drill_unanswered() -> DrillResult:
    """Run the drill, on a simulated clock."""
    return DrillResult("unanswered", (*await _unanswered(), *await _rejected()))


async def _unanswered() -> list[Check]:
    here, _ = await _asked()
    await here.play(EXPIRES_AFTER_S + PAGED_WITHIN_S, sick(SICK, WARM_UP_S))
    return _checks("unanswered", here, "expired")


async def _rejected() -> list[Check]:
    here, intent = await _asked()
    if intent is not None:
        await here.decide(intent, RESPONDER, "approve")
        await here.decide(intent, APPROVER, "reject")
    await here.play(PAGED_WITHIN_S, sick(SICK, WARM_UP_S))
    return [
        *_checks("rejected", here, "rejected"),
        includes("rejected.of_somebody_without_the_role", [event for _, event in here.audit], "refused"),
    ]


async def _asked() -> tuple[SimulatedInstallation, Intent | None]:
    """An installation in which people are asked, and what they are asked; None where nobody was."""
    here = SimulatedInstallation((BOOK,))
    await here.play(WARM_UP_S)
    await here.play(ASKED_WITHIN_S, sick(SICK, here.now_s))
    asked = [intent for _, intent in here.intents if intent.mode == "suggest"]
    return here, asked[0] if asked else None


def _checks(name: str, here: SimulatedInstallation, state: str) -> list[Check]:
    """What holds of both: the request ended so, once, and nothing ran."""
    ended = [(at_s, one.status) for at_s, one in here.outcomes if one.status in ("expired", "rejected")]
    ended_s = ended[0][0] if ended else None
    paged = [at_s for at_s, event in here.pages() if event.startswith("on_failure")]
    audited = [event for subject, event in here.audit if subject in here.desk.requests]
    return [
        equal(f"{name}.requests", sorted(one.state for one in here.desk.requests.values()), [state]),
        equal(f"{name}.told_to_the_shard", [status for _, status in ended], [state]),
        includes(f"{name}.in_the_audit", audited, state),
        equal(f"{name}.ran", len(here.gateway.runs), 0),
        equal(f"{name}.pages", len(paged), 1),
        at_most(f"{name}.paged_after_s", paged[0] - ended_s if paged and ended_s is not None else None, PAGED_WITHIN_S),
    ]
