"""Whether the decision of a person counts for a request, and what the request becomes by it. Pure."""

from __future__ import annotations

from dataclasses import replace

from actions.approvals.machine import RequestEvent
from actions.approvals.request import ApprovalRequest, GivenDecision
from actions.model import Decision, DecisionVerb, Path
from actions.trust.approvals import ApprovalCheck
from actions.trust.decisions import sign_decision
from actions.trust.keys import Signer
from actions.trust.roles import may, roles_that_may
from classifiers.by_hand import Decide, ForApprovals, Withdraw

EARLY_S = 60.0
"""A request dates from the event time of its intent, which may be so far ahead of the clock of who withdraws it."""


def decided_by(
    request: ApprovalRequest, who: str, verb: DecisionVerb, path: Path, at_s: float, source: str, signer: Signer,
    comment: str = "",
) -> Decide:
    """The control record of a decision about a request, with its own signature. The arguments are those of
    `sign_decision`.
    """
    signed = sign_decision(request.intent, who, verb, path, at_s, source, signer)
    return Decide(
        request.key, signed.digest or "", verb, who, at_s, source, signed.signed_by, signed.signature, comment, path,
    )


def signed_decision(directive: Decide) -> Decision:
    """The decision that a control record carries."""
    return Decision(
        directive.by, directive.verb, directive.intent_key, directive.digest or None, directive.via, directive.at_s,
        directive.source, directive.signed_by, directive.signature,
    )


def given_decision(
    request: ApprovalRequest, directive: ForApprovals, dated_s: float, check: ApprovalCheck,
) -> GivenDecision | str:
    """The decision as it counts for the request, or the reason why it does not.

    The signature of the record was verified before; that of the decision in it, by which the executor can check it
    alone, is verified here. One decision of a person counts, the first; a withdrawal may follow it, and so may a broken
    glass. dated_s: by the clock of the broker.
    """
    if isinstance(directive, Withdraw):
        return _given_withdrawal(request, directive, check)
    earlier = [each.verb for each in request.given if each.by == directive.by]
    if earlier and (directive.verb != "break_glass" or "break_glass" in earlier):
        return f"{directive.by} has decided before; of several decisions the first counts"
    signed = signed_decision(directive)
    fault = check.fault(signed, request.intent, request.terms, dated_s)
    if fault is not None:
        return fault
    return GivenDecision(
        directive.id, directive.by, directive.verb, directive.at_s, directive.via, directive.comment, signed,
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
    reason = f"{count} of {needed} approved: {people}" + (f"; {given.by}{comment}" if comment else "")
    return decided, "complete" if count >= needed else "approve", reason


def _given_withdrawal(request: ApprovalRequest, directive: Withdraw, check: ApprovalCheck) -> GivenDecision | str:
    roles = check.directory.roles(directive.by, request.intent.service)
    if not may(roles, "withdraw"):
        held = ", ".join(sorted(roles)) or "no role"
        return f"has {held} for {request.intent.service}, expected {' or '.join(roles_that_may('withdraw'))}"
    if directive.at_s < request.intent.decided_at_s - EARLY_S:
        return "withdrawn before it was asked"
    return GivenDecision(
        directive.id, directive.by, "withdraw", directive.at_s, directive.via, directive.comment,
    )
