"""Whether the signed decisions of an intent are the consent that its terms ask for; checked by the executor alone.

The executor trusts neither the shard nor the responder here: it checks each signature, the person, the roles, the path,
the age and the number of different persons by itself. A decision that does not count says why. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from actions.model import ApprovalTerms, Decision, Intent
from actions.trust.decisions import verify_decision
from actions.trust.keys import KeyRing, SignatureError
from actions.trust.people import Directory

SKEW_S = 60.0
"""How far the clock of a person may be ahead of the executor's."""
RELEASE_S = 60.0
"""How long after the last decision the intent may come: the shard judges it anew before."""


@dataclass(frozen=True, slots=True)
class ApprovalCheck:
    """Who is known, which keys count, and for which deployment (`ce_source`)."""

    directory: Directory
    ring: KeyRing
    source: str

    def lacking(self, intent: Intent, terms: ApprovalTerms, now_s: float) -> str | None:
        """Why an intent does not have the consent that the terms ask for; None where it has.

        Break-glass by a commander stands for any approval. A rejection stands against any number of approvals.
        """
        approved: set[str] = set()
        faults: list[str] = []
        for decision in intent.decisions:
            fault = self.fault(decision, intent, terms, now_s)
            if fault is not None:
                faults.append(f"{decision.who[:40]}: {fault}")
            elif decision.verb == "reject":
                return f"rejected by {decision.who}"
            elif decision.verb == "break_glass":
                return None
            else:
                approved.add(decision.who)
        if len(approved) >= terms.count:
            return None
        without = f"{len(approved)} of {terms.count} approvals by {' or '.join(terms.roles)}"
        return f"{without}, expected all; {'; '.join(faults)}" if faults else f"{without}, expected all"

    def is_break_glass(self, intent: Intent, now_s: float) -> bool:
        """Whether a commander lets this intent run past the limits that break-glass skips."""
        terms = intent.approval or ApprovalTerms()
        return any(
            decision.verb == "break_glass" and self.fault(decision, intent, terms, now_s) is None
            for decision in intent.decisions
        )

    def fault(self, decision: Decision, intent: Intent, terms: ApprovalTerms, now_s: float) -> str | None:
        """Why a decision does not count for an intent; None where it does. Cheap checks come first."""
        for check in (self._binding, self._person, self._age):
            fault = check(decision, intent, terms, now_s)
            if fault is not None:
                return fault
        try:
            key = verify_decision(decision, intent, self.ring, now_s)
        except SignatureError as error:
            return str(error)
        if key.person is not None and key.person != decision.who:
            return f"signed by the key {key.id!r} of {key.person}, expected a key of their own"
        return None

    def _binding(self, decision: Decision, intent: Intent, terms: ApprovalTerms, _: float) -> str | None:
        if decision.source != self.source:
            return f"made for {decision.source[:60]!r}, expected {self.source!r}"
        if decision.key != intent.key:
            return f"about the intent {decision.key[:40]!r}, expected {intent.key!r}"
        if decision.digest != intent.digest:
            return "about other terms than those of the intent"
        if terms.via and decision.path not in terms.via:
            return f"came by {decision.path}, expected {' or '.join(terms.via)}"
        return None

    def _person(self, decision: Decision, intent: Intent, terms: ApprovalTerms, _: float) -> str | None:
        if not self.directory.knows(decision.who):
            return "not among the people of the configuration"
        roles = self.directory.roles(decision.who, intent.service)
        wanted = ("commander",) if decision.verb == "break_glass" else terms.roles
        if not roles.intersection(wanted):
            held = ", ".join(sorted(roles)) or "no role"
            return f"has {held} for {intent.service}, expected {' or '.join(wanted)}"
        if terms.four_eyes and decision.verb == "approve" and decision.who == intent.asked_by:
            return "asked for it, and four eyes are expected"
        return None

    def _age(self, decision: Decision, _: Intent, terms: ApprovalTerms, now_s: float) -> str | None:
        age_s, allowed_s = now_s - decision.at_s, terms.expires_after_s + RELEASE_S
        if not -SKEW_S <= age_s <= allowed_s:
            return f"made {age_s:.0f} s ago, expected within {allowed_s:.0f} s"
        return None
