"""The ladder: how far the steps of a playbook have come, by tables. Pure.

One step is under way at a time. Of the others the first one is due that was not taken yet, has a target, and whose
prerequisites hold. So an earlier step whose prerequisites come to hold later is tried before a later one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from actions.playbooks.identity import digest, key
from actions.playbooks.playbook import Playbook, Step, placeholders, render
from actions.playbooks.prerequisites import Facts, unmet
from classifiers.model import ActionRecord, Incident, RemedyRecord

State = Literal["untried", "under_way", "held", "approved", "retry", "passed", "stopped", "helped"]
"""untried: not taken yet. under_way: asked for, running, or being judged. held: a limit of the executor held it back,
so people are to be asked. approved: people agreed, to be written anew. retry: failed, one more attempt is due. passed:
over, the next step is due. stopped: over, and no other is taken. helped: the service recovered by it."""
Reached = Literal["asked", "agreed", "ran", "failed", "over", "refused_by_people"]
REACHED: Mapping[str, Reached] = {
    "pending": "asked", "suggested": "asked", "approved": "agreed",
    "executed": "ran", "interrupted": "ran", "dry_run": "ran", "observed": "ran",
    "failed": "failed",
    "refused": "over", "cooldown": "over", "expired": "over", "withdrawn": "over", "void": "over", "duplicate": "over",
    "rejected": "refused_by_people",
}
"""What a status says of an attempt."""
JUDGED: Mapping[str, State] = {
    "applied": "under_way", "verifying": "under_way", "recovered": "helped", "not_recovered": "passed",
    "inconclusive": "passed", "undone": "passed", "kept": "passed",
}
"""What the state of a remedy says of its step."""
LAPSE_S = 60.0
"""So long after the end of a request its step is over without an answer, and so long may an approval wait."""
MIN_RECORD = 5
"""Judged runs of a step from which on its record may change the order."""
MAX_ATTEMPTS = 10
"""At a step of one target: a run, its repetition after a failure, and one for each change of the terms that were asked
for."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One step as it stands: its target (None without one), the last attempt at it, and what that came to.

    attempt: of `done`, 0 where it was not taken. why: of the state, for people. skipped: why it cannot be taken now.
    """

    step: Step
    target: str | None
    state: State
    attempt: int = 0
    done: ActionRecord | None = None
    why: str = ""
    skipped: str | None = None


def rungs(
    incident: Incident, playbook: Playbook, by_key: Mapping[str, ActionRecord], facts: Facts, now_s: float,
) -> list[Rung]:
    """Every step of the playbook as it stands, in the order in which they are tried."""
    remedies = {remedy.key: remedy for remedy in incident.remedies}
    found = [_rung(incident, step, playbook, by_key, remedies, now_s) for step in playbook.steps]
    judged = [_checked(rung, number, incident, facts) for number, rung in enumerate(found, 1)]
    return _by_record(judged, playbook, facts) if playbook.order == "by_record" else judged


def _rung(
    incident: Incident, step: Step, playbook: Playbook, by_key: Mapping[str, ActionRecord],
    remedies: Mapping[str, RemedyRecord], now_s: float,
) -> Rung:
    target = render(step.target, scope_of(incident))
    if target is None:
        return Rung(step, None, "untried")
    attempts: list[ActionRecord] = []
    while len(attempts) < MAX_ATTEMPTS and (
        done := by_key.get(key(incident.id, step.action, target, step.id, False, len(attempts) + 1))
    ) is not None:
        attempts.append(done)
    if not attempts:
        return Rung(step, target, "untried")
    number, done = len(attempts), attempts[-1]
    if number < MAX_ATTEMPTS and _is_of_old_terms(done, playbook):
        return Rung(step, target, "retry", number, done, f"its terms were changed after {done.kind} was {done.status}")
    state, why = _state(step, number, done, remedies.get(done.key), now_s)
    return Rung(step, target, state, number, done, why)


def _is_of_old_terms(done: ActionRecord, playbook: Playbook) -> bool:
    """Whether people were asked for other terms than those of now, and nothing came of it: they are asked anew."""
    if done.status not in ("void", "approved") or done.digest is None or done.playbook != playbook.name:
        return False
    return done.digest != digest(playbook)


def _state(
    step: Step, number: int, done: ActionRecord, remedy: RemedyRecord | None, now_s: float,
) -> tuple[State, str]:
    reached = REACHED.get(done.status, "over")
    what = f"{done.kind} was {done.status}" + (f": {done.detail}" if done.detail else "")
    if done.status == "suggested" and done.mode == "auto":
        return "held", f"a limit held {done.kind} back"
    if reached == "asked" or (reached == "ran" and done.done_at_s is None):
        return "under_way", what
    if reached == "agreed" and done.mode == "suggest":
        return "approved", what
    if reached == "ran":
        assert done.done_at_s is not None
        if remedy is not None:
            return JUDGED[remedy.state], f"{what}, and is {remedy.state.replace('_', ' ')}: {remedy.detail}"
        since_s = now_s - done.done_at_s
        state: State = "under_way" if since_s < step.verify.within_s else "passed"
        return state, f"still open {since_s:.0f} s after {what}"
    if reached == "failed" and number <= step.retries:
        return "retry", f"attempt {number} of {what.replace(' was', '')}"
    is_final = reached == "refused_by_people" or (reached == "failed" and step.on_failure == "stop")
    return ("stopped" if is_final else "passed"), what


def _checked(rung: Rung, number: int, incident: Incident, facts: Facts) -> Rung:
    """The rung with the reason for which it cannot be taken now."""
    if rung.state not in ("untried", "retry", "held", "approved"):
        return rung
    step, why = rung.step, None
    if rung.target is None:
        scope = scope_of(incident)
        missing = " and no ".join(sorted(name for name in placeholders(step.target) if scope[name] is None))
        why = f"the incident names no {missing}"
    else:
        why = unmet(step.when, facts)
    if why is None:
        return rung
    skipped = f"step {number} ({step.action} on {step.target}) is skipped, since {why}"
    return Rung(step, rung.target, rung.state, rung.attempt, rung.done, rung.why, skipped)


def _by_record(found: Sequence[Rung], playbook: Playbook, facts: Facts) -> list[Rung]:
    """The steps with enough of a record by it, the best first, each in a place of one of them; the others stay.

    By the mean of a Beta posterior with a uniform prior: (recovered + 1) / (judged + 2).
    """
    def mean(rung: Rung) -> float:
        recovered, judged = facts.record(playbook.name, rung.step.id)
        return (recovered + 1.0) / (judged + 2.0)

    known = [place for place, one in enumerate(found) if facts.record(playbook.name, one.step.id)[1] >= MIN_RECORD]
    ordered = list(found)
    best_first = sorted((found[place] for place in known), key=mean, reverse=True)
    for place, rung in zip(known, best_first, strict=True):
        ordered[place] = rung
    return ordered


def lapsed(incident: Incident, playbooks: Sequence[Playbook], now_s: float) -> Iterator[tuple[ActionRecord, str]]:
    """Requests and approvals of an incident that nobody will answer or use any more, each with the reason.

    An approval whose step could not be taken within `LAPSE_S` is over, so that nobody is surprised by it later.
    """
    asked = [
        (action, REACHED.get(action.status)) for action in incident.actions
        if action.mode == "suggest" and action.step_id is not None
    ]
    if not asked:
        return
    lives_s: dict[tuple[str, str | None], float] = {
        (step.action, step.id): _life_s(step) for book in playbooks for step in book.steps
    }
    for action, reached in asked:
        life_s = lives_s.get((action.kind, action.step_id), _DEFAULT_LIFE_S)
        if reached == "asked" and now_s - action.decided_at_s > life_s + LAPSE_S:
            yield action, f"nobody answered within {life_s:g} s"
        elif reached == "agreed" and action.done_at_s is not None and now_s - action.done_at_s > LAPSE_S:
            yield action, f"approved, but its prerequisites did not hold within {LAPSE_S:g} s"


_DEFAULT_LIFE_S = 900.0


def _life_s(step: Step) -> float:
    return _DEFAULT_LIFE_S if step.approval is None else step.approval.expires_after_s


def scope_of(incident: Incident) -> dict[str, str | None]:
    """The incident's labels by `TARGET_FIELDS`. Written out for speed: it runs for every open incident at every
    instant.
    """
    return {
        "service": incident.service, "model": incident.model, "version": incident.version,
        "replica": incident.replica, "tenant": incident.tenant,
    }
