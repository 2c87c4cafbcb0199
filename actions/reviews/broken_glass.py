"""What a decision without approval leaves to do: somebody reviews it. Pure."""

from __future__ import annotations

from hashlib import sha256

from actions.approvals.request import ApprovalRequest, GivenDecision
from actions.reviews.record import AUTHOR, UNLISTED, ActionItem


def glass_item(request: ApprovalRequest, given: GivenDecision) -> ActionItem:
    """The action item to review the decision by which a request was approved. Its id is the same for the same one."""
    intent = request.intent
    name = UNLISTED + sha256(f"{request.key}/{given.id}".encode()).hexdigest()[:16]
    text = f"Review why {given.by} broke the glass for {intent.kind} on {intent.target}: {given.comment or 'no reason'}"
    return ActionItem(name, intent.incident_id, 1, "open", text, None, None, AUTHOR, request.changed_at_s)
