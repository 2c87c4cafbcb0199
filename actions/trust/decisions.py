"""Signed decisions of people: what their signature covers, and signing one.

A decision carries its own signature, so that whoever has the intent can check it alone: the responder that collects it,
the executor that acts on it, an auditor years later. It is bound to the deployment, to the key of the intent (incident,
step and attempt), to the terms, and to what the action would do. A decision copied to another intent, another
deployment or changed parameters does not fit. Guarantee on duplicate: the same decision signed twice is one decision of
one person.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import orjson

from actions.model import INFORMATIVE, Decision, DecisionVerb, Intent, Path
from actions.trust.keys import KeyRing, PublicKey, SignatureError, Signer, Use, framed

DOMAIN = b"tocsin.decision.v1"
"""Begins the signed text, so that no signature of a record can pass for one of a decision."""


def sign_decision(
    intent: Intent, who: str, verb: DecisionVerb, path: Path, at_s: float, source: str, signer: Signer,
) -> Decision:
    """A decision about an intent. signer: the person's own key on the path `cli`, else that of the role respond.

    source: the deployment, as in `ce_source`. at_s: now, seconds since the epoch.
    """
    unsigned = Decision(who, verb, intent.key, intent.digest, path, at_s, source, signer.id, "")
    return replace(unsigned, signature=signer.sign(decision_text(unsigned, intent)))


def verify_decision(decision: Decision, intent: Intent, ring: KeyRing, now_s: float) -> PublicKey:
    """The key that signed a decision about this intent; raises `SignatureError`.

    A label that the incident gained since then does not matter, since kind, target and parameters are the same; one
    that changed or was lost does. It says nothing about the person: `actions.trust.approvals` does.
    """
    use: Use = "person" if decision.path == "cli" else "respond"
    faults: list[SignatureError] = []
    for seen in _as_seen(intent):
        try:
            return ring.verify(decision.signed_by, use, decision_text(decision, seen), decision.signature, now_s)
        except SignatureError as error:
            if error.reason != "bad_signature":
                raise
            faults.append(error)
    raise faults[0]


def _as_seen(intent: Intent) -> Iterator[Intent]:
    """The intent, and as it was before its incident gained labels: at most 16, the one of now first."""
    labels = (intent.model, intent.version, intent.replica, intent.tenant)
    named = [place for place, value in enumerate(labels) if value is not None]
    for count in range(len(named) + 1):
        for without in combinations(named, count):
            model, version, replica, tenant = (
                None if place in without else value for place, value in enumerate(labels)
            )
            yield replace(intent, model=model, version=version, replica=replica, tenant=tenant)


def decision_text(decision: Decision, intent: Intent) -> bytes:
    """The signed bytes: the fields of the decision, and the effect of the intent that it is about."""
    params = [(name, _as_read(value)) for name, value in sorted(intent.params.items()) if name not in INFORMATIVE]
    effect = (
        intent.kind, intent.target, intent.undo, intent.service, intent.model, intent.version, intent.replica,
        intent.tenant, params,
    )
    fields = (
        decision.source, decision.who, decision.verb, decision.key, decision.digest or "", decision.path,
        repr(decision.at_s), decision.signed_by,
    )
    return framed([DOMAIN, *(text.encode() for text in fields), orjson.dumps(effect)])


def _as_read(value: str | float | bool | None) -> str | float | bool | None:
    """A parameter as it is after a way over the wire: a whole number becomes a float there."""
    return value if value is None or isinstance(value, str | bool) else float(value)
