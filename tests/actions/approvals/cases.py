"""People with keys, suggested intents, and a desk over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from actions.approvals.desk import Desk, RequestChange
from actions.model import ApprovalTerms, DecisionVerb, Intent, Path
from actions.trust.approvals import ApprovalCheck
from actions.trust.decisions import sign_decision
from actions.trust.keys import KeyRing, PublicKey, Signer
from actions.trust.people import Directory, Member
from classifiers.by_hand import Decide, Withdraw
from classifiers.model import Incident

T = 1_795_420_000.0
SOURCE = "/tocsin/test"
ROLES = {"anna": "approver", "ben": "approver", "cleo": "commander", "dan": "responder"}
KEYS = {name: Ed25519PrivateKey.generate() for name in ROLES}
CHECK = ApprovalCheck(
    Directory([Member(name, frozenset({role})) for name, role in ROLES.items()], lambda _: ()),  # type: ignore[arg-type]
    KeyRing([PublicKey(f"{name}-1", key.public_key(), frozenset({"person"}), name) for name, key in KEYS.items()]),
    SOURCE,
)


def suggested(key: str = "k1", incident_id: str = "inc-1", **over: Any) -> Intent:
    """An intent that waits for people, decided at `T`."""
    values: dict[str, Any] = {
        "kind": "throttle", "target": "chat/v2", "mode": "suggest", "reason": "v2 is slow", "decided_at_s": T,
        "expires_at_s": T + 3600.0, "service": "chat", "digest": "d1", "approval": ApprovalTerms(),
    }
    return Intent(key, incident_id, **{**values, **over})


def decided(
    intent: Intent, who: str, verb: DecisionVerb = "approve", at_s: float = T + 10.0, via: Path = "cli",
    comment: str = "", key_of: str | None = None,
) -> Decide:
    """A signed decision. key_of: whose key signs it, if not that of `who`."""
    signer = Signer(f"{key_of or who}-1", KEYS[key_of or who])
    signed = sign_decision(intent, who, verb, via, at_s, SOURCE, signer)
    return Decide(
        intent.key, intent.digest or "", verb, who, at_s, SOURCE, signer.id, signed.signature, comment, via,
    )


def withdrawn(intent: Intent, who: str, at_s: float = T + 10.0) -> Withdraw:
    """A withdrawal, whose record was verified."""
    return Withdraw(intent.key, who, at_s)


def incident(incident_id: str = "inc-1", **over: Any) -> Incident:
    """An open incident."""
    values: dict[str, Any] = {
        "id": incident_id, "state": "open", "opened_at_s": T, "onset_at_s": T, "resolved_at_s": None,
        "category": "performance_degradation", "severity": "P2", "peak_severity": "P2", "service": "chat",
        "model": None, "version": "v2", "replica": None, "tenant": None, "title": "v2 is slow",
    }
    return Incident(**{**values, **over})


class Case:
    """A desk whose changes are recorded at once, as by an owner of everything."""

    def __init__(self, *intents: Intent, digests: Mapping[str, str] | None = None) -> None:
        self.desk = Desk(CHECK, digests)
        self.changes: list[RequestChange] = []
        for intent in intents:
            self.desk.add_incident(incident(intent.incident_id), T)
            self.desk.add_intent(intent, 2)

    def at(self, now_s: float) -> list[RequestChange]:
        """The changes that are due at this time."""
        before = len(self.changes)
        for change in self.desk.changes(now_s, lambda *_: True):
            self.desk.record(change.request)
            self.changes.append(change)
        return self.changes[before:]

    def state(self, key: str = "k1") -> str | None:
        """The state of a request."""
        request = self.desk.requests.get(key)
        return None if request is None else request.state

    def decide(self, directive: Decide | Withdraw, now_s: float = T + 11.0) -> str | None:
        """The state of a request after a directive of a person."""
        self.desk.add_by_hand(directive, directive.at_s)
        self.at(now_s)
        return self.state(directive.intent_key)

    def restarted(self) -> Case:
        """Another desk over the same log of requests."""
        again = Case()
        for request in self.desk.requests.values():
            again.desk.record(replace(request))
        return again
