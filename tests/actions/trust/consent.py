"""People, keys and an intent that needs two approvals, for the tests of this folder."""

from __future__ import annotations

from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from actions.model import ApprovalTerms, Decision, DecisionVerb, Intent, Path
from actions.trust.approvals import ApprovalCheck
from actions.trust.decisions import sign_decision
from actions.trust.keys import KeyRing, PublicKey, Signer
from actions.trust.people import Directory, Member

NOW_S = 1_795_420_000.0
SOURCE = "/tocsin/test"
TERMS = ApprovalTerms(count=2)
PEOPLE = (
    Member("anna", frozenset({"approver", "commander"})), Member("chi", frozenset({"approver"})),
    Member("ben", frozenset({"responder"})), Member("eve", frozenset({"approver"})),
)
SIGNERS = {name: Signer(f"{name}-1", Ed25519PrivateKey.generate()) for name in ("anna", "ben", "chi", "eve")}
RESPOND, WORKER = Signer("r1", Ed25519PrivateKey.generate()), Signer("w1", Ed25519PrivateKey.generate())
RING = KeyRing([
    PublicKey("r1", RESPOND.private.public_key(), frozenset({"respond"})),
    PublicKey("w1", WORKER.private.public_key(), frozenset({"watch"})),
    *(
        PublicKey(signer.id, signer.private.public_key(), frozenset({"person"}), person=name)
        for name, signer in SIGNERS.items()
    ),
])


def owners(service: str) -> tuple[str, ...]:
    """Everybody but eve owns the service chat; the others have no owners."""
    return ("anna", "ben", "chi") if service == "chat" else ()


CHECK = ApprovalCheck(Directory(PEOPLE, owners), RING, SOURCE)
INTENT = Intent(
    "k1", "inc-1", "throttle", "chat/v2", "auto", "slow", NOW_S, NOW_S + 60.0, "chat", params={"factor": 1},
    digest="d" * 64, approval=TERMS,
)


def decision(
    who: str, verb: DecisionVerb = "approve", path: Path = "cli", at_s: float = NOW_S - 5.0, source: str = SOURCE,
    signer: Signer | None = None, about: Intent = INTENT,
) -> Decision:
    """A decision, signed by the person's own key on the path `cli` and else by the role respond."""
    own = SIGNERS.get(who, RESPOND) if path == "cli" else RESPOND
    return sign_decision(about, who, verb, path, at_s, source, signer or own)


def decided(*decisions: Decision, **changes: object) -> Intent:
    """The intent with these decisions."""
    return replace(INTENT, decisions=decisions, **changes)  # type: ignore[arg-type]
