"""What an outcome changes of the action that its incident shows, by a table. Pure.

Two write outcomes of one key: who asks people (a suggestion's answer) and the executor. A pair that is not in the table
changes nothing, so an answer that comes late, or twice, has no effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from actions.model import Intent, Outcome
from classifiers.model import ActionRecord

ANSWERS = frozenset({"approved", "rejected", "withdrawn", "expired", "void"})
ENDS = frozenset({
    "executed", "dry_run", "observed", "failed", "expired", "cooldown", "duplicate", "refused", "interrupted",
})
ASKED: Mapping[str, frozenset[str]] = {
    "pending": ANSWERS | {"suggested", "refused", "duplicate"},
    "suggested": ANSWERS | {"refused"},
}
"""By status of an action that people are asked for: the outcomes that count."""
RUNNING: Mapping[str, frozenset[str]] = {"pending": ENDS | {"suggested"}}
"""The same of an action that runs without being asked for, or after it was approved."""


def pending(intent: Intent) -> ActionRecord:
    """An intent as its incident shows it before there is an outcome."""
    return ActionRecord(
        intent.key, intent.kind, intent.target, intent.mode, "pending", intent.decided_at_s, None, intent.step_id,
        intent.attempt, intent.undo, intent.playbook, None if intent.remedy is None else intent.remedy.undo,
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
    return replace(known, status=status, done_at_s=done_at_s)


def action_after(actions: Iterable[ActionRecord], outcome: Outcome) -> ActionRecord | None:
    """The action that an outcome changes, as it is afterwards; None when it changes nothing."""
    known = next((action for action in actions if action.key == outcome.key), None)
    after = record_of(outcome) if known is None else with_outcome(known, outcome)
    return None if after is known else after


def record_of(outcome: Outcome) -> ActionRecord:
    """An outcome of an intent that its incident does not show, as an action of it."""
    known = ActionRecord(
        outcome.key, outcome.kind, outcome.target, outcome.mode, "pending", outcome.decided_at_s, undo=outcome.undo,
    )
    return with_outcome(known, outcome)
