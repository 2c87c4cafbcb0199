"""All that the page shows of one incident, as JSON: its row, reasons, timeline, evidence and similar ones. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from actions.model import Outcome
from actions.remedies.notices import NOTICE
from classifiers.incident_silence import silenced_text
from classifiers.model import MAY_HAVE_RUN, ActionRecord, Anomaly, Incident
from streams.page.plots import plots_of, scope_text
from streams.page.review_view import review_of
from streams.page.siblings import siblings_of
from streams.page.state import PageState
from streams.page.summaries import incident_row, request_row, texts_of
from streams.timeline.entries import action_text, nothing_ran, of_intent, of_notification, of_outcome
from streams.timeline.timeline import is_first_alarm, names_before, timeline_of
from streams.timeline.words import RESOLUTIONS, step_words, verdict_words

SIMILAR = 5
MAX_TIMELINE = 400


def incident_view(
    incident: Incident, state: PageState, runbooks: Mapping[str, str], now_s: float = 0.0,
) -> dict[str, Any]:
    """runbooks: by the name of the playbook. now_s: for what is overdue."""
    keys = {one.key for one in incident.actions} | {one.key for one in state.intents(incident.id)}
    requests = state.requests_of(incident.id)
    decided = [(one.decided_at_s, one.playbook) for one in incident.actions]
    decided += [(one.decided_at_s, one.playbook) for one in state.intents(incident.id)]
    playbooks = dict.fromkeys(name for _, name in sorted(decided, key=lambda one: -one[0]))
    return {
        **incident_row(incident, state),
        "siblings": siblings_of(incident, state.series.service(incident.service, incident.model)),
        "opened_severity": incident.opened_severity, "factors": incident.factors,
        "ended": None if incident.resolution is None else RESOLUTIONS[incident.resolution],
        "evidence": [_evidence(one) for one in incident.evidence],
        "plots": plots_of(state.series.of_incident(incident.id), incident.evidence),
        "silences": silenced_text(incident),
        "notes": incident.notes, "stage_times": incident.stage_times,
        "remedies": [{**asdict(one), "words": verdict_words(one.state)} for one in incident.remedies],
        "config_hash": incident.config_hash, "requests": [request_row(one, state) for one in requests],
        "texts": texts_of(state, incident.id), **review_of(state, incident.id, now_s),
        "all_actions": [_action_row(one, state.outcomes(incident.id)) for one in incident.actions],
        "related": [_related(one.id, one.relation, state) for one in incident.related],
        "similar": [_past(one) for one in similar_to(incident, state.incidents())],
        "runbooks": [{"playbook": name, "text": runbooks[name]} for name in playbooks if name and runbooks.get(name)],
        "timeline": _timeline(incident, keys, state),
    }


def _timeline(incident: Incident, keys: set[str], state: PageState) -> list[dict[str, Any]]:
    """What happened, oldest first; the last `MAX_TIMELINE` entries. keys: of the decisions for the incident."""
    audit = [
        one for subject in (incident.id, f"escalation/{incident.id}", *sorted(keys)) for one in state.audit(subject)
    ]
    names = names_before(incident.id, audit)
    audit += [one for name in sorted(names) for one in state.audit(name) if is_first_alarm(incident, names, one)]
    told = [
        *map(of_intent, state.intents(incident.id)), *map(of_outcome, state.outcomes(incident.id)),
        *map(of_notification, state.notifications(incident.id)),
    ]
    return [asdict(one) for one in timeline_of(incident, audit, told)[-MAX_TIMELINE:]]


def _action_row(one: ActionRecord, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """A decision with what came of it. ran: whether it changed the target. by: who approved it."""
    last = next((each for each in reversed(outcomes) if each.key == one.key and NOTICE not in each.data), None)
    nothing = None if last is None else nothing_ran(last)
    return {
        **asdict(one), "words": nothing or step_words(one.status),
        "ran": one.status in MAY_HAVE_RUN and nothing is None,
        "detail": "" if last is None else last.detail,
        "by": list(one.approved_by) if last is None else [each.who for each in last.decisions],
    }


def similar_to(incident: Incident, others: list[Incident]) -> list[Incident]:
    """The latest resolved incidents of the same service and category, those of the same part first."""
    found = [
        one for one in others
        if one.id != incident.id and one.state == "resolved" and one.opened_at_s < incident.opened_at_s
        and (one.service, one.category) == (incident.service, incident.category)
    ]

    def part(one: Incident) -> tuple[str | None, ...]:
        return one.model, one.version, one.replica, one.tenant

    return sorted(found, key=lambda one: (part(one) != part(incident), -one.opened_at_s))[:SIMILAR]


def _past(incident: Incident) -> dict[str, Any]:
    took_s = None if incident.resolved_at_s is None else incident.resolved_at_s - incident.onset_at_s
    return {
        "id": incident.id, "title": incident.title, "severity": incident.peak_severity,
        "opened_at_s": incident.opened_at_s, "took_s": took_s,
        "helped": [action_text(one.kind, one.target) for one in incident.remedies if one.state == "recovered"],
    }


def _related(incident_id: str, relation: str, state: PageState) -> dict[str, Any]:
    known = state.incident(incident_id)
    return {
        "id": incident_id, "relation": relation, "title": None if known is None else known.title,
        "severity": None if known is None else known.severity, "state": None if known is None else known.state,
    }


def _evidence(one: Anomaly) -> dict[str, Any]:
    return {
        "metric": one.metric, "scope": scope_text(one.scope), "detector": one.detector, "start_s": one.start_s,
        "end_s": one.end_s, "value": one.value, "expected": one.expected, "level": one.level,
        "direction": one.direction, "samples": one.samples, "records": one.records,
    }
