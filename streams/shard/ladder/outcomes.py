"""What an outcome changes of the action that its incident shows, by a table. Pure.

Two write outcomes of one key: who asks people (a suggestion's answer) and the executor. A pair that is not in the table
changes nothing, so an answer that comes late, or twice, has no effect.

The executor also reports changes of a circuit breaker by itself, as notices under the key of the action that opened it.
A notice changes what is known of the breaker and never the status. Two have a key of their own and are actions of the
incident too: the notice of an undo, and that of an opening which the executor holds for the incident without an intent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import cast, get_args

from actions.model import Intent, Outcome
from actions.remedies.notices import NOTICE
from classifiers.model import ActionRecord, BreakerState

ANSWERS = frozenset({"approved", "rejected", "withdrawn", "expired", "void"})
ENDS = frozenset({
    "executed", "dry_run", "observed", "failed", "expired", "cooldown", "duplicate", "refused", "interrupted",
})
ASKED: Mapping[str, frozenset[str]] = {
    "pending": ANSWERS | {"suggested", "refused", "duplicate"},
    "suggested": ANSWERS | {"refused"},
}
"""By status of an action that people are asked for: the outcomes that count."""
REFUSED = frozenset({"refused", "cooldown"})
MAX_DETAIL = 300
"""Characters of a reason that an incident keeps."""
RUNNING: Mapping[str, frozenset[str]] = {"pending": ENDS | {"suggested"}}
"""The same of an action that runs without being asked for, or after it was approved."""


def pending(intent: Intent) -> ActionRecord:
    """An intent as its incident shows it before there is an outcome."""
    return ActionRecord(
        intent.key, intent.kind, intent.target, intent.mode, "pending", intent.decided_at_s, None, intent.step_id,
        intent.attempt, intent.undo, intent.playbook, None if intent.remedy is None else intent.remedy.undo,
        digest=intent.digest, approved_by=tuple(each.who for each in intent.decisions),
    )


def with_outcome(known: ActionRecord, outcome: Outcome) -> ActionRecord:
    """The action after an outcome; the same object when the outcome does not count.

    The outcome of a repeated intent is `duplicate`; it names the outcome that counts, and when that came.
    """
    allowed = (ASKED if known.mode == "suggest" else RUNNING).get(known.status, frozenset())
    asked_late = known.mode != "suggest" and outcome.mode == "suggest"
    if outcome.status not in allowed or asked_late:
        return known
    status: str = outcome.status
    done_at_s = outcome.done_at_s
    if status == "duplicate":
        earlier, earlier_at_s = outcome.data.get("earlier_status"), outcome.data.get("earlier_at_s")
        status = earlier if isinstance(earlier, str) else status
        done_at_s = earlier_at_s if isinstance(earlier_at_s, float) else done_at_s
    detail = outcome.detail[:MAX_DETAIL] if status in REFUSED else None
    return replace(known, status=status, done_at_s=done_at_s, detail=detail)


def actions_after(actions: Iterable[ActionRecord], outcome: Outcome) -> tuple[ActionRecord, ...]:
    """The actions of an incident that an outcome changes, as they are afterwards.

    Its own, where its status changes, and all with the same circuit breaker, where the state of that one does.
    """
    known = {action.key: action for action in actions}
    after = dict(known)
    own, breaker = _own(known.get(outcome.key), outcome), breaker_of(outcome)
    if own is not None:
        after[outcome.key] = own
    for key, action in after.items():
        if breaker is not None and (action.kind, action.target) == (outcome.kind, outcome.target):
            after[key] = replace(action, breaker=breaker)
    return tuple(action for key, action in after.items() if action != known.get(key))


def _own(known: ActionRecord | None, outcome: Outcome) -> ActionRecord | None:
    """The action of an outcome itself, as it is afterwards; None for a notice that is no action."""
    if NOTICE in outcome.data and not outcome.undo and (known is not None or breaker_of(outcome) != "open"):
        return known
    own = record_of(outcome) if known is None else with_outcome(known, outcome)
    return None if known is None and own.status == "pending" else own


def breaker_of(outcome: Outcome) -> BreakerState | None:
    """The state of the circuit breaker that an outcome reports; None where it reports none.

    A duplicate repeats what was reported earlier, which may be over.
    """
    state = outcome.data.get("breaker_state")
    is_news = outcome.status != "duplicate" and state in get_args(BreakerState)
    return cast("BreakerState", state) if is_news else None


def record_of(outcome: Outcome) -> ActionRecord:
    """An outcome of an intent that its incident does not show, as an action of it."""
    known = ActionRecord(
        outcome.key, outcome.kind, outcome.target, outcome.mode, "pending", outcome.decided_at_s, undo=outcome.undo,
    )
    return with_outcome(known, outcome)
