"""What an authentic intent passes before it is claimed: the executor's allow-list, and the consent of people. Pure.

What a person asks for at a target passes the allow-list too, and the role for the service of what is in force there.
"""

from __future__ import annotations

from dataclasses import dataclass

from actions.model import Intent
from actions.trust.allow_list import AllowList
from actions.trust.approvals import ApprovalCheck
from actions.trust.roles import Verb, may_not

BEGINNING: frozenset[Verb] = frozenset({"force_open", "disable"})
"""What people ask for that sets a target anew. All else ends what is in force, or lets it stay."""


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

    def refusal_by_hand(self, by: str, verb: Verb, intent: Intent) -> str | None:
        """Why a person may not do this to what an intent put in force, or would; None where the person may.

        The target need not begin with the name of the service, so the service of the intent counts.
        """
        if not self.approvals.directory.may(by, verb, intent.service):
            return may_not(by, verb, intent.service)
        if self.allowed is None or verb not in BEGINNING:
            return None
        found = self.allowed.find(intent)
        return f"not on the executor's allow-list: {found}" if isinstance(found, str) else None
