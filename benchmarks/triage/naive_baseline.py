"""The naive baseline: one incident while anything of a service alarms, named by its strongest alarm, always P2.

It has our alarms and our timing, but no model of causes. The distance to it is what triage adds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import inf

from classifiers.model import Category, Incident

KEYWORDS: tuple[tuple[tuple[str, ...], Category], ...] = (
    (("guardrail", "policy", "injection", "auth", "pii"), "security"),
    (("retrieval", "rag", "context", "cache", "truncated"), "context_pipeline"),
    (("schema", "invalid", "drift"), "data_quality"),
    (("confidence", "logprob"), "model_degradation"),
    (("tokens", "requests", "batch", "queue_depth", "running", "waiting"), "resource_exhaustion"),
    (("error", "absence"), "availability"),
)
"""Category by words in a metric's name; the first match wins, and all else is slowness."""


def naive_baseline(incidents: Iterable[Incident]) -> list[Incident]:
    """The incidents as the baseline would have published them."""
    published: list[Incident] = []
    for incident in sorted(incidents, key=lambda one: (one.service, one.opened_at_s, one.id)):
        last = published[-1] if published else None
        if last is not None and last.service == incident.service and incident.opened_at_s <= _end_s(last):
            published[-1] = replace(last, resolved_at_s=max(_end_s(last), _end_s(incident)))
            continue
        strongest = incident.evidence[0]
        name = "absence" if strongest.detector == "absence" else strongest.metric
        category = next((found for words, found in KEYWORDS if any(word in name for word in words)), None)
        published.append(replace(
            incident, category=category or "performance_degradation", severity="P2", peak_severity="P2", related=(),
            replica=strongest.scope.replica, tenant=strongest.scope.tenant, version=strongest.scope.version,
        ))
    return published


def _end_s(incident: Incident) -> float:
    return inf if incident.resolved_at_s is None else incident.resolved_at_s
