"""When time alone changes an escalation next. Pure.

It may be told too early: then nothing follows, and it is asked again. What is read changes an escalation at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from actions.escalation.engine import REMEDY_WITHIN_S
from actions.escalation.firing import open_steps
from actions.escalation.policy import EscalationPolicy
from actions.escalation.record import Escalation
from actions.escalation.situation import TOLD_WITHIN_S, Situation


def next_due_s(
    escalation: Escalation | None, situation: Situation, policy: EscalationPolicy, now_s: float,
) -> float:
    """The earliest time after now at which a step, a grace, a round, a request or an acknowledgement is due; infinite
    where none is. A time that was not reached exactly is in the past then.
    """
    times = [*_waits(situation, policy), *(() if escalation is None else _steps(escalation, situation, policy))]
    return min((one for one in times if one > now_s), default=inf)


def _waits(situation: Situation, policy: EscalationPolicy) -> Iterator[float]:
    if policy.approval_after_s is not None:
        for request in situation.waiting:
            yield request.since_s + policy.approval_after_s + TOLD_WITHIN_S


def _steps(escalation: Escalation, situation: Situation, policy: EscalationPolicy) -> Iterator[float]:
    acknowledged = escalation.acknowledged or situation.acknowledged
    if acknowledged is not None:
        yield min(acknowledged.until_s, acknowledged.at_s + policy.ack_lapses_s) + TOLD_WITHIN_S
    if escalation.reached_s is not None:
        yield escalation.reached_s + REMEDY_WITHIN_S
        yield escalation.reached_s + policy.grace.get(situation.incident.severity, 0.0) + TOLD_WITHIN_S
    begun_s = escalation.round_at_s
    if begun_s is None:
        return
    for step in open_steps(escalation, policy, situation.incident):
        yield begun_s + step.after_s + TOLD_WITHIN_S
    fired = [one.at_s for one in escalation.fired if one.round == escalation.round]
    if fired:
        yield max(fired) + policy.round_after_s + TOLD_WITHIN_S
