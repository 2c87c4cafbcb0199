"""The comparison of two results, for people and as JSON."""

from __future__ import annotations

import click
import orjson

from classifiers.model import Incident
from streams.cli.people.author import date
from streams.replay.comparison import (
    ActionDifference,
    Comparison,
    FieldChange,
    IncidentDifference,
)

SIGNS = {"added": "+", "gone": "-", "changed": "~"}


def print_comparison(comparison: Comparison, as_json: bool) -> None:
    """Print each difference with its reason, and the counts."""
    if as_json:
        click.echo(orjson.dumps(to_json(comparison)))
        return
    for one in comparison.incidents:
        click.echo(_incident_text(one))
    for each in comparison.actions:
        click.echo(_action_text(each))
    click.echo(f"incidents: {_counts(comparison.incidents)}, {comparison.same_incidents} the same")
    click.echo(f"actions:   {_counts(comparison.actions)}, {comparison.same_actions} the same")


def to_json(comparison: Comparison) -> dict[str, object]:
    """What differs, by ids and fields; the incidents and intents themselves are in the results."""
    return {
        "same": comparison.is_same,
        "same_incidents": comparison.same_incidents, "same_actions": comparison.same_actions,
        "incidents": [
            {"kind": one.kind, "id": one.incident.id, "service": one.incident.service, "title": one.incident.title,
             "severity": one.incident.severity, "opened_at_s": one.incident.opened_at_s, "reason": one.reason,
             "fields": one.fields}
            for one in comparison.incidents
        ],
        "actions": [
            {"kind": one.kind, "key": one.intent.key, "incident_id": one.intent.incident_id,
             "action": one.intent.kind, "target": one.intent.target, "playbook": one.intent.playbook,
             "step_id": one.intent.step_id, "mode": one.intent.mode, "undo": one.intent.undo,
             "decided_at_s": one.intent.decided_at_s, "reason": one.reason, "fields": one.fields}
            for one in comparison.actions
        ],
    }


def _incident_text(one: IncidentDifference) -> str:
    incident = one.incident
    head = f"{SIGNS[one.kind]} incident {one.kind:7}  {date(incident.opened_at_s)}  {_lasted(incident)}  " \
           f"{incident.peak_severity}  {incident.category}"
    return "\n".join([head, f"    {incident.title}", *_reasons(one.reason, one.fields)])


def _action_text(one: ActionDifference) -> str:
    intent = one.intent
    verb = "undo of " if intent.undo else ""
    head = f"{SIGNS[one.kind]} action {one.kind:9}  {date(intent.decided_at_s)}  {intent.mode:7}  " \
           f"{verb}{intent.kind} on {intent.target}"
    return "\n".join([head, *_reasons(one.reason, one.fields)])


def _reasons(reason: str | None, fields: tuple[FieldChange, ...]) -> list[str]:
    lines = [] if reason is None else [f"    why: {reason}"]
    for one in fields:
        why = "" if one.reason is None else f" ({one.reason})"
        lines.append(f"    {one.name.removesuffix('_at_s')}: {_value(one, one.old)} -> {_value(one, one.new)}{why}")
    return lines


def _value(change: FieldChange, value: str | float | None) -> str:
    if change.name.endswith("_at_s") and not isinstance(value, str):
        return date(value)
    return "-" if value is None else str(value)


def _lasted(incident: Incident) -> str:
    if incident.resolved_at_s is None:
        return "open"
    return f"{incident.resolved_at_s - incident.opened_at_s:.0f} s"


def _counts(differences: tuple[IncidentDifference, ...] | tuple[ActionDifference, ...]) -> str:
    kinds = [one.kind for one in differences]
    return ", ".join(f"{kinds.count(kind)} {kind}" for kind in ("added", "gone", "changed"))
