"""The naive baseline: one incident while anything of a service alarms, named by its loudest metric, always P2.

It has our alarms and our timing, and no idea of causes: what triage adds is the distance to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import inf

from classifiers.model import Category, Incident

WORDS: tuple[tuple[tuple[str, ...], Category], ...] = (
    (("guardrail", "policy", "injection", "auth", "pii"), "security"),
    (("retrieval", "rag", "context", "cache", "truncated"), "context_pipeline"),
    (("schema", "invalid", "drift"), "data_quality"),
    (("confidence", "logprob"), "model_degradation"),
    (("tokens", "requests", "batch", "queue_depth", "running", "waiting"), "resource_exhaustion"),
    (("error", "absence"), "availability"),
)
"""By words in a metric's name, first match wins; all else is slowness."""


def naive(incidents: Iterable[Incident]) -> list[Incident]:
    """The same incidents as the baseline would have told them."""
    told: list[Incident] = []
    for incident in sorted(incidents, key=lambda one: (one.service, one.opened_at_s, one.id)):
        last = told[-1] if told else None
        if last is not None and last.service == incident.service and incident.opened_at_s <= _end_s(last):
            told[-1] = replace(last, resolved_at_s=max(_end_s(last), _end_s(incident)))
            continue
        loudest = incident.evidence[0]
        name = "absence" if loudest.detector == "absence" else loudest.metric
        category = next((found for words, found in WORDS if any(word in name for word in words)), None)
        told.append(replace(
            incident, category=category or "performance_degradation", severity="P2", peak_severity="P2", related=(),
            replica=loudest.scope.replica, tenant=loudest.scope.tenant, version=loudest.scope.version,
        ))
    return told


def _end_s(incident: Incident) -> float:
    return inf if incident.resolved_at_s is None else incident.resolved_at_s
