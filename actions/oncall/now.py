"""Who is on call now by each schedule, and until when. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from actions.oncall.duty import on_call
from actions.oncall.periods import periods
from actions.oncall.schedule import Roster
from classifiers.by_hand import Override

DAY_S = 86_400.0
LOOKED_AHEAD_S = (2.0 * DAY_S, 28.0 * DAY_S)
"""How far ahead the end is looked for: most ends are near, and looking far takes some milliseconds."""


@dataclass(frozen=True, slots=True)
class OnCall:
    """Who is on call by a schedule. person: None for nobody. reason: why. until_s: when somebody else is, or the reason
    changes, seconds since the epoch; None where that is not within 28 days.
    """

    schedule: str
    person: str | None
    reason: str
    until_s: float | None


def on_call_now(roster: Roster, overrides: Sequence[Override], now_s: float) -> list[OnCall]:
    """One for each schedule, in the order of the configuration."""
    found = []
    for name in roster.schedules:
        duty = on_call(roster, overrides, name, now_s)
        found.append(OnCall(name, duty.person, duty.reason, _until_s(roster, overrides, name, now_s)))
    return found


def _until_s(roster: Roster, overrides: Sequence[Override], name: str, now_s: float) -> float | None:
    for ahead_s in LOOKED_AHEAD_S:
        first, *later = periods(roster, overrides, name, now_s, now_s + ahead_s)
        if later:
            return first.until_s
    return None
