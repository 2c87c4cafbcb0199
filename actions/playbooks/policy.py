"""The policy: from an incident, the playbooks and the actions so far to intents. Pure and deterministic.

A decision is made once per incident, kind, target, step, direction and attempt; these six give its key. Deciding again
gives the same key, and the ledger runs a key once. A decision that stands on its incident is not repeated, but for one
that people approved: it is written again, in mode auto, once its prerequisites still hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from actions.limits import LimitParams
from actions.model import HARMLESS, HTTP_OK, TIMEOUT, ApprovalTerms, Fleet, Intent, Mode, RemedyTerms
from actions.playbooks.identity import digest, key
from actions.playbooks.ladder import Rung, rungs, scope_of
from actions.playbooks.notices import Notice, due_notices
from actions.playbooks.playbook import Match, Playbook, Step, render, unrender
from actions.playbooks.prerequisites import Facts, Unknown
from actions.playbooks.undo import Undo, due_undos
from classifiers.model import Incident

UNDO_EXPIRES_AFTER_S = 7 * 86_400.0
"""An undo is due however late the executor comes to it; what it reverses is in force until then."""
UNMATCHED = Playbook("unmatched", 1, Match(), "auto")
"""For an incident that no playbook is for: people are notified."""
FOUR_EYES_AT_P0 = frozenset({"rollback"})
"""Kinds that nobody approves alone who asked for them, when the incident was an outage."""
UNKNOWN = Unknown()


@dataclass(frozen=True, slots=True)
class _Context:
    """The arguments of one call of `decide`."""

    incident: Incident
    playbook: Playbook
    playbooks: Sequence[Playbook]
    limits: LimitParams
    now_s: float
    facts: Facts


def decide(
    incident: Incident, playbooks: Sequence[Playbook], limits: LimitParams, now_s: float, facts: Facts = UNKNOWN,
) -> list[Intent]:
    """The intents that are due now; empty if none is.

    The first playbook that fits is used; an incident without one is notified. While the incident is open, people are
    notified as the playbook says, and one step at a time is taken (see `ladder.py`). While it flaps, and while it is a
    loss of monitoring, people are notified and no step is taken. When it resolves, its actions are undone, unless their
    step says never.

    now_s: pipeline time. It becomes `decided_at_s`, so the executor's age limit measures how far the pipeline is
    behind. facts: what the shard knows beside the incident.
    """
    playbook = playbook_of(incident, playbooks)
    by_key = {item.key: item for item in incident.actions}
    context = _Context(incident, playbook, playbooks, limits, now_s, facts)
    standing = rungs(incident, playbook, by_key, facts, now_s) if _takes_steps(incident) else []
    step = _next_step(context, standing)
    opens = step is not None and step.kind in HARMLESS and step.mode == "auto"
    notices = due_notices(incident, playbook, standing, by_key, opens=opens)
    intents = [*(_notify(context, notice) for notice in notices), *([] if step is None else [step])]
    return [*intents, *(_undo(context, undo) for undo in due_undos(incident, by_key))]


def playbook_of(incident: Incident, playbooks: Sequence[Playbook]) -> Playbook:
    """The playbook in force for an incident: the first that fits, `UNMATCHED` without one."""
    return next((playbook for playbook in playbooks if playbook.fits(incident)), UNMATCHED)


def skipped_steps(
    incident: Incident, playbooks: Sequence[Playbook], now_s: float = 0.0, facts: Facts = UNKNOWN,
) -> tuple[str, ...]:
    """A reason for each step of the incident's playbook that cannot be taken now: the incident lacks a label of its
    target, or a prerequisite does not hold. Flapping and resolved incidents take no steps.
    """
    if not _takes_steps(incident):
        return ()
    playbook = playbook_of(incident, playbooks)
    by_key = {item.key: item for item in incident.actions}
    standing = rungs(incident, playbook, by_key, facts, now_s)
    return tuple(f"{_titled(playbook)}: {rung.skipped}" for rung in standing if rung.skipped is not None)


def _takes_steps(incident: Incident) -> bool:
    return incident.state == "open" and incident.category != "telemetry"


def _next_step(context: _Context, standing: Sequence[Rung]) -> Intent | None:
    """The step that is due: one that people approved, else one that they are to be asked for, else the first that was
    not taken. None while a remedy is under way, and after one that helped or was rejected. A notice that is under way
    holds back the steps after it alone.
    """
    if any(rung.state in ("stopped", "helped") or _is_under_way(rung) for rung in standing):
        return None
    approved = [rung for rung in standing if rung.state == "approved"]
    if approved:
        return next((_release(context, rung) for rung in approved if rung.skipped is None), None)
    held = [rung for rung in standing if rung.state == "held" and rung.skipped is None]
    if held:
        return _ask(context, held[0])
    ladder = [rung for rung in standing if rung.state in ("untried", "retry") and rung.skipped is None]
    if not ladder or any(rung.state == "under_way" for rung in standing[:standing.index(ladder[0])]):
        return None
    rung, before = ladder[0], [rung for rung in standing if rung.state == "passed" and rung.done is not None]
    why = rung.why if rung.state == "retry" else _why(before, standing)
    number = 1 + [one.id for one in context.playbook.steps].index(rung.step.id)
    reason = f"{_titled(context.playbook)}, step {number} of {len(context.playbook.steps)}: {why}"
    return _take(context, rung, reason)


def _is_under_way(rung: Rung) -> bool:
    return rung.state == "under_way" and rung.step.action not in HARMLESS


def _why(before: Sequence[Rung], standing: Sequence[Rung]) -> str:
    """Why a step is due: what came of the one before it, or that none was taken."""
    if before:
        return max(before, key=lambda rung: rung.done.decided_at_s if rung.done is not None else 0.0).why
    return next((rung.skipped for rung in standing if rung.skipped is not None), "the incident opened")


def _take(context: _Context, rung: Rung, reason: str, *, asks: bool = False) -> Intent:
    step, target = rung.step, rung.target
    assert target is not None
    mode, note = _mode(context, step)
    if asks:
        mode, note = "suggest", ""
    approval = _approval(context, step) if mode == "suggest" and step.action not in HARMLESS else None
    life_s = approval.expires_after_s if approval is not None else context.playbook.expires_after_s
    recovered, judged = context.facts.record(context.playbook.name, step.id)
    record = f"; earlier runs that led to a recovery: {recovered} of {judged}" if judged else ""
    return _intent(
        context, step.action, target, step.id, mode, reason + note + record, life_s,
        params=_params(context, step, True), attempt=rung.attempt + 1, approval=approval, remedy=_remedy(step),
        scope=unrender(step.target, target),
        fleet=context.facts.fleet() if step.action not in HARMLESS else None,
    )


def _ask(context: _Context, rung: Rung) -> Intent:
    """The intent that a limit of the executor held back, written anew under its key to be approved."""
    reason = f"{_titled(context.playbook)}: {rung.why}, so it needs an approval"
    return _take(context, replace(rung, attempt=rung.attempt - 1), reason, asks=True)


def _release(context: _Context, rung: Rung) -> Intent:
    """The intent that people approved, written anew under its key to run."""
    assert rung.done is not None
    reason = f"{_titled(context.playbook)}: step {rung.step.id} was approved"
    taken = _take(context, replace(rung, attempt=rung.attempt - 1), reason)
    approval = taken.approval or _approval(context, rung.step)
    expires_at_s = context.now_s + context.playbook.expires_after_s
    return replace(taken, mode="auto", approval=approval, expires_at_s=expires_at_s, reason=reason)


def _approval(context: _Context, step: Step) -> ApprovalTerms:
    terms = step.approval or ApprovalTerms()
    strict = step.action in FOUR_EYES_AT_P0 and context.incident.peak_severity == "P0"
    return replace(terms, four_eyes=terms.four_eyes or strict)


def _remedy(step: Step) -> RemedyTerms | None:
    if step.action in HARMLESS:
        return None
    verify = step.verify
    settle_s = min(verify.settle_s, verify.within_s)
    return RemedyTerms(step.hold_s, step.undo_when, settle_s, verify.within_s, verify.min_samples)


def _mode(context: _Context, step: Step) -> tuple[Mode, str]:
    """The mode of a step, with a note where it is not the one written. A notice is never a matter for approval."""
    mode = step.mode or context.playbook.mode
    if step.action in HARMLESS:
        return ("auto" if mode == "suggest" else mode), ""
    if mode != "auto":
        return mode, ""
    if step.approval is not None:
        return "suggest", ""
    window_s = context.limits.futile_window_s
    failed = context.facts.ineffective(context.playbook.name, step.id, context.now_s - window_s)
    if failed < context.limits.futile_after:
        return mode, ""
    return "suggest", f"; only suggested: it did not help {failed} times in {window_s:g} s"


def _notify(context: _Context, notice: Notice) -> Intent:
    params = {**_params(context, None, False), "event": notice.event, "audiences": ",".join(notice.audiences) or None}
    if notice.event == "open" and context.playbook.runbook:
        params["runbook"] = context.playbook.runbook
    life_s = UNDO_EXPIRES_AFTER_S if notice.undo else context.playbook.expires_after_s
    target, reason = notice.target or context.incident.service, f"{_titled(context.playbook)}: {notice.why}"
    return _intent(
        context, "notify", target, notice.step_id, "auto", reason, life_s, params=params, undo=notice.undo,
    )


def _undo(context: _Context, undo: Undo) -> Intent:
    """The undo of an action, with the labels that its target was rendered from where its step is still configured."""
    action = undo.action
    own = [
        (book, step) for book in context.playbooks for step in book.steps
        if (book.name, step.id, step.action) == (action.playbook, action.step_id, action.kind)
    ]
    book, step = own[0] if own else (context.playbook, None)
    return _intent(
        replace(context, playbook=book), action.kind, action.target, action.step_id or "", "auto", undo.why,
        UNDO_EXPIRES_AFTER_S, params=_params(context, step, True), undo=True, attempt=action.attempt,
        scope=None if step is None else unrender(step.target, action.target),
    )


def _params(context: _Context, step: Step | None, is_step: bool) -> dict[str, str | float | bool | None]:
    """What an action gets to know beside its scope."""
    incident, playbook = context.incident, context.playbook
    fleet: Fleet | None = context.facts.fleet() if is_step else None
    params: dict[str, str | float | bool | None] = {
        "playbook": f"{playbook.name} v{playbook.version}", "severity": incident.severity,
        "category": incident.category, "title": incident.title, "fleet_size": None if fleet is None else fleet.size,
    }
    if step is None:
        return params
    http_ok = None if step.when.http_ok is None else _url(step.when.http_ok, incident)
    more = {TIMEOUT: step.timeout_s, "expected_duration_s": step.expected_duration_s, HTTP_OK: http_ok}
    return {**params, **{name: value for name, value in more.items() if value is not None}, **step.params}


def _url(template: str, incident: Incident) -> str:
    """The URL of a prerequisite. Labels come from telemetry and must not change its host or path, so they are quoted.

    Where the incident lacks a label the template is given as it is: the executor refuses it, since unknown is not met.
    """
    quoted = {
        # Quoting keeps dots, which would change the path.
        name: None if value in (None, ".", "..") else quote(str(value), safe="")
        for name, value in scope_of(incident).items()
    }
    return render(template, quoted) or template


def _intent(
    context: _Context, kind: str, target: str, step_id: str, mode: Mode, reason: str, life_s: float, *,
    params: dict[str, str | float | bool | None], undo: bool = False, attempt: int = 1,
    approval: ApprovalTerms | None = None, remedy: RemedyTerms | None = None, fleet: Fleet | None = None,
    scope: dict[str, str] | None = None,
) -> Intent:
    incident, now_s = context.incident, context.now_s
    labels = {**scope_of(incident), **(scope or {})}
    return Intent(
        key(incident.id, kind, target, step_id, undo, attempt), incident.id, kind, target, mode, reason, now_s,
        now_s + life_s, labels["service"] or incident.service, labels["model"], labels["version"], labels["replica"],
        labels["tenant"], undo, params, step_id=step_id or None, attempt=attempt, playbook=context.playbook.name,
        digest=digest(context.playbook), approval=approval, remedy=remedy, fleet=fleet,
    )


def _titled(playbook: Playbook) -> str:
    return f"playbook {playbook.name}, revision {playbook.version}"
