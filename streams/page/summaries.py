"""The short form of incidents, requests and remedies, as JSON: what a row of the page shows. Pure.

Times are seconds since the epoch; what is not known is null.
"""

from __future__ import annotations

from typing import Any

from actions.approvals.explained import explained
from actions.approvals.machine import OPEN
from actions.approvals.request import ApprovalRequest
from actions.ledger.remedy import Remedy
from actions.remedies.breaker import awaited
from classifiers.model import NOTIFICATIONS, UNJUDGED, Incident
from streams.page.state import PageState
from streams.page.waiting_texts import text_row
from streams.timeline.words import escalation_words, step_words

PARTS = ("model", "version", "replica", "tenant")
SHOWN_ACTIONS = 4


def incident_row(incident: Incident, state: PageState) -> dict[str, Any]:
    """An incident with what is done and what waits."""
    escalation = state.escalation(incident.id)
    acted = [one for one in incident.actions if one.kind not in NOTIFICATIONS]
    return {
        "id": incident.id, "severity": incident.severity, "peak_severity": incident.peak_severity,
        "state": incident.state, "title": incident.title, "category": incident.category, "service": incident.service,
        "scope": scope_of(incident), "onset_at_s": incident.onset_at_s, "opened_at_s": incident.opened_at_s,
        "resolved_at_s": incident.resolved_at_s, "resolution": incident.resolution,
        "assigned_to": incident.assigned_to, "commander": incident.commander, "scribe": incident.scribe,
        "owners": incident.owners, "acknowledged": incident.acknowledged,
        "silenced_by": incident.silenced_by, "maintenance": _maintenance(incident, state),
        "expected_end": expected_end(incident),
        "caused_by": [one.id for one in incident.related if one.relation == "caused_by"],
        "actions": [
            {"kind": one.kind, "target": one.target, "words": step_words(one.status), "undo": one.undo}
            for one in acted[-SHOWN_ACTIONS:]
        ],
        "notified": sum(one.state == "sent" for one in state.notifications(incident.id)),
        "waiting": [
            one.key for one in state.requests_of(incident.id) if one.state in OPEN
        ] if incident.state != "resolved" else [],
        "escalation": None if escalation is None else {
            "state": escalation.state, "words": escalation_words(escalation.state), "reason": escalation.reason,
            "paged": sorted({person for step in escalation.fired for person in step.people}),
        },
    }


def _maintenance(incident: Incident, state: PageState) -> dict[str, Any] | None:
    """The maintenance window that silences an incident; None for a silence, which has an end of its own."""
    window = None if incident.silenced_by is None else state.silences.window(incident.silenced_by)
    if window is None or state.newest_s is None:
        return None
    return {"name": window.name, "until_s": window.until_s(state.newest_s)}


def request_row(request: ApprovalRequest, state: PageState) -> dict[str, Any]:
    """A request for approval with its terms."""
    intent = request.intent
    incident = state.incident(intent.incident_id)
    return {
        "key": request.key, "state": request.state, "reason": request.reason, "kind": intent.kind,
        "target": intent.target, "undo": intent.undo, "service": intent.service, "incident_id": intent.incident_id,
        "incident_title": None if incident is None else incident.title,
        "severity": None if incident is None else incident.severity, "why": intent.reason,
        "digest": intent.digest or "", "explained": explained(intent),
        "roles": request.terms.roles, "count": request.terms.count, "approvals": request.approvals,
        "four_eyes": request.terms.four_eyes, "via": request.terms.via, "playbook": intent.playbook,
        "step_id": intent.step_id, "asked_at_s": intent.decided_at_s, "expires_at_s": request.expires_at_s,
        "given": [{"by": one.by, "verb": one.verb, "at_s": one.at_s, "comment": one.comment} for one in request.given],
    }


def texts_of(state: PageState, incident_id: str | None = None) -> list[dict[str, Any]]:
    """The texts that wait for a person, oldest first: all, or those about an incident."""
    return [text_row(told, state.incident(told[0].message.incident_id)) for told in state.texts.waiting(incident_id)]


def force_view(state: PageState) -> dict[str, Any]:
    """What is in force at targets, the storm brake, and silences. storm_since_s: None while it is released."""
    found = [(one, _is_judged(one, state)) for one in state.in_force.remedies()]
    rows = [_remedy_row(one, is_judged) for one, is_judged in found if one.is_shown or is_judged]
    return {"storm_since_s": state.in_force.storm_since_s(), "remedies": rows, "silences": state.silences.rows()}


def _is_judged(remedy: Remedy, state: PageState) -> bool:
    """Whether it is not known yet if it helps. What is never taken back is shown until then."""
    incident = state.incident(remedy.intent.incident_id)
    if incident is None or incident.state == "resolved" or remedy.state not in ("applied", "kept"):
        return False
    return any(one.key == remedy.intent.key and one.state in UNJUDGED for one in incident.remedies)


def _remedy_row(remedy: Remedy, is_judged: bool) -> dict[str, Any]:
    return {
        "kind": remedy.kind, "target": remedy.target, "state": remedy.state, "reason": remedy.reason,
        "applied_s": remedy.applied_s, "hold_until_s": remedy.hold_until_s, "breaker": remedy.breaker,
        "awaits": None if remedy.breaker is None else awaited(remedy.breaker), "is_kept": remedy.is_kept,
        "is_judged": is_judged, "undo_when": remedy.terms.undo, "sure": remedy.sure,
        "incidents": [one.incident_id for one in remedy.holding()],
    }


def scope_of(incident: Incident) -> dict[str, str]:
    """The parts that the incident is limited to; empty for the whole service."""
    return {name: value for name in PARTS if (value := getattr(incident, name)) is not None}


def expected_end(incident: Incident) -> dict[str, Any] | None:
    """When it is expected to end, as instants, with the confidence of the interval and the number of cases."""
    one = incident.expected_resolve
    if one is None or incident.state == "resolved":
        return None
    begin_s = incident.onset_at_s
    return {
        "low_s": begin_s + one.low_s, "median_s": begin_s + one.median_s, "high_s": begin_s + one.high_s,
        "confidence": one.confidence, "count": one.count,
    }
