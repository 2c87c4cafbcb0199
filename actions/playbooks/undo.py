"""Which actions of an incident are to be undone now, by the terms that they were taken under. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from actions.model import HARMLESS
from actions.playbooks.identity import key
from actions.playbooks.playbook import REVERSIBLE
from classifiers.model import ActionRecord, Incident, UndoWhen, may_have_acted

UNDO_FAILED = frozenset({"failed", "refused", "expired", "interrupted", "suggested"})
INEFFECTIVE = frozenset({"not_recovered", "inconclusive"})


@dataclass(frozen=True, slots=True)
class Undo:
    """An action to be undone, and why."""

    action: ActionRecord
    why: str


def due_undos(incident: Incident, by_key: Mapping[str, ActionRecord]) -> Iterator[Undo]:
    """The undos that are due: of every action in force when its incident is over, and before of one that did not help
    where its step says so. Each is due once; the terms are those of the action, whatever the playbook says now.
    """
    remedies = {remedy.key: remedy for remedy in incident.remedies}
    for action in incident.actions:
        if action.undo or not may_have_acted(action):
            continue
        if _undo_key(incident, action) in by_key:
            continue
        named = f"step {action.step_id} of playbook {action.playbook}"
        remedy = remedies.get(action.key)
        ineffective = remedy is not None and remedy.state in INEFFECTIVE
        undo_when = _undo_when(action)
        if incident.state == "resolved" and undo_when == "when_over":
            yield Undo(action, f"the incident resolved: undo {named}")
        elif remedy is not None and ineffective and undo_when == "when_failed":
            yield Undo(action, f"it did not help ({remedy.detail}): undo {named}")


def failed_undos(incident: Incident, by_key: Mapping[str, ActionRecord]) -> Iterator[tuple[ActionRecord, ActionRecord]]:
    """Actions that are still in force although they were to be undone, with their undo."""
    for action in incident.actions:
        undone = by_key.get(_undo_key(incident, action))
        if not action.undo and action.kind not in HARMLESS and undone is not None and undone.status in UNDO_FAILED:
            yield action, undone


def _undo_when(action: ActionRecord) -> UndoWhen | None:
    """An action of an older release does not say it: what can be undone then is."""
    if action.step_id is None and action.kind in REVERSIBLE:
        return "when_over"
    return action.undo_when


def _undo_key(incident: Incident, action: ActionRecord) -> str:
    return key(incident.id, action.kind, action.target, action.step_id or "", True, action.attempt)
