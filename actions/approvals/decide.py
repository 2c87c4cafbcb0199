"""Whether the decision of a person counts for a request, and what the request becomes by it. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from actions.approvals.machine import RequestEvent
from actions.approvals.request import ApprovalRequest, GivenDecision, GivenVerb
from actions.model import Decision, Intent
from classifiers.by_hand import BreakGlass, Decide, ForApprovals, Withdraw

COMMANDERS = ("commander",)
"""Who may withdraw and break glass."""
EARLY_S = 60.0
"""A request dates from the event time of its intent, which may be so far ahead of the clock of who withdraws it."""


class People(Protocol):
    """Who holds which role, and whose signature is valid."""

    def holds(self, person: str, roles: tuple[str, ...], service: str) -> bool:
        """Whether a person holds one of these roles for a service; False for who is unknown."""

    def fault(self, decision: Decision, intent: Intent, dated_s: float) -> str | None:
        """Why the signature of a decision about an intent does not count; None where it does."""


def signed_decision(directive: Decide) -> Decision:
    """The decision that a control record carries."""
    return Decision(
        directive.by, directive.verb, directive.intent_key, directive.digest or None, directive.via, directive.at_s,
        directive.source, directive.signed_by, directive.signature,
    )


def given_decision(
    request: ApprovalRequest, directive: ForApprovals, dated_s: float, people: People,
) -> GivenDecision | str:
    """The decision as it counts for the request, or the reason why it does not.

    The signature of the record of a withdrawal or of a broken glass was verified before; that of a decision is here.
    One decision of a person counts, the first; a withdrawal may follow it. dated_s: by the clock of the broker.
    """
    intent = request.intent
    roles, verb = _asked_of(request, directive)
    if not people.holds(directive.by, roles, intent.service):
        return f"{directive.by} holds none of the roles {', '.join(roles)} for {intent.service}"
    if isinstance(directive, Withdraw):
        if directive.at_s < intent.decided_at_s - EARLY_S:
            return "withdrawn before it was asked"
    elif directive.digest != (intent.digest or ""):
        return f"digest {directive.digest[:12]!r} of other terms, expected {(intent.digest or '')[:12]!r}"
    if request.terms.via and directive.via not in request.terms.via:
        return f"came via {directive.via}, expected {', '.join(request.terms.via)}"
    signed = None
    if isinstance(directive, Decide):
        if any(each.by == directive.by for each in request.given):
            return f"{directive.by} has decided before; of several decisions the first counts"
        signed = signed_decision(directive)
        if (fault := people.fault(signed, intent, dated_s)) is not None:
            return fault
    return GivenDecision(
        directive.id, directive.by, verb, directive.at_s, directive.via, directive.comment, signed,
    )


def next_after(request: ApprovalRequest, given: GivenDecision) -> tuple[ApprovalRequest, RequestEvent, str]:
    """The request with a decision that counts, the event that this is, and the reason of the next state."""
    decided = replace(request, given=(*request.given, given))
    comment = f": {given.comment}" if given.comment else ""
    if given.verb == "reject":
        return decided, "reject", f"rejected by {given.by}{comment}"
    if given.verb == "withdraw":
        return decided, "withdraw", f"withdrawn by {given.by}{comment}"
    if given.verb == "break_glass":
        return decided, "complete", f"{given.by} broke the glass{comment}"
    count, needed = decided.approvals, request.terms.count
    people = ", ".join(each.by for each in decided.given)
    reason = f"{count} of {needed} approved: {people}"
    return decided, "complete" if count >= needed else "approve", reason


def _asked_of(request: ApprovalRequest, directive: ForApprovals) -> tuple[tuple[str, ...], GivenVerb]:
    if isinstance(directive, Withdraw):
        return COMMANDERS, "withdraw"
    if isinstance(directive, BreakGlass):
        return COMMANDERS, "break_glass"
    return request.terms.roles, directive.verb
