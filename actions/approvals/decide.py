"""Whether the decision of a person counts for a request, and what the request becomes by it. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from actions.approvals.machine import RequestEvent
from actions.approvals.request import ApprovalRequest, DecisionVerb, GivenDecision
from classifiers.by_hand import BreakGlass, ForApprovals, Withdraw

WITHDRAW_ROLES = ("commander",)
BREAK_GLASS_ROLES = ("commander",)
EARLY_S = 60.0
"""A request dates from the event time of its intent, which may be so far ahead of the clock of who withdraws it."""


class People(Protocol):
    """Who holds which role."""

    def holds(self, person: str, roles: tuple[str, ...], service: str) -> bool:
        """Whether a person holds one of these roles for a service; False for who is unknown."""


def given_decision(request: ApprovalRequest, directive: ForApprovals, people: People) -> GivenDecision | str:
    """The decision as it counts for the request, or the reason why it does not.

    The signature was verified before. One decision of a person counts, the first; a withdrawal may follow it.
    """
    roles, verb = _asked_of(request, directive)
    if not people.holds(directive.by, roles, request.service):
        return f"{directive.by} holds none of the roles {', '.join(roles)} for {request.service}"
    if isinstance(directive, Withdraw):
        if directive.at_s < request.requested_at_s - EARLY_S:
            return "withdrawn before it was asked"
    elif directive.digest != request.digest:
        return f"digest {directive.digest[:12]!r} of other terms, expected {request.digest[:12]!r}"
    if request.terms.via and directive.via not in request.terms.via:
        return f"came via {directive.via}, expected {', '.join(request.terms.via)}"
    if verb in ("approve", "reject") and any(each.by == directive.by for each in request.decisions):
        return f"{directive.by} has decided before; of several decisions the first counts"
    return GivenDecision(directive.id, directive.by, verb, directive.at_s, directive.via, directive.comment)


def next_after(request: ApprovalRequest, given: GivenDecision) -> tuple[ApprovalRequest, RequestEvent, str]:
    """The request with a decision that counts, the event that this is, and the reason of the next state."""
    decided = replace(request, decisions=(*request.decisions, given))
    comment = f": {given.comment}" if given.comment else ""
    if given.verb == "reject":
        return decided, "reject", f"rejected by {given.by}{comment}"
    if given.verb == "withdraw":
        return decided, "withdraw", f"withdrawn by {given.by}{comment}"
    if given.verb == "break_glass":
        return decided, "complete", f"{given.by} broke the glass{comment}"
    count, needed = decided.approvals, request.terms.count
    people = ", ".join(each.by for each in decided.decisions)
    reason = f"{count} of {needed} approved: {people}"
    return decided, "complete" if count >= needed else "approve", reason


def _asked_of(request: ApprovalRequest, directive: ForApprovals) -> tuple[tuple[str, ...], DecisionVerb]:
    if isinstance(directive, Withdraw):
        return WITHDRAW_ROLES, "withdraw"
    if isinstance(directive, BreakGlass):
        return BREAK_GLASS_ROLES, "break_glass"
    return request.terms.roles, directive.verb
