"""A request for approval, as it stands on the response topic: what is asked, of whom, and who decided what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from actions.approvals.machine import RequestState
from actions.model import ApprovalTerms, Intent, Mode, Outcome, Path, Status

DecisionVerb = Literal["approve", "reject", "withdraw", "break_glass"]
DEFAULT_TERMS = ApprovalTerms()
"""Of an intent that is suggested without terms: one approver, 15 minutes."""
ENDED_AS: Mapping[RequestState, Status] = {
    "approved": "approved", "rejected": "rejected", "withdrawn": "withdrawn", "expired": "expired", "void": "void",
}
"""The status of the outcome that tells the shard of a state; it is told of no other state."""


@dataclass(frozen=True, slots=True)
class GivenDecision:
    """The decision of one person that counts. id: of its control record, which has the signature."""

    id: str
    by: str
    verb: DecisionVerb
    at_s: float
    via: Path
    comment: str = ""


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """One request. key: of the intent. version: one more with each change. reason: why it has its state.

    summary: why the intent was decided. digest: of the terms of its playbook, empty where it has none. shard: that
    decided it, None where its record names none. requested_at_s, expires_at_s, changed_at_s: seconds since the epoch.
    """

    key: str
    version: int
    state: RequestState
    reason: str
    incident_id: str
    kind: str
    target: str
    service: str
    summary: str
    digest: str
    terms: ApprovalTerms
    shard: int | None
    requested_at_s: float
    expires_at_s: float
    changed_at_s: float
    mode: Mode = "suggest"
    model: str | None = None
    playbook: str | None = None
    step_id: str | None = None
    attempt: int = 1
    decisions: tuple[GivenDecision, ...] = ()

    @property
    def subject(self) -> str:
        """Its key on the response topic."""
        return f"approval/{self.key}"

    @property
    def approvals(self) -> int:
        """How many people approved."""
        return sum(each.verb in ("approve", "break_glass") for each in self.decisions)


def request_of(intent: Intent, shard: int | None, version: int, now_s: float) -> ApprovalRequest:
    """The request that an intent makes. It lives from the decision on, so a backlog asks for nothing that is old."""
    terms = intent.approval or DEFAULT_TERMS
    return ApprovalRequest(
        intent.key, version, "requested", f"{terms.count} of {', '.join(terms.roles)} must approve", intent.incident_id,
        intent.kind, intent.target, intent.service, intent.reason, intent.digest or "", terms, shard,
        intent.decided_at_s, intent.decided_at_s + terms.expires_after_s, now_s, intent.mode, intent.model,
        intent.playbook, intent.step_id, intent.attempt,
    )


def outcome_of(request: ApprovalRequest) -> Outcome | None:
    """What the shard is told about the state of a request; None where it is told nothing."""
    status = ENDED_AS.get(request.state)
    if status is None:
        return None
    return Outcome(
        request.key, request.incident_id, request.kind, request.target, request.mode, status, request.reason,
        request.requested_at_s, request.changed_at_s,
        data={"people": ", ".join(each.by for each in request.decisions) or None, "digest": request.digest or None},
    )
