"""The descriptions of the fields of requests for approval, and of the control records by which people act."""

from __future__ import annotations

from collections.abc import Mapping

from actions.approvals.request import ApprovalRequest, GivenDecision
from classifiers.by_hand import (
    Assign,
    Decide,
    Keep,
    ResetStorm,
    Resolve,
    SetBreaker,
    Undo,
    Update,
    Withdraw,
)

BY = "The person, whose signature the record must have."
AT = "When, seconds since the epoch."
COMMENT = "Why, in the person's words."
VIA = "The path by which it came."
INTENT_KEY = "The key of the decision that waits, as on the action topic."
DIGEST = "The digest of the terms that the person saw; empty where the playbook has none."
INCIDENT = "The incident."
KIND = "The kind of the remedy, such as circuit_breaker."
TARGET = "What the remedy acts on."

BY_HAND_FIELDS: Mapping[type, Mapping[str, str]] = {
    ApprovalRequest: {
        "key": "The key of the decision that waits.",
        "version": "One more with each change; of two records the higher version counts.",
        "state": "requested and approved are open; all others have ended.",
        "reason": "Why it has this state, in a sentence for a human.",
        "intent": "The decision that waits, as its shard wrote it.",
        "terms": "Whose consent it needs.",
        "shard": "The shard that decided, null where its record names none.",
        "expires_at_s": "When it expires without enough decisions, seconds since the epoch.",
        "changed_at_s": "When it got its state.",
        "given": "The decisions of people that count, in order.",
    },
    GivenDecision: {
        "id": "The id of its control record, which has the signature.",
        "by": "The person.",
        "verb": "What the person decided.",
        "at_s": AT,
        "via": VIA,
        "comment": COMMENT,
        "signed": "The decision with its signature, null where its control record alone is signed.",
    },
    Decide: {
        "intent_key": INTENT_KEY, "digest": DIGEST, "verb": "approve, reject or break_glass.", "by": BY, "at_s": AT,
        "source": "The deployment that it was made for.", "signed_by": "The id of the key.",
        "signature": "Ed25519 over the decision and what it is about, 128 hexadecimal digits.",
        "comment": COMMENT, "via": VIA,
    },
    Withdraw: {"intent_key": INTENT_KEY, "by": BY, "at_s": AT, "comment": COMMENT, "via": VIA},
    Resolve: {"incident_id": INCIDENT, "by": BY, "at_s": AT, "comment": COMMENT, "via": VIA},
    Assign: {"incident_id": INCIDENT, "to": "Who is responsible from now on.", "by": BY, "at_s": AT, "via": VIA},
    Update: {"incident_id": INCIDENT, "by": BY, "at_s": AT, "comment": "What is said.", "via": VIA},
    Undo: {"kind": KIND, "target": TARGET, "by": BY, "at_s": AT, "comment": COMMENT, "via": VIA},
    Keep: {"kind": KIND, "target": TARGET, "by": BY, "at_s": AT, "comment": COMMENT, "via": VIA},
    SetBreaker: {
        "target": "The target of the breaker.", "verb": "What it becomes until it is cleared.", "by": BY, "at_s": AT,
        "comment": COMMENT, "via": VIA,
    },
    ResetStorm: {"by": BY, "at_s": AT, "comment": COMMENT, "via": VIA},
}
