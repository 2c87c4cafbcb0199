"""What an escalation is judged by, and the causes that make it escalate before its time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from actions.escalation.policy import EscalationPolicy, is_as_severe
from classifiers.model import NOTIFICATIONS, Acknowledgement, Incident, Severity
from classifiers.telling_by_hand import Escalate

FAILED_STATUS = frozenset({"failed", "interrupted"})
FAILED_REMEDY = frozenset({"not_recovered", "inconclusive"})
ENDED_STATUS = frozenset({"failed", "interrupted", "refused", "expired", "cooldown", "rejected", "withdrawn", "void"})
"""Of an action that will not help any more."""
TOLD_WITHIN_S = 3.0
"""Within which an incident that ended is told to have ended: its shard closes windows some seconds late. What is due
because time has passed (a grace, a step, a round, an acknowledgement that lapses, a request that waits) pages nobody
before that, so nobody is paged for what is over. The times themselves stay as they are."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request for approval that waits. key: of the decision. since_s: seconds since the epoch."""

    key: str
    since_s: float


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of an incident. acknowledged: the newest acknowledgement, also one that has lapsed. waiting: open
    requests for approval. unowned_s: for how many seconds nobody has told of it, None where somebody did lately. late:
    its data came so late that nobody is to be paged. resolve_target_s: within which it should end, by severity.
    by_hand: what people asked for who may."""

    incident: Incident
    acknowledged: Acknowledgement | None = None
    waiting: tuple[Waiting, ...] = ()
    unowned_s: float | None = None
    late: bool = False
    resolve_target_s: Callable[[Severity], float | None] = lambda _: None
    by_hand: tuple[Escalate, ...] = ()


@dataclass(frozen=True, slots=True)
class Cause:
    """A reason to page before the time of the next step. key: by which it counts once. text: for a human.

    is_standing: it keeps the escalation going whatever the severity is, until it is gone. by_hand: a person asked, so
    late data is no reason to wait.
    """

    key: str
    text: str
    is_standing: bool = False
    by_hand: bool = False


def causes(
    situation: Situation, policy: EscalationPolicy, escalated: Severity | None, now_s: float,
) -> Iterator[Cause]:
    """All causes that hold. escalated: the severity that was escalated so far, None before the first page."""
    incident = situation.incident
    for one in situation.by_hand:
        if one.to is None:
            yield Cause(one.id, f"{one.by} escalates: {one.comment}", is_standing=True, by_hand=True)
    if situation.unowned_s is not None and policy.covers(incident.severity):
        text = f"nobody owns the incident: no worker has told of it for {situation.unowned_s:.0f} s"
        yield Cause("unowned", text, is_standing=True)
    for request in situation.waiting:
        after_s = policy.approval_after_s
        if after_s is not None and now_s >= request.since_s + after_s + TOLD_WITHIN_S:
            text = f"the request {request.key} waits for approval since {now_s - request.since_s:.0f} s"
            yield Cause(f"approval/{request.key}", text, is_standing=True)
    yield from _failures(incident)
    if not policy.covers(incident.severity):
        return
    if escalated is not None and incident.severity != escalated and is_as_severe(incident.severity, escalated):
        yield Cause(f"severity/{incident.severity}", f"it became {incident.severity}, it was {escalated}")
    target_s, forecast = situation.resolve_target_s(incident.severity), incident.expected_resolve
    if target_s is not None and forecast is not None and forecast.median_s > target_s:
        text = f"expected to take {forecast.median_s:.0f} s of the {target_s:.0f} s that targets.resolve allows"
        yield Cause(f"forecast/{incident.severity}", text)


def why_suppressed(incident: Incident) -> str | None:
    """Why nobody is paged for an incident; None where somebody may be."""
    if incident.silenced_by is not None:
        return f"silenced by {incident.silenced_by}"
    if incident.state == "flapping":
        return "the incident flaps"
    found = [each.id for each in incident.related if each.relation == "caused_by"]
    return f"an effect of {found[0]}, where it is told" if found else None


def remedy_works(incident: Incident) -> bool:
    """Whether an automatic remedy was decided that may still help."""
    failed = {remedy.key for remedy in incident.remedies if remedy.state in FAILED_REMEDY}
    return any(
        action.mode == "auto" and action.kind not in NOTIFICATIONS and not action.undo
        and action.status not in ENDED_STATUS and action.key not in failed
        for action in incident.actions
    )


def alarming_tenants(incident: Incident) -> int:
    """How many tenants alarm, as far as the evidence shows it."""
    named = {incident.tenant, *(one.scope.tenant for one in incident.evidence if one.alarming)}
    return len(named - {None})


def _failures(incident: Incident) -> Iterator[Cause]:
    failed = {
        action.key: f"{'the undo of ' if action.undo else ''}{action.kind} on {action.target} {action.status}"
        for action in incident.actions
        if action.kind not in NOTIFICATIONS and action.mode != "observe" and action.status in FAILED_STATUS
    }
    for remedy in incident.remedies:
        if remedy.state in FAILED_REMEDY:
            failed.setdefault(remedy.key, f"{remedy.kind} on {remedy.target} did not help: {remedy.detail}")
    for key, text in failed.items():
        yield Cause(f"failed/{key}", text, is_standing=True)
