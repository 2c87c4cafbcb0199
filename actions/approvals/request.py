"""A request for approval, as it stands on the response topic: what is asked, of whom, and who decided what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from actions.approvals.machine import RequestState
from actions.model import ApprovalTerms, Decision, DecisionVerb, Intent, Outcome, Path, Status

DEFAULT_TERMS = ApprovalTerms()
"""Of an intent that is suggested without terms: one approver, 15 minutes."""
ENDED_AS: Mapping[RequestState, Status] = {
    "approved": "approved", "rejected": "rejected", "withdrawn": "withdrawn", "expired": "expired", "void": "void",
}
"""The status of the outcome that tells the shard of a state; it is told of no other state."""
GivenVerb = Literal[DecisionVerb, "withdraw"]


@dataclass(frozen=True, slots=True)
class GivenDecision:
    """The decision of one person that counts. id: of its control record. signed: None where the record alone is
    signed."""

    id: str
    by: str
    verb: GivenVerb
    at_s: float
    via: Path
    comment: str = ""
    signed: Decision | None = None


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """One request. key: of the intent. version: one more with each change. reason: why it has its state.

    terms: of the intent, or the default. shard: that decided it, None where its record names none. expires_at_s,
    changed_at_s: seconds since the epoch.
    """

    key: str
    version: int
    state: RequestState
    reason: str
    intent: Intent
    terms: ApprovalTerms
    shard: int | None
    expires_at_s: float
    changed_at_s: float
    given: tuple[GivenDecision, ...] = ()

    @property
    def subject(self) -> str:
        """Its key on the response topic."""
        return f"approval/{self.key}"

    @property
    def approvals(self) -> int:
        """How many people approved."""
        return sum(each.verb in ("approve", "break_glass") for each in self.given)


def request_of(intent: Intent, shard: int | None, version: int, now_s: float) -> ApprovalRequest:
    """The request that an intent makes. It lives from the decision on, so a backlog asks for nothing that is old."""
    terms = intent.approval or DEFAULT_TERMS
    reason = f"{asked_text(terms)} must approve"
    expires_at_s = intent.decided_at_s + terms.expires_after_s
    return ApprovalRequest(intent.key, version, "requested", reason, intent, terms, shard, expires_at_s, now_s)


def asked_text(terms: ApprovalTerms) -> str:
    """How many people are asked, and with which role.

    >>> asked_text(ApprovalTerms(roles=("approver", "commander"), count=2))
    '2 people with the role approver or commander'
    """
    return f"{terms.count} {'person' if terms.count == 1 else 'people'} with the role {' or '.join(terms.roles)}"


def outcome_of(request: ApprovalRequest) -> Outcome | None:
    """What the shard is told about the state of a request; None where it is told nothing."""
    status = ENDED_AS.get(request.state)
    if status is None:
        return None
    intent = request.intent
    return Outcome(
        request.key, intent.incident_id, intent.kind, intent.target, intent.mode, status, request.reason,
        intent.decided_at_s, request.changed_at_s,
        data={"people": ", ".join(each.by for each in request.given) or None, "digest": intent.digest},
        decisions=tuple(each.signed for each in request.given if each.signed is not None),
    )
