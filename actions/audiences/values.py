"""The variables that templates may use, from an incident. All labels in them are inert. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from actions.audiences.audience import Audience, TextEvent
from actions.audiences.decide import History, due_s, tenants_of
from actions.audiences.labels import label
from actions.audiences.sandbox import MAX_ITEMS, Value
from classifiers.accounting.stage_timeline import CARRIED_OUT
from classifiers.directive_reasons import utc_text
from classifiers.model import NOTIFICATIONS, UNJUDGED, ActionRecord, Category, Incident, RemedyState

FEELS: Mapping[Category, str] = {
    "performance_degradation": "Answers take longer than usual.",
    "availability": "Some requests fail or get no answer.",
    "model_degradation": "Answers are worse than usual.",
    "context_pipeline": "Answers may miss information from documents.",
    "resource_exhaustion": "Answers may be slow, and some requests may be refused, because capacity runs out.",
    "data_quality": "Some requests are not processed as usual.",
    "security": "The service is used in an unusual way. It may be slower for others.",
    "telemetry": "Nothing is known to be wrong for users. The monitoring itself is in trouble.",
}
"""What users of a service notice, by category."""
PROBLEMS: Mapping[Category, str] = {
    "performance_degradation": "slow answers", "availability": "failing requests", "model_degradation": "worse answers",
    "context_pipeline": "answers without their documents", "resource_exhaustion": "a lack of capacity",
    "data_quality": "faulty input", "security": "unusual use", "telemetry": "a gap in monitoring",
}
"""A category in two words, for a title."""
REMEDIES: Mapping[RemedyState, str] = {
    "applied": "was applied; whether it helps is not known yet",
    "verifying": "was applied; its effect is being checked",
    "recovered": "was applied, and it helped", "not_recovered": "was applied, and it did not help",
    "inconclusive": "was applied; too few requests show whether it helped", "undone": "did not help and was undone",
    "kept": "did not help and stays in force",
}
ENDINGS: Mapping[str, str] = {
    "lost": "The state that knew the incident was lost, so it is unknown whether its cause is over.",
    "expected": "A person declared it a planned change.", "manual": "A person declared it over.",
}
ACTION_WORDS: Mapping[str, str] = {
    "suggested": "is suggested and waits for approval", "approved": "is approved", "pending": "is decided",
    "executed": "was done", "dry_run": "was rehearsed", "failed": "failed", "rejected": "was rejected",
    "expired": "expired without being done", "refused": "was refused", "observed": "would have been done",
}


def values_of(
    audience: Audience, incident: Incident, event: TextEvent, history: History, now_s: float, link: str | None = None,
) -> dict[str, Value]:
    """The variables by name; None is unknown or does not apply. now_s: seconds since the epoch, when it is told."""
    due = due_s(audience, incident, History(now_s, history.released))
    tenants = tenants_of(incident)
    ended_s = incident.resolved_at_s
    return {
        "event": event, "incident_id": label(incident.id), "title": label(incident.title),
        "severity": incident.severity, "peak_severity": incident.peak_severity, "state": incident.state,
        "category": incident.category.replace("_", " "), "problem": PROBLEMS[incident.category],
        "users_feel": FEELS[incident.category], "service": label(incident.service),
        "model": _label(incident.model), "version": _label(incident.version), "replica": _label(incident.replica),
        "tenant": _label(incident.tenant), "where": where(incident),
        "tenants": None if tenants is None else tuple(map(label, tenants[:MAX_ITEMS])),
        "tenant_count": None if tenants is None else len(tenants),
        "reasons": tuple(label(one.text) for one in incident.factors if one.name != "time_to_resolve")[:MAX_ITEMS],
        "actions": tuple(_actions(incident))[-MAX_ITEMS:], "next_step": next_step(incident, now_s),
        "notes": tuple(f"{label(one.by)}: {label(one.text)}" for one in incident.notes[-5:]),
        "last_note": label(incident.notes[-1].text) if incident.notes else None,
        "acknowledged_by": _working(incident, now_s), "assigned_to": _label(incident.assigned_to),
        "commander": _label(incident.commander), "scribe": _label(incident.scribe),
        "owners": tuple(map(label, incident.owners[:MAX_ITEMS])),
        "onset_at": time_text(incident.onset_at_s, audience.zone),
        "opened_at": time_text(incident.opened_at_s, audience.zone), "now": time_text(now_s, audience.zone),
        "resolved_at": None if ended_s is None else time_text(ended_s, audience.zone),
        "lasted": span_text((now_s if ended_s is None else ended_s) - incident.onset_at_s),
        "is_over": incident.resolution != "lost",
        "ending": None if incident.resolution is None else ENDINGS[incident.resolution],
        "expected_resolve": _forecast(incident),
        "next_update": None if due is None else time_text(due, audience.zone), "link": link,
    }


VARIABLES = frozenset({
    "event", "incident_id", "title", "severity", "peak_severity", "state", "category", "problem", "users_feel",
    "service", "model", "version", "replica", "tenant", "where", "tenants", "tenant_count", "reasons", "actions",
    "next_step", "notes", "last_note", "acknowledged_by", "assigned_to", "commander", "scribe", "owners",
    "onset_at", "opened_at", "now", "resolved_at", "lasted", "is_over", "ending", "expected_resolve",
    "next_update", "link",
})
"""The names of all variables."""


def where(incident: Incident) -> str:
    """The part of the service that is hit, in words."""
    parts = (("replica", incident.replica), ("version", incident.version), ("tenant", incident.tenant))
    named = [f"{name} {label(value)}" for name, value in parts if value is not None]
    return f"{' and '.join(named)} of {label(incident.service)}" if named else f"all of {label(incident.service)}"


def next_step(incident: Incident, now_s: float) -> str:
    """What comes next, in a sentence."""
    if incident.resolved_at_s is not None:
        return "Nothing more is to be done. Alarms would open a new incident."
    waiting = [one for one in incident.actions if one.status == "suggested" and one.kind not in NOTIFICATIONS]
    if waiting:
        return f"A person must approve: {_action(waiting[-1])}."
    if any(one.state in UNJUDGED for one in incident.remedies):
        return "The effect of what was done is being checked."
    who = _working(incident, now_s)
    return "Nobody has acknowledged it yet." if who is None else f"{who} works on it."


def time_text(at_s: float, zone: str | None) -> str:
    """A time in UTC, and in a zone if there is one.

    >>> time_text(0.0, "Europe/Berlin")
    '1970-01-01 00:00 UTC (01:00 Europe/Berlin)'
    """
    text = utc_text(at_s)
    if zone is None:
        return text
    local = datetime.fromtimestamp(at_s, ZoneInfo(zone))
    day = "" if local.strftime("%d") == text[8:10] else f"{local.strftime('%Y-%m-%d')} "
    return f"{text} ({day}{local.strftime('%H:%M')} {zone})"


def span_text(seconds: float) -> str:
    """A length of time with its unit.

    >>> span_text(54.0), span_text(600.0), span_text(9000.0)
    ('54 s', '10 min', '2 h 30 min')
    """
    if seconds < 120.0:
        return f"{max(seconds, 0.0):.0f} s"
    minutes = round(seconds / 60.0)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes % 60 else f"{minutes // 60} h"


def _label(text: str | None) -> str | None:
    return None if text is None else label(text)


def _working(incident: Incident, now_s: float) -> str | None:
    one = incident.acknowledged
    return None if one is None or now_s >= one.until_s else label(one.by)


def _forecast(incident: Incident) -> str | None:
    known = incident.expected_resolve
    if known is None:
        return None
    return f"{span_text(known.low_s)} to {span_text(known.high_s)} from its begin"


def _action(action: ActionRecord) -> str:
    return f"{label(action.kind).replace('_', ' ')} on {label(action.target)}"


def _actions(incident: Incident) -> Iterator[str]:
    """A sentence for each remedy, with what came of it."""
    verdicts = {one.key: REMEDIES[one.state] for one in incident.remedies}
    for one in sorted(incident.actions, key=lambda each: each.decided_at_s):
        if one.kind in NOTIFICATIONS:
            continue
        known = verdicts.get(one.key) if one.status in CARRIED_OUT and not one.undo else None
        words = known or ACTION_WORDS.get(one.status, one.status.replace("_", " "))
        yield f"{'Undo of ' if one.undo else ''}{_action(one)} {words}."
