"""An open and a resolved incident, and stage times without a value."""

from __future__ import annotations

from dataclasses import replace

from classifiers.model import Incident, StageTime

OPEN = Incident(
    id="i", state="open", opened_at_s=110.0, onset_at_s=100.0, resolved_at_s=None, category="availability",
    severity="P2", peak_severity="P2", service="chat", model="gpt", version=None, replica=None, tenant=None, title="t",
)
ENDED = replace(OPEN, state="resolved", resolved_at_s=160.0)
PENDING = StageTime(None, "pending")
NOT_APPLICABLE = StageTime(None, "not_applicable")
INVALID = StageTime(None, "invalid")
