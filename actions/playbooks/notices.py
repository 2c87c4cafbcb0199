"""Who is notified of an incident beside the ladder of its playbook, and when. Pure.

Each notice has an id, which takes the place of a step's id in its key, so it is given once: `on_open`;
`on_change/P1` for each more severe peak; `on_failure/STEP` when a step failed or people rejected it, and
`on_failure` when no step is left; `undo_failed/STEP`. The end of an incident is the undo of `on_open`, so that a
receiver finds both under one key's parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from actions.playbooks.identity import key
from actions.playbooks.ladder import Rung
from actions.playbooks.playbook import Playbook
from actions.playbooks.undo import failed_undos
from classifiers.model import MAY_HAVE_RUN, ActionRecord, Incident
from classifiers.verdict.hysteresis import SEVERITY_ORDER

Event = Literal["open", "change", "failure", "close"]
FAILURE_IDS = ("on_failure", "undo_failed")
"""How the ids of notices begin that are given also while somebody works on the incident."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One notification: of which event, for whom, and why. target: empty for the service. undo: the end of what was
    notified before."""

    event: Event
    step_id: str
    audiences: tuple[str, ...]
    why: str
    target: str = ""
    undo: bool = False


def due_notices(
    incident: Incident, playbook: Playbook, standing: Sequence[Rung], by_key: Mapping[str, ActionRecord], *,
    opens: bool,
) -> list[Notice]:
    """The notices that are due and were not given. opens: a step of the ladder notifies people now, which is the notice
    of the opening. An event without audiences is not notified, but for an undo that failed.
    """
    given = {event: (*getattr(playbook, f"on_{event}"), *playbook.always) for event in get_args(Event)}
    found = [
        *_opening(incident, playbook, opens, given["open"]), *_changes(incident, given["change"]),
        *_failures(incident, standing, by_key, given["failure"]), *_closing(incident, given["close"]),
    ]
    return [one for one in found if not _is_given(incident, one, by_key)]


def is_failure(step_id: str | None) -> bool:
    """Whether a notice tells that something failed."""
    return step_id is not None and step_id.partition("/")[0] in FAILURE_IDS


def _opening(incident: Incident, playbook: Playbook, opens: bool, audiences: tuple[str, ...]) -> Iterator[Notice]:
    if incident.state == "resolved" or opens or _ladder_has_notified(incident, playbook):
        return
    why = "the incident opened"
    if incident.state == "flapping":
        why = "the incident flaps, no remedy until it was quiet for long"
    elif incident.category == "telemetry":
        why = "its monitoring is lost, no remedy for what is not seen"
    if audiences:
        yield Notice("open", "on_open", audiences, why)


def _ladder_has_notified(incident: Incident, playbook: Playbook) -> bool:
    return any(
        item.kind == "notify" and item.mode == "auto" and any(step.id == item.step_id for step in playbook.steps)
        for item in incident.actions
    )


def _changes(incident: Incident, audiences: tuple[str, ...]) -> Iterator[Notice]:
    opened, peak = incident.opened_severity, incident.peak_severity
    if incident.state != "open" or opened is None or not audiences:
        return
    if SEVERITY_ORDER.index(peak) < SEVERITY_ORDER.index(opened):
        yield Notice("change", f"on_change/{peak}", audiences, f"it became {peak}, it opened as {opened}")


def _failures(
    incident: Incident, standing: Sequence[Rung], by_key: Mapping[str, ActionRecord], audiences: tuple[str, ...],
) -> Iterator[Notice]:
    for action, undone in failed_undos(incident, by_key):
        why = f"{action.kind} on {action.target} is still in force: its undo was {undone.status}"
        yield Notice("failure", f"undo_failed/{action.step_id}/{action.attempt}", audiences, why)
    if not audiences:
        return
    told = False
    for rung in standing:
        if rung.done is not None and rung.state in ("passed", "stopped") and _needs_people(rung):
            told = True
            tail = "no other step is taken" if rung.state == "stopped" else "the next step is due"
            yield Notice("failure", f"on_failure/{rung.step.id}", audiences, f"{rung.why}; {tail}")
    taken = [rung for rung in standing if rung.done is not None and rung.step.action != "notify"]
    is_over = taken and not any(_is_open(rung) for rung in standing)
    if is_over and not (told and _needs_people(_latest(taken))):
        yield Notice("failure", "on_failure", audiences, f"no remedy is left: {_latest(taken).why}")


def _needs_people(rung: Rung) -> bool:
    return rung.done is not None and rung.done.status in ("failed", "rejected", "interrupted")


def _is_open(rung: Rung) -> bool:
    """Whether the ladder is not at its end by this step."""
    return rung.state in ("under_way", "approved", "helped") or (
        rung.state in ("untried", "retry", "held") and rung.skipped is None
    )


def _latest(taken: Sequence[Rung]) -> Rung:
    return max(taken, key=lambda rung: rung.done.decided_at_s if rung.done is not None else 0.0)


def _closing(incident: Incident, audiences: tuple[str, ...]) -> Iterator[Notice]:
    """The end, for each notice of the incident that said that it is open."""
    if incident.state != "resolved" or not audiences:
        return
    for item in incident.actions:
        was_sent = item.status in MAY_HAVE_RUN
        if item.kind == "notify" and not item.undo and was_sent and not _is_side_notice(item.step_id):
            yield Notice("close", item.step_id or "", audiences, "the incident resolved", item.target, undo=True)


def _is_side_notice(step_id: str | None) -> bool:
    return step_id is not None and (is_failure(step_id) or step_id.startswith("on_change/"))


def _is_given(incident: Incident, notice: Notice, by_key: Mapping[str, ActionRecord]) -> bool:
    return key(incident.id, "notify", notice.target or incident.service, notice.step_id, notice.undo) in by_key
