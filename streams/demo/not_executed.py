"""Why decided actions were not executed, in lines for the report. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from actions.limits import LimitParams
from actions.model import Outcome
from streams.demo.state import DemoState

STATUSES = ("refused", "expired", "cooldown", "failed", "interrupted")
MAX_AGE_S = LimitParams().max_age_s
"""`limits.max_age` as shipped, which the demo keeps."""


def not_executed(demo: DemoState) -> list[str]:
    """A line for each status, with the reason of the action that waited longest. Where actions were too late, a last
    line says what that means. Empty where nothing was held back."""
    outcomes = [action.outcome for action in demo.actions.values() if action.outcome is not None]
    by_status: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.status in STATUSES:
            by_status[outcome.status].append(outcome)
    lines = [
        f"{len(found)} {status}, the latest of them: {max(found, key=_waited_s).detail}"
        for status, found in sorted(by_status.items(), key=lambda one: STATUSES.index(one[0]))
    ]
    late = [*by_status["expired"], *(one for one in by_status["refused"] if _waited_s(one) > MAX_AGE_S)]
    return [*lines, _meaning(demo, late)] if late else lines


def _meaning(demo: DemoState, late: Iterable[Outcome]) -> str:
    waited_s = max(map(_waited_s, late))
    here = f"{waited_s / demo.speed:.0f} s, which is {waited_s:.0f} s of the recording"
    slower = f"tocsin demo --speed {demo.speed / 3:.1g}"
    return (
        f"So this machine is too slow or too busy for {demo.speed:g}x: decisions waited up to {here}, and Tocsin never "
        f"acts on an old decision. Try: {slower}"
    )


def _waited_s(outcome: Outcome) -> float:
    return outcome.done_at_s - outcome.decided_at_s
