"""What an authentic intent passes before it is claimed: the executor's allow-list, and the consent of people. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from actions.model import Intent
from actions.trust.allow_list import AllowList
from actions.trust.approvals import ApprovalCheck


@dataclass(frozen=True, slots=True)
class Gate:
    """allowed: None where the executor has no list of its own."""

    allowed: AllowList | None
    approvals: ApprovalCheck

    def refusal(self, intent: Intent, now_s: float) -> str | None:
        """Why an intent may not run; None where it may. An undo needs no consent: it ends what had it."""
        terms = [intent.approval] if intent.approval is not None else []
        if self.allowed is not None:
            found = self.allowed.find(intent)
            if isinstance(found, str):
                return f"not on the executor's allow-list: {found}"
            terms += [found.approval] if found.approval is not None else []
        if intent.undo:
            return None
        for each in terms:
            lacking = self.approvals.lacking(intent, each, now_s)
            if lacking is not None:
                return f"not approved: {lacking}"
        return None
