"""Example messages for the document, of one incident: a replica becomes slow, and its circuit breaker is opened."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from actions.model import Intent, Outcome
from classifiers.model import ActionRecord, Anomaly, AuditEntry, Factor, Incident, OffsetRange, Scope, StageTime
from streams.contracts.catalogue import ACTION, AUDIT, INCIDENT, OUTCOME, RECORD
from streams.contracts.envelopes import (
    Message,
    audit_message,
    incident_message,
    intent_message,
    outcome_message,
    source_of,
)
from streams.contracts.record import NativeRecord

ONSET_S = 1_795_420_425.0
OPENED_S = ONSET_S + 3.0
SOURCE = source_of("tocsin")

_RECORD = NativeRecord(
    ONSET_S, "chat", {"latency_ms": 3910.5, "ttft_ms": 130.4, "completion_tokens": 128, "error": 0}, "gpt", "v7", "r0",
    "acme",
)
_INTENT = Intent(
    "5d1c0a7be2f94c63", "inc-9f2c4e7a10", "circuit_breaker", "chat/r0", "auto", "replica r0 alone is slow", OPENED_S,
    OPENED_S + 120.0, "chat", "gpt", replica="r0", params={"fleet_size": 4},
)
_OUTCOME = Outcome(
    _INTENT.key, _INTENT.incident_id, _INTENT.kind, _INTENT.target, _INTENT.mode, "executed", "breaker opened",
    OPENED_S, OPENED_S + 0.4,
)
_ANOMALY = Anomaly(
    Scope("chat", "gpt", replica="r0"), "latency_ms", "robust_location", ONSET_S + 1.0, ONSET_S + 2.0, 3910.5, 812.0,
    4.2, "up", 17, ONSET_S, 1.0, (OffsetRange("inference.latency", 2, 48_211, 48_268),),
)
_INCIDENT = Incident(
    _INTENT.incident_id, "open", OPENED_S, ONSET_S, None, "performance_degradation", "P2", "P2", "chat", "gpt", None,
    "r0", None, "chat/gpt, replica r0: latency 4.8 times what is normal",
    (Factor("deviation", 4.2, 0.5, "latency is 4.8 times what is expected"),), (_ANOMALY,), (),
    (ActionRecord(_INTENT.key, _INTENT.kind, _INTENT.target, "auto", "pending", OPENED_S),),
    {"detect": StageTime(3.0, "recorded"), "resolve": StageTime(None, "pending")}, "1f0c9b2a", 1.0,
)
_ENTRY = AuditEntry(OPENED_S, _INTENT.key, "decided", None, "pending", _INTENT.reason)

MESSAGES: Mapping[str, Message] = {
    INCIDENT.name: incident_message(_INCIDENT, SOURCE, OPENED_S),
    ACTION.name: intent_message(_INTENT, SOURCE, 2),
    OUTCOME.name: outcome_message(_OUTCOME, SOURCE, 2),
    AUDIT.name: audit_message(_ENTRY, SOURCE, _INTENT.incident_id, once=True),
    RECORD.name: Message(b"chat", orjson.dumps(_RECORD), ()),
}
"""By name of the message type."""
