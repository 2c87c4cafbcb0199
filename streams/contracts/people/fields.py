"""The descriptions of the fields of requests for approval, and of the control records by which people act."""

from __future__ import annotations

from collections.abc import Mapping

from actions.approvals.request import ApprovalRequest, GivenDecision
from actions.escalation.record import Escalation, FiredStep, Notify
from classifiers.by_hand import (
    Assign,
    Decide,
    Keep,
    Override,
    ResetStorm,
    Resolve,
    SetBreaker,
    Undo,
    Update,
    Withdraw,
)
from classifiers.telling_by_hand import Escalate, Release
from classifiers.viewing_by_hand import Watch

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
    Escalation: {
        "incident_id": INCIDENT,
        "version": "One more with each change; of two records the higher version counts.",
        "state": "idle: nobody was paged yet; active: steps are taken; acknowledged; suspended: silenced, flapping or "
                 "an effect of another incident; exhausted: all rounds are over; closed.",
        "reason": "Why it has this state, in a sentence for a human.",
        "policy": "The policy by name, null where none is for the incident.",
        "severity": "The severity that was escalated.",
        "reached_s": "When that severity was reached, seconds since the epoch; null while it is not.",
        "changed_at_s": "When it got its state.",
        "round": "The round of steps, from 1.",
        "round_at_s": "From when the times of the steps count; null before the first page.",
        "fired": "The steps that were taken, in order.",
        "causes": "What made it escalate before the time of a step; each counts once.",
        "acknowledged": "Who works on it, null while nobody does.",
        "void_ack_s": "Acknowledgements that are not newer do not count; null where all do.",
        "suspended_s": "Since when it is suspended, null while it is not.",
        "late": "Its data came so late that nobody is paged.",
        "notified": "How many notifications there were.",
        "pending": "Notifications that nobody has taken for delivery yet.",
    },
    FiredStep: {
        "step": "The step of the policy.", "round": "Its round.", "at_s": AT, "people": "Who was paged.",
        "held": "Who was not, after too many pages.", "reason": "What was done, in a sentence for a human.",
    },
    Notify: {
        "id": "The same for the same notification, however often it is delivered.",
        "kind": "page: a person; tell: an audience; fallback: all rounds are over; digest, limit: there were too many.",
        "incident_id": INCIDENT, "step": "The step of the policy.", "round": "Its round.",
        "recipient": "A person or an audience, null for who reads the channel.",
        "via": "The channel, null for the default.", "reason": "Why, in a sentence for a human.", "at_s": AT,
    },
    Decide: {
        "intent_key": INTENT_KEY, "digest": DIGEST, "verb": "approve, reject or break_glass.", "by": BY, "at_s": AT,
        "source": "The deployment that it was made for.", "signed_by": "The id of the key.",
        "signature": "Ed25519 over the decision and what it is about, 128 hexadecimal digits.",
        "comment": COMMENT, "via": VIA,
    },
    Withdraw: {"intent_key": INTENT_KEY, "by": BY, "at_s": AT, "comment": COMMENT, "via": VIA},
    Resolve: {"incident_id": INCIDENT, "by": BY, "at_s": AT, "comment": COMMENT, "via": VIA},
    Assign: {
        "incident_id": INCIDENT, "to": "Who gets the role.", "by": BY, "at_s": AT, "via": VIA,
        "role": "commander and scribe: the last one counts; owner: one of several, the last one is responsible.",
        "remove": "Whether that person has the role no more.", "comment": COMMENT,
    },
    Update: {"incident_id": INCIDENT, "by": BY, "at_s": AT, "comment": "What is said.", "via": VIA},
    Undo: {"kind": KIND, "target": TARGET, "by": BY, "at_s": AT, "comment": COMMENT, "via": VIA},
    Keep: {"kind": KIND, "target": TARGET, "by": BY, "at_s": AT, "comment": COMMENT, "via": VIA},
    SetBreaker: {
        "target": "The target of the breaker.", "verb": "What it becomes until it is cleared.", "by": BY, "at_s": AT,
        "comment": COMMENT, "via": VIA,
    },
    Override: {
        "schedule": "The schedule.", "person": "Who is on call.", "from_s": "From when on, seconds since the epoch.",
        "until_s": "Until when, exclusive.", "by": BY, "at_s": AT, "comment": COMMENT, "via": VIA,
    },
    Release: {
        "text": "The digest of the text that the person saw.", "verb": "release or withdraw.", "by": BY, "at_s": AT,
        "comment": COMMENT, "via": VIA,
    },
    Escalate: {
        "incident_id": INCIDENT, "by": BY, "at_s": AT, "comment": COMMENT, "via": VIA,
        "to": "A person, a schedule or a role that is paged; null for the next step.",
    },
    Watch: {
        "service": "The service.", "model": "Its model; null where records name none.", "metric": "The metric.",
        "part": "What of the service: version, replica or tenant, a stroke, and its name; empty for the whole service.",
        "by": BY, "at_s": AT, "via": VIA,
        "until_s": "Until when, seconds since the epoch, exclusive; at most 10 minutes later.",
    },
    ResetStorm: {"by": BY, "at_s": AT, "comment": COMMENT, "via": VIA},
}
